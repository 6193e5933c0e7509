"""Pooling in NumPy, from the states of a text to one vector: a class for each name in `grutext.model.spec.POOLINGS`.

A pooling is a `grutext.engines.numpy.gru.Sink`: it gets the states of a batch block by block. The states of step t are those
of each text's token t, counted from its beginning in the forward direction and from its end in the backward direction. Only
`attention` stores them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from grutext.engines.layers import BatchLayout, Float, attend, side_by_side
from grutext.engines.numpy.gru import Runs, Sink

Weights = Mapping[str, NDArray[Any]]
_PARTIAL = 64  # steps whose sum is computed in float32, before it is added to a sum in float64


class Pooling(Sink, Protocol):
    """A pooling of the states of a batch, `units` in each direction, to one vector for each text."""

    def __init__(self, batch: BatchLayout, units: int, weights: Weights) -> None: ...

    def pooled(self) -> Float:
        """Return the vectors, `(N, P) float32`."""


class Max:
    """The largest value of each state dimension over the tokens."""

    def __init__(self, batch: BatchLayout, units: int, weights: Weights) -> None:
        self._largest = np.full((batch.directions, len(batch.lengths), units), -np.inf, np.float32)

    def add(self, states: Float, runs: Runs) -> None:
        """Process the states of a block, `(D, R, U)`."""
        for block in _blocks(states, runs):
            largest = self._largest[:, : block.shape[2]]
            np.maximum(largest, block.max(axis=1), out=largest)

    def pooled(self) -> Float:
        """Return the vectors, `(N, D * U) float32`."""
        return side_by_side(self._largest)


class Mean:
    """The mean state over the tokens, summed in float32 over a few steps, and in float64 over all."""

    def __init__(self, batch: BatchLayout, units: int, weights: Weights) -> None:
        self._lengths = batch.lengths
        self._sums = np.zeros((batch.directions, len(batch.lengths), units), np.float64)
        self._partial = np.zeros_like(self._sums, np.float32)
        self._steps = 0

    def add(self, states: Float, runs: Runs) -> None:
        """Process the states of a block, `(D, R, U)`."""
        for block in _blocks(states, runs):
            partial = self._partial[:, : block.shape[2]]
            partial += block.sum(axis=1)
            self._steps += block.shape[1]
        if self._steps >= _PARTIAL:
            self._flush()

    def _flush(self) -> None:
        self._sums += self._partial
        self._partial[...] = 0
        self._steps = 0

    def pooled(self) -> Float:
        """Return the vectors, `(N, D * U) float32`."""
        self._flush()
        return side_by_side(self._sums / self._lengths[:, None]).astype(np.float32)


class MaxMean:
    """The maximum and the mean side by side."""

    def __init__(self, batch: BatchLayout, units: int, weights: Weights) -> None:
        self._max, self._mean = Max(batch, units, weights), Mean(batch, units, weights)

    def add(self, states: Float, runs: Runs) -> None:
        """Process the states of a block, `(D, R, U)`."""
        self._max.add(states, runs)
        self._mean.add(states, runs)

    def pooled(self) -> Float:
        """Return the vectors, `(N, 2 * D * U) float32`."""
        return np.concatenate([self._max.pooled(), self._mean.pooled()], axis=1)


class Last:
    """The last state of each direction: that of the text's last token, and, backward, that of its first."""

    def __init__(self, batch: BatchLayout, units: int, weights: Weights) -> None:
        self._last = np.zeros((batch.directions, len(batch.lengths), units), np.float32)

    def add(self, states: Float, runs: Runs) -> None:
        """Process the states of a block, `(D, R, U)`."""
        for block in _blocks(states, runs):
            self._last[:, : block.shape[2]] = block[:, -1]

    def pooled(self) -> Float:
        """Return the vectors, `(N, D * U) float32`."""
        return side_by_side(self._last)


class States:
    """All states, for what needs them together: `attention`, and a layer above."""

    def __init__(self, batch: BatchLayout, units: int) -> None:
        ends = np.cumsum(batch.lengths)
        self._batch = BatchLayout(ends - batch.lengths, batch.lengths, batch.directions)
        self._states = np.empty((batch.directions, ends[-1], units), np.float32)
        self._row = 0

    def add(self, states: Float, runs: Runs) -> None:
        """Process the states of a block, `(D, R, U)`."""
        end = self._row + states.shape[1]
        self._states[:, self._row : end] = states
        self._row = end

    def rows(self) -> tuple[Float, BatchLayout]:
        """Return the states text after text, `(S, D * U)`, and where the texts are in them."""
        batch, (directions, _, units) = self._batch, self._states.shape
        rows = np.empty((self._row, directions, units), np.float32)
        positions = batch.positions(0, batch.alive(0, int(batch.lengths[0])))
        for direction, own in enumerate(positions):
            rows[own, direction] = self._states[direction]
        return rows.reshape(len(rows), -1), batch


class Attention:
    """The mean of the states weighted by softmax(tanh(s K + b) q) over the tokens."""

    def __init__(self, batch: BatchLayout, units: int, weights: Weights) -> None:
        self._states, self._weights = States(batch, units), weights

    def add(self, states: Float, runs: Runs) -> None:
        """Process the states of a block, `(D, R, U)`."""
        self._states.add(states, runs)

    def pooled(self) -> Float:
        """Return the vectors, `(N, D * U) float32`."""
        states, batch = self._states.rows()
        return attend(states, batch, self._weights)


POOLINGS: dict[str, type[Pooling]] = {
    "last": Last,
    "max": Max,
    "mean": Mean,
    "attention": Attention,
    "max+mean": MaxMean,
}


def _blocks(states: Float, runs: Runs) -> Iterator[Float]:
    """Yield the states of each run of a block, `(D, steps, n, U)`."""
    for row, steps, n in runs:
        yield states[:, row : row + steps * n].reshape(len(states), steps, n, -1)
