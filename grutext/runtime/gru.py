"""The GRU over time in NumPy; equations in `grutext.model.spec`.

The texts of a batch are sorted by falling length and step together: a text that is over leaves the batch, and
nothing is padded. Both directions step at once, the backward one from each text's own end. Each gate has an
array of its own, since arithmetic on parts of rows is three times slower, and so does each direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from grutext.config import ModelConfig
from grutext.model.spec import directions
from grutext.runtime.room import Room

Float = NDArray[np.float32]
Int = NDArray[np.int64]

_ROWS = 512  # tokens of each direction that are projected at a time
_ONE = np.ones((), np.float32)  # an array is added faster than a number


@dataclass(frozen=True, slots=True)
class Layer:
    """The weights of a layer's D directions, laid out for the computation.

    Attributes:
        kernel: `(3, D, I + 1, U)`, for z, r and c; the last row is the bias, and inputs end in a 1. What belongs
            to r has its sign changed, for r = 1 / (1 + exp(-x)), and z's is kept, for 1 - z is needed.
        recurrent: `(3, D, U, U)`, likewise.
        inner: `(D, 1, U)`, the bias within the reset of `reset_after`; None for the other convention.
    """

    kernel: Float
    recurrent: Float
    inner: Float | None

    @classmethod
    def of(cls, layer: int, config: ModelConfig, weights: Mapping[str, NDArray[Any]]) -> Layer:
        """Builds layer number `layer` from arrays by the names of `grutext.model.spec.encoder_spec`."""
        kernels, recurrents, inners = [], [], []
        for direction in directions(config):
            name = f"gru/{layer}/{direction}"
            bias = np.array(weights[f"{name}/bias"], np.float32).reshape(-1, 3, config.units)
            own = bias[0]  # (3, U)
            if config.reset_after:
                own[:2] += bias[1, :2]
                inners.append(bias[1, 2:])
            kernels.append(np.vstack([weights[f"{name}/kernel"], own.reshape(1, -1)]))
            recurrents.append(weights[f"{name}/recurrent_kernel"])
        inner = np.stack(inners) if inners else None
        return cls(_by_gate(kernels, config.units), _by_gate(recurrents, config.units), inner)


def _by_gate(arrays: list[Float], units: int) -> Float:
    """Gives `(3, D, I, U)` from D arrays `(I, 3 U)`, with the sign of the reset gate changed."""
    stacked = np.stack(arrays).astype(np.float32)
    gates = stacked.reshape(*stacked.shape[:2], 3, units).transpose(2, 0, 1, 3)
    return np.ascontiguousarray(gates * np.array([1, -1, 1], np.float32)[:, None, None, None])


class Source(Protocol):
    """What the tokens are read from."""

    def gates(self, positions: Int, room: Room) -> Float:
        """Gives the projected inputs `(3, D, R, U)` of the tokens at `positions`, `(D, R)`, in the room."""


class Sink(Protocol):
    """What takes the states."""

    def add(self, states: Float) -> None:
        """Takes a step's states `(D, n, U)`, of the n longest texts; they change after the call."""


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


def run_layer(layer: Layer, batch: Batch, source: Source, sink: Sink, room: Room) -> None:
    """Reads the texts of a batch, a step at a time; the memory does not grow with their length."""
    t, steps = 0, int(batch.lengths[0])
    h = room.array("h", batch.directions, len(batch.lengths), layer.recurrent.shape[-1])
    h[...] = 0
    while t < steps:
        rows = max(1, _ROWS // int(batch.alive(t, t + 1)[0]))
        alive = batch.alive(t, min(steps, t + rows))
        gates = source.gates(batch.positions(t, alive), room)  # (3, D, R, U)
        with np.errstate(over="ignore"):  # a gate is 1 / (1 + inf) = 0 then
            _run_steps(layer, h, gates, alive, sink, room)
        t += len(alive)


def _run_steps(layer: Layer, h: Float, gates: Float, alive: Int, sink: Sink, room: Room) -> None:
    """Steps the states `h`, `(D, N, U)`, in place, `alive[t]` of the texts at step t."""
    recurrent, reset_after = layer.recurrent, layer.inner is not None
    row = n = 0
    for running in alive.tolist():
        if running != n:
            n = running
            states = h[:, :n]  # (D, n, U)
            work = room.array("work", 3, *states.shape)
            zr, z, r, c = work[:2], *work
            if layer.inner is not None:
                inner = room.array("inner", *states.shape)
                inner[...] = layer.inner
        x = gates[:, :, row : row + n]  # (3, D, n, U)
        row += n
        if reset_after:
            np.matmul(states, recurrent, out=work)
        else:
            np.matmul(states, recurrent[:2], out=zr)
        zr += x[:2]
        np.exp(zr, out=zr)
        zr += _ONE
        if reset_after:
            c += inner
            c /= r
        else:
            np.matmul(np.divide(states, r, out=r), recurrent[2], out=c)
        c += x[2]
        np.tanh(c, out=c)
        c -= states
        c /= z
        states += c
        sink.add(states)
