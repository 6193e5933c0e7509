"""The GRU over time in NumPy; equations in `grutext.model.spec`.

The texts of a batch are sorted by descending length and advance together, one token at each step. A text that ends leaves
the batch, so nothing is padded. Both directions advance together, the backward one from each text's own end. Each gate and each
direction has an array of its own, since arithmetic on parts of rows is three times slower.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from grutext.config import GRUConfig
from grutext.engines.layers import BatchLayout, Float, Int
from grutext.engines.numpy.workspace import Workspace
from grutext.model.spec import directions

Runs = list[tuple[int, int, int]]
"""The steps of a block, cut where texts end: for each run the row of its first step, the number of steps, and of texts."""

# The largest number of tokens of each direction, and of steps, that are projected at a time.
_ROWS, _STEPS = 2048, 64
_ONE = np.ones((), np.float32)  # adding an array is faster than adding a number


@dataclass(frozen=True, slots=True)
class Layer:
    """The weights of a layer's D directions, laid out for the computation.

    Attributes:
        kernel: `(3, D, I + 1, U)`, for z, r and c; the last row is the bias, and inputs end in a 1. That of r is negated,
            since r = 1 / (1 + exp(-x)); that of z is not, since 1 - z is needed.
        recurrent: `(3, D, U, U)`; that of r is negated here, too.
        inner: Recurrent bias of the candidate, `(D, 1, U)`; None without `reset_after`.
    """

    kernel: Float
    recurrent: Float
    inner: Float | None

    @classmethod
    def of(cls, layer: int, config: GRUConfig, weights: Mapping[str, NDArray[Any]]) -> Layer:
        """Build layer number `layer` from arrays by the names of `grutext.model.spec.encoder_spec`."""
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
    """Return D arrays `(I, 3 * U)` as one, `(3, D, I, U)`, with the reset gate negated."""
    stacked = np.stack(arrays).astype(np.float32)
    gates = stacked.reshape(*stacked.shape[:2], 3, units).transpose(2, 0, 1, 3)
    return np.ascontiguousarray(gates * np.array([1, -1, 1], np.float32)[:, None, None, None])


class Source(Protocol):
    """Where a layer's inputs come from."""

    def fill(self, gates: Float, positions: Int, workspace: Workspace) -> None:
        """Write the projected inputs of the tokens at `positions`, `(D, R)`, into `gates`, `(3, D, R, U)`."""


class Sink(Protocol):
    """Where a layer's states go."""

    def add(self, states: Float, runs: Runs) -> None:
        """Process the states of a block, `(D, R, U)`, step by step; the array is overwritten after the call."""


def cut_runs(alive: Int) -> Runs:
    """Return the runs of steps with the same number of texts."""
    places = [0, *(np.flatnonzero(alive[1:] != alive[:-1]) + 1).tolist(), len(alive)]
    runs, row = [], 0
    for start, end in itertools.pairwise(places):
        running = int(alive[start])
        runs.append((row, end - start, running))
        row += (end - start) * running
    return runs


def run_layer(layer: Layer, batch: BatchLayout, source: Source, sink: Sink, workspace: Workspace) -> None:
    """Run a layer over the texts of a batch, a block of steps at a time; memory does not grow with their length."""
    t, steps = 0, int(batch.lengths[0])
    before = workspace.array("before", batch.directions, len(batch.lengths), layer.recurrent.shape[-1])
    before[...] = 0
    while t < steps:
        running = int(batch.alive(t, t + 1)[0])
        alive = batch.alive(t, min(steps, t + max(1, min(_STEPS, _ROWS // running))))
        positions, runs = batch.positions(t, alive), cut_runs(alive)
        gates = _allot(workspace, "gates", (3, *positions.shape), layer, running)  # (3, D, R, U)
        states = _allot(workspace, "states", positions.shape, layer, running)  # (D, R, U)
        source.fill(gates, positions, workspace)
        with np.errstate(over="ignore"):  # a gate is 1 / (1 + inf) = 0 then
            _run_steps(layer, before, gates, states, runs, workspace)
        sink.add(states, runs)
        t += len(alive)


def _allot(workspace: Workspace, name: str, shape: tuple[int, ...], layer: Layer, running: int) -> Float:
    """Return an array `(*shape, U)`; for a single text, a step of it is contiguous in memory."""
    units = layer.recurrent.shape[-1]
    if running > 1:
        return workspace.array(name, *shape, units)
    *leading, rows = shape
    return np.moveaxis(workspace.array(name, rows, *leading, units), 0, -2)


def _run_steps(
    layer: Layer, before: Float, gates: Float, states: Float, runs: Runs, workspace: Workspace
) -> None:
    """Compute the states of a block, and update `before`, `(D, N, U)`: the last state of each text so far."""
    recurrent, inner = layer.recurrent, layer.inner
    directions, _, units = states.shape
    h = before
    for row, steps, n in runs:
        end = row + steps * n
        h = h[:, :n]
        zr_inputs = gates[:2, :, row:end].reshape(2, directions, steps, n, units).transpose(2, 0, 1, 3, 4)
        c_inputs = gates[2, :, row:end].reshape(directions, steps, n, units).transpose(1, 0, 2, 3)
        results = states[:, row:end].reshape(directions, steps, n, units).transpose(1, 0, 2, 3)
        work = workspace.array("work", 3, directions, n, units)
        zr, (z, r, c) = work[:2], work
        if inner is not None:
            inners = workspace.array("inner", directions, n, units)
            inners[...] = inner
        for zr_input, c_input, result in zip(zr_inputs, c_inputs, results, strict=True):
            if inner is not None:
                np.matmul(h, recurrent, work)
            else:
                np.matmul(h, recurrent[:2], zr)
            zr += zr_input
            np.exp(zr, zr)
            zr += _ONE
            if inner is not None:
                c += inners
                c /= r
            else:
                np.matmul(np.divide(h, r, r), recurrent[2], c)
            c += c_input
            np.tanh(c, c)
            c -= h
            c /= z
            h = np.add(h, c, result)
        before[:, :n] = h
