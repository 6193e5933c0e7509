"""Where the GRU's inputs come from: distinct tokens, a convolution over them, or the layer below.

Tokens have positions, and a source gives the projected inputs of any of them. Inputs end in a column of ones,
which carries the bias.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grutext.engines.layers import Float, Int
from grutext.engines.numpy.gru import Layer
from grutext.engines.numpy.workspace import Workspace


def with_ones(values: Float) -> Float:
    """Adds a column of ones: `(M, E)` to `(M, E + 1)`."""
    widened = np.ones((values.shape[0], values.shape[1] + 1), np.float32)
    widened[:, :-1] = values
    return widened


class Rows:
    """Inputs that stand in rows, one for each position.

    Args:
        rows: `(S, I + 1)`, ending in ones.
        layer: The layer that reads them.
    """

    def __init__(self, rows: Float, layer: Layer) -> None:
        self._rows, self._kernel = rows, layer.kernel

    def fill(self, gates: Float, positions: Int, workspace: Workspace) -> None:
        """Puts the projected inputs of the tokens at `positions`, `(D, R)`, into `gates`, `(3, D, R, U)`."""
        np.matmul(_take(self._rows, positions, "inputs", workspace), self._kernel, out=gates)


class DistinctTokens:
    """Vectors of distinct tokens, each of which is projected once.

    Args:
        vectors: `(M, E)`.
        ids: `(S,)`, the row in `vectors` of the token at each position.
        layer: The layer that reads them.
    """

    def __init__(self, vectors: Float, ids: NDArray[np.int32], layer: Layer) -> None:
        self._gates = with_ones(vectors) @ layer.kernel  # (3, D, M, U)
        self._ids = ids

    def fill(self, gates: Float, positions: Int, workspace: Workspace) -> None:
        """Puts the projected inputs of the tokens at `positions`, `(D, R)`, into `gates`, `(3, D, R, U)`."""
        ids = self._ids[positions]
        for gate, direction in np.ndindex(3, len(ids)):
            table = self._gates[gate, direction]
            table.take(ids[direction], axis=0, out=gates[gate, direction], mode="clip")


class Convolution:
    """What a convolution makes of each token: x_t = max(v_t, v_t + its neighbourhood's product + b).

    Each distinct token is multiplied with each C_j once.

    Args:
        vectors: `(M, E)`.
        ids: `(S,)`, the row in `vectors` of the token at each position, or M beyond a text's ends, as many
            times as the convolution reaches.
        kernel: `(k, E, E)`.
        bias: `(E,)`.
        layer: The layer that reads them.
    """

    def __init__(
        self, vectors: Float, ids: NDArray[np.int32], kernel: Float, bias: Float, layer: Layer
    ) -> None:
        tokens, size = vectors.shape
        self._vectors = with_ones(vectors)
        self._products = np.zeros((len(kernel), tokens + 1, size + 1), np.float32)  # a row of zeros is beyond
        np.matmul(vectors, kernel, out=self._products[:, :-1, :-1])
        middle = self._products[len(kernel) // 2, :-1]
        middle[:, :-1] += bias
        middle += self._vectors
        self._ids, self._layer = ids, layer

    def fill(self, gates: Float, positions: Int, workspace: Workspace) -> None:
        """Puts the projected inputs of the tokens at `positions`, `(D, R)`, into `gates`, `(3, D, R, U)`."""
        np.matmul(self._convolve(positions, workspace), self._layer.kernel, out=gates)

    def _convolve(self, positions: Int, workspace: Workspace) -> Float:
        """Gives the vectors `(D, R, E + 1)` of the tokens at `positions`."""
        reach = len(self._products) // 2
        seen = _take(self._products[0], self._ids[positions - reach], "inputs", workspace)
        for offset, products in enumerate(self._products[1:], start=1 - reach):
            seen += _take(products, self._ids[positions + offset], "more", workspace)
        vectors = _take(self._vectors, self._ids[positions], "more", workspace)
        return np.maximum(seen, vectors, out=seen)


def _take(table: Float, rows: NDArray[np.integer], name: str, workspace: Workspace) -> Float:
    """Gives rows of a table, `(*rows.shape, I + 1)`; `clip` is there because to check them takes a copy."""
    found = workspace.array(name, *rows.shape, table.shape[1])
    return table.take(rows, axis=0, out=found, mode="clip")
