"""The GRU over time in NumPy; equations in `grutext.model.spec`.

Texts are sorted by falling length and their tokens laid out step after step, so that step t is one
slice of the rows that still run: nothing is padded, and a text that is over costs nothing. Packed
arrays have a row for each of the S tokens; `Packing` says where a step begins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Packing:
    """How the tokens of N texts are laid out, step after step.

    Attributes:
        order: `(N,) int64`, the places of the texts, longest first.
        alive: `(T,) int64`, how many texts have a token at each step; never rising.
        starts: `(T + 1,) int64`, the row at which each step begins; the last entry is S.
    """

    order: NDArray[np.int64]
    alive: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, lengths: NDArray[np.int32]) -> Packing:
        """Builds the packing of texts of these lengths; zeros are allowed."""
        order = np.argsort(-lengths, kind="stable")
        steps = int(lengths.max(initial=0))
        ended = np.bincount(lengths, minlength=steps + 1)
        alive = len(lengths) - np.cumsum(ended)[:steps]
        return cls(order, alive, np.concatenate([[0], np.cumsum(alive)]))

    def rows(self, lengths: NDArray[np.int32]) -> NDArray[np.int64]:
        """Gives, for each packed row, its place in the text-after-text layout of the same texts."""
        firsts = (np.cumsum(lengths, dtype=np.int64) - lengths)[self.order]
        steps = np.repeat(np.arange(len(self.alive)), self.alive)
        within = np.arange(len(steps)) - np.repeat(self.starts[:-1], self.alive)
        return firsts[within] + steps


def run_gru(
    gates: Float, packing: Packing, recurrent: Float, bias: Float, reset_after: bool, backward: bool
) -> Float:
    """Gives the packed states of one direction of one layer.

    Args:
        gates: `(S, 3 U)`, the projected inputs x W + b, packed.
        packing: Where the steps are.
        recurrent: `(U, 3 U)`.
        bias: `(3 U,)`, the recurrent bias d; not read where `reset_after` is false.
        reset_after: Which convention.
        backward: Whether the texts are read from their ends.

    Returns:
        `(S, U) float32`.
    """
    units = recurrent.shape[0]
    states = np.empty((len(gates), units), np.float32)
    h = np.zeros((len(packing.order), units), np.float32)
    into_gates = np.ascontiguousarray(recurrent[:, : 2 * units])
    into_candidate = np.ascontiguousarray(recurrent[:, 2 * units :])
    steps = range(len(packing.alive))
    for t in reversed(steps) if backward else steps:
        start, end = packing.starts[t], packing.starts[t + 1]
        x, before = gates[start:end], h[: end - start]  # (n, 3 U), (n, U)
        if reset_after:
            hidden = before @ recurrent
            hidden += bias
            zr = _sigmoid(x[:, : 2 * units] + hidden[:, : 2 * units])
            inner = zr[:, units:] * hidden[:, 2 * units :]
        else:
            zr = _sigmoid(x[:, : 2 * units] + before @ into_gates)
            inner = (zr[:, units:] * before) @ into_candidate
        candidate = np.tanh(x[:, 2 * units :] + inner)
        before += (1.0 - zr[:, :units]) * (candidate - before)
        states[start:end] = before
    return states


def _sigmoid(x: Float) -> Float:
    """Gives 1 / (1 + e^-x) without overflow, in place."""
    x *= 0.5
    np.tanh(x, out=x)
    x += 1.0
    x *= 0.5
    return x
