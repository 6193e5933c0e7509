"""Sources of the GRU's inputs: distinct tokens, a convolution over them, or the layer below.

A source computes the inputs of the tokens at given positions, projected by the layer's kernel. Inputs end in a column of ones,
which multiplies the bias.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grutext.engines.layers import Float, Int
from grutext.engines.numpy.gru import Layer
from grutext.engines.numpy.workspace import Workspace


def with_ones(values: Float) -> Float:
    """Append a column of ones: `(M, E)` to `(M, E + 1)`."""
    widened = np.ones((values.shape[0], values.shape[1] + 1), np.float32)
    widened[:, :-1] = values
    return widened


class Rows:
    """Inputs as rows, one for each position.

    Args:
        rows: `(S, I + 1)`, ending in ones.
        layer: The layer that reads them.
    """

    def __init__(self, rows: Float, layer: Layer) -> None:
        self._rows, self._kernel = rows, layer.kernel

    def fill(self, gates: Float, positions: Int, workspace: Workspace) -> None:
        """Write the projected inputs of the tokens at `positions`, `(D, R)`, into `gates`, `(3, D, R, U)`."""
        np.matmul(_take(self._rows, positions, "inputs", workspace), self._kernel, out=gates)


class DistinctTokens:
    """Inputs that are the vectors of distinct tokens, each of which is projected once.

    Args:
        vectors: `(M, E)`.
        ids: Row in `vectors` of the token at each position, `(S,)`.
        layer: The layer that reads them.
    """

    def __init__(self, vectors: Float, ids: NDArray[np.int32], layer: Layer) -> None:
        self._gates = with_ones(vectors) @ layer.kernel  # (3, D, M, U)
        self._ids = ids

    def fill(self, gates: Float, positions: Int, workspace: Workspace) -> None:
        """Write the projected inputs of the tokens at `positions`, `(D, R)`, into `gates`, `(3, D, R, U)`."""
        ids = self._ids[positions]
        for gate, direction in np.ndindex(3, len(ids)):
            table = self._gates[gate, direction]
            table.take(ids[direction], axis=0, out=gates[gate, direction], mode="clip")


class Convolution:
    """Inputs from a convolution: x_t = max(v_t, v_t + v_[t - k//2] C_1 + .. + v_[t + k//2] C_k + b).

    Each distinct token is multiplied by each C_j once.

    Args:
        vectors: `(M, E)`.
        ids: Row in `vectors` of the token at each position, `(S,)`; M beyond the ends of a text, for k // 2 positions.
        kernel: `(k, E, E)`.
        bias: `(E,)`.
        layer: The layer that reads them.
    """

    def __init__(
        self, vectors: Float, ids: NDArray[np.int32], kernel: Float, bias: Float, layer: Layer
    ) -> None:
        tokens, size = vectors.shape
        self._vectors = with_ones(vectors)
        # The last row stands for the positions beyond the ends.
        self._products = np.zeros((len(kernel), tokens + 1, size + 1), np.float32)
        np.matmul(vectors, kernel, out=self._products[:, :-1, :-1])
        middle = self._products[len(kernel) // 2, :-1]
        middle[:, :-1] += bias
        middle += self._vectors
        self._ids, self._layer = ids, layer

    def fill(self, gates: Float, positions: Int, workspace: Workspace) -> None:
        """Write the projected inputs of the tokens at `positions`, `(D, R)`, into `gates`, `(3, D, R, U)`."""
        np.matmul(self._convolve(positions, workspace), self._layer.kernel, out=gates)

    def _convolve(self, positions: Int, workspace: Workspace) -> Float:
        """Return the inputs of the tokens at `positions`, `(D, R, E + 1)`."""
        half_width = len(self._products) // 2
        seen = _take(self._products[0], self._ids[positions - half_width], "inputs", workspace)
        for offset, products in enumerate(self._products[1:], start=1 - half_width):
            seen += _take(products, self._ids[positions + offset], "more", workspace)
        vectors = _take(self._vectors, self._ids[positions], "more", workspace)
        return np.maximum(seen, vectors, out=seen)


def _take(table: Float, rows: NDArray[np.integer], name: str, workspace: Workspace) -> Float:
    """Return rows of a table, `(*rows.shape, I + 1)`; with `clip`, since checking the rows would copy them."""
    found = workspace.array(name, *rows.shape, table.shape[1])
    return table.take(rows, axis=0, out=found, mode="clip")
