"""What the engines share for prediction: the layout of a batch, the interface of the layers, gates, and attention pooling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Int = NDArray[np.int64]
Int32 = NDArray[np.int32]
Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class BatchLayout:
    """The positions of the texts of a batch in a sequence of tokens; no text is empty, and the longest comes first.

    Attributes:
        firsts: Position of each text's first token, `(N,) int64`.
        lengths: Number of tokens of each text, `(N,) int64`, in descending order.
        directions: 1 or 2.
    """

    firsts: Int
    lengths: Int
    directions: int

    def alive(self, first: int, last: int) -> Int:
        """Return how many texts have a token at each of the steps from `first` to before `last`, `(steps,) int64`."""
        over = np.searchsorted(self.lengths[::-1], np.arange(first, last), side="right")
        return np.asarray(len(self.lengths) - over)

    def positions(self, first: int, alive: Int) -> Int:
        """Return the positions of the tokens that are read from step `first` on, step by step, `(D, R) int64`.

        Args:
            first: The first step.
            alive: How many texts have a token at this step and each of the following ones; R is their sum.
        """
        ends = np.cumsum(alive)
        steps = np.repeat(np.arange(first, first + len(alive)), alive)
        texts = np.arange(ends[-1]) - np.repeat(ends - alive, alive)
        forward: Int = self.firsts[texts] + steps
        if self.directions == 1:
            return forward[None]
        return np.stack([forward, (self.firsts + self.lengths - 1)[texts] - steps])


class Gates(NamedTuple):
    """Gates, candidates and states of a layer along one text, `(D, T, U) float32` each, in the order of its tokens.

    Attributes:
        update: z, how much of the state before stays.
        reset: r, how much of the state before the candidate sees.
        candidate: c.
        states: h, after each token in the order in which the direction reads.
    """

    update: Float
    reset: Float
    candidate: Float
    states: Float


class Layers(Protocol):
    """Convolution, GRU layers and pooling of an encoder.

    Attributes:
        texts: Number of texts that are computed together.
    """

    texts: int

    def read(self, vectors: Float, ids: Int32, lengths: Int32) -> tuple[Any, Int]:
        """Return the input of the first layer, for `pool`, and the position in it of each text's first token, `(N,)`.

        Args:
            vectors: Vectors of the distinct tokens, `(M, E)`.
            ids: Row in `vectors` of each token, text after text, `(S,)`.
            lengths: Number of tokens of each text, `(N,)`.
        """

    def pool(self, source: Any, batch: BatchLayout) -> Float:
        """Return the vectors of the texts of a batch, `(N, P)`; `source` is what `read` returned."""


def attend(states: Float, batch: BatchLayout, weights: Weights) -> Float:
    """Return the attention pooling, `(N, D * U)`, of all states, `(S, D * U)`.

    It is the mean weighted by softmax(tanh(s K + b) q) over the tokens (Yang et al. 2016, equations 5-7).
    """
    scores = attention_scores(states, weights)
    pooled = np.empty((len(batch.lengths), states.shape[1]), np.float32)
    for n, (first, length) in enumerate(zip(batch.firsts, batch.lengths, strict=True)):
        own = slice(first, first + length)
        pooled[n] = softmax(scores[own]) @ states[own]
    return pooled


def attention_scores(states: Float, weights: Weights) -> Float:
    """Return tanh(s K + b) q for all states, `(S, D * U)`: `(S,)`."""
    seen = np.tanh(states @ weights["pool/kernel"] + weights["pool/bias"])
    return np.asarray(seen @ weights["pool/query"])


def softmax(scores: Float) -> Float:
    """Return the weights of T tokens, `(T,)`, from their scores."""
    exponentials = np.exp(scores - scores.max())
    return np.asarray(exponentials / exponentials.sum())


def side_by_side(values: NDArray[Any]) -> NDArray[Any]:
    """Concatenate the directions: `(D, N, U)` to `(N, D * U)`."""
    return np.asarray(values.transpose(1, 0, 2).reshape(values.shape[1], -1))
