"""What the engines that answer have in common: where the texts of a batch are, and what becomes of their states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Int = NDArray[np.int64]
Int32 = NDArray[np.int32]
Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Where the texts of a batch are; none is empty.

    Attributes:
        firsts: `(N,) int64`, the position of each text's first token.
        lengths: `(N,) int64`, tokens in each text, falling.
        directions: 1 or 2.
    """

    firsts: Int
    lengths: Int
    directions: int

    def alive(self, first: int, last: int) -> Int:
        """Gives how many texts have a token at each of the steps from `first` to before `last`."""
        over = np.searchsorted(self.lengths[::-1], np.arange(first, last), side="right")
        return np.asarray(len(self.lengths) - over)

    def positions(self, first: int, alive: Int) -> Int:
        """Gives the positions `(D, R)` of the tokens that are read from step `first` on, step after step."""
        ends = np.cumsum(alive)
        steps = np.repeat(np.arange(first, first + len(alive)), alive)
        texts = np.arange(ends[-1]) - np.repeat(ends - alive, alive)
        forward: Int = self.firsts[texts] + steps
        if self.directions == 1:
            return forward[None]
        return np.stack([forward, (self.firsts + self.lengths - 1)[texts] - steps])


class Layers(Protocol):
    """What the encoder does with tokens: convolution, GRU layers and pooling.

    Attributes:
        texts: How many step together.
    """

    texts: int

    def read(self, vectors: Float, ids: Int32, lengths: Int32) -> tuple[Any, Int]:
        """Gives what `pool` reads, and where in it each text begins; the arguments are those of `Encoder.encode`."""

    def pool(self, source: Any, batch: Batch) -> Float:
        """Gives the vectors `(n, P)` of the texts of a batch."""


def attend(states: Float, batch: Batch, weights: Weights) -> Float:
    """Gives what `Attention` does, `(N, D * U)`, from all states `(S, D * U)`."""
    seen = np.tanh(states @ weights["pool/kernel"] + weights["pool/bias"])
    scores = seen @ weights["pool/query"]  # (S,)
    pooled = np.empty((len(batch.lengths), states.shape[1]), np.float32)
    for n, (first, length) in enumerate(zip(batch.firsts, batch.lengths, strict=True)):
        own = slice(first, first + length)
        shares = np.exp(scores[own] - scores[own].max())
        pooled[n] = (shares / shares.sum()) @ states[own]
    return pooled


def side_by_side(values: NDArray[Any]) -> NDArray[Any]:
    """Gives `(N, D * U)` from `(D, N, U)`."""
    return np.asarray(values.transpose(1, 0, 2).reshape(values.shape[1], -1))
