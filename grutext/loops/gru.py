"""The GRU over time: as the runtime needs it, and as training does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import boolean
from numba import float32 as f4
from numba import int64 as i8
from numpy.typing import NDArray

from grutext.loops.compiling import compile_loop, inline, read, steps_in_block, write

Float = NDArray[np.float32]
Int = NDArray[np.int64]

_FEW = 8  # texts that are multiplied one by one: BLAS takes a while to lay a matrix out for its products
_LOG2E, _LN2_HIGH, _LN2_LOW = map(np.float32, (1.44269504, 0.693359375, -2.12194440e-4))
_E3, _E4, _E5, _E6 = (np.float32(1 / math.factorial(n)) for n in (3, 4, 5, 6))
# tanh(x) = x P(x²) / Q(x²), with the least relative error for |x| ≤ 9 that was found, 4e-8.
_P1, _P2, _P3, _P4 = map(np.float32, (0.133810271, 3.49558980e-3, 2.06091080e-5, 1.33546933e-8))
_Q1, _Q2, _Q3, _Q4 = map(np.float32, (0.467143427, 2.58769887e-2, 3.28563747e-4, 7.77657212e-7))
_ONE, _HALF, _TANH_END = np.float32(1), np.float32(0.5), np.float32(9)
_EXP_LOW, _EXP_HIGH = np.float32(-87), np.float32(89)  # exp is the smallest normal number there, and infinite


@inline
def falling(x: np.float32) -> Any:
    """Gives 1 / (1 + exp(x)), right to some units in the last place; exactly 0 where exp(x) is infinite; NaN stays.

    exp(x) = 2^n exp(y), |y| ≤ log(2) / 2, by a power series; 2^n is made of its bits.
    """
    if x < _EXP_LOW:
        x = _EXP_LOW
    if x > _EXP_HIGH:
        x = _EXP_HIGH
    n = np.int32(np.floor(x * _LOG2E + _HALF))
    y = x - np.float32(n) * _LN2_HIGH - np.float32(n) * _LN2_LOW
    e = _ONE + y + y * y * (_HALF + y * (_E3 + y * (_E4 + y * (_E5 + y * _E6))))
    return _ONE / (_ONE + e * np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32))


@inline
def tanh(x: np.float32) -> Any:
    """Gives the hyperbolic tangent, right to some units in the last place; 1 or -1 beyond 9; NaN stays."""
    u = x * x
    over = x * (_ONE + u * (_P1 + u * (_P2 + u * (_P3 + u * _P4))))
    y = over / (_ONE + u * (_Q1 + u * (_Q2 + u * (_Q3 + u * _Q4))))
    if x > _TANH_END or y > _ONE:
        y = _ONE
    if x < -_TANH_END or y < -_ONE:
        y = -_ONE
    return y


@compile_loop(read(f4, 4), read(f4, 3), write(f4, 3), read(f4, 4), write(f4, 3), read(i8, 1), write(f4, 3))
def run_steps(
    recurrent: Float, inner: Float, before: Float, gates: Float, states: Float, alive: Int, work: Float
) -> None:
    """Fills in the states of a block, and puts the last state of each text into `before`.

    Args:
        recurrent: `(3, D, U, U)`, as in `grutext.runtime.gru.Layer`.
        inner: `(D, 1, U)`, likewise.
        before: `(D, N, U)`, the states before the block.
        gates: `(3, D, R, U)`, the projected inputs, step after step.
        states: `(D, R, U)`, to be filled in.
        alive: `(steps,)`, the texts that have a token at each step; they come first.
        work: `(3, N, U)`, overwritten.
    """
    directions, _, units = states.shape
    for d in range(directions):
        first = 0
        for n in alive:
            for gate in range(3):
                if n < _FEW:
                    for i in range(n):
                        np.dot(before[d, i], recurrent[gate, d], work[gate, i])
                else:
                    np.dot(before[d, :n], recurrent[gate, d], work[gate, :n])
            for i in range(n):
                row = first + i
                for u in range(units):
                    new = falling(gates[0, d, row, u] + work[0, i, u])  # 1 - z
                    r = falling(gates[1, d, row, u] + work[1, i, u])  # its sign is changed
                    c = tanh(gates[2, d, row, u] + r * (work[2, i, u] + inner[d, 0, u]))
                    h = before[d, i, u]
                    h += new * (c - h)
                    before[d, i, u] = h
                    states[d, row, u] = h
            first += n


@compile_loop(read(f4, 3), read(boolean, 2), read(f4, 2), read(f4, 2), read(f4, 2), boolean)
def run_forward(
    steps: Float, mask: NDArray[np.bool_], kernel: Float, recurrent: Float, bias: Float, backward: bool
) -> tuple[Float, Float, Float]:
    """Runs one direction of a layer, with the weights of the spec, from a state of zeros.

    Args:
        steps: `(T, N, I)`.
        mask: `(T, N)`, false where a step is to be skipped.
        kernel: `(I, 3U)`.
        recurrent: `(U, 3U)`.
        bias: `(2, 3U)`.
        backward: Whether it begins at the end.

    Returns:
        In the order of time the states `(T, N, U)`; 1 - z, r and the candidate side by side, `(T, N, 3U)`; and
        what r is multiplied with, `(T, N, U)`. All but the states is 0 where a step is skipped.
    """
    (count, texts, size), units = steps.shape, len(recurrent)
    states, inner = np.empty((count, texts, units), np.float32), np.empty((count, texts, units), np.float32)
    gates, rows = np.empty((count, texts, 3 * units), np.float32), steps.reshape(count * texts, size)
    flat = gates.reshape(count * texts, 3 * units)
    start, work = np.zeros((texts, units), np.float32), np.empty((texts, 3 * units), np.float32)
    both = bias[0] + bias[1]
    of_u, of_r, own, inside = (
        both[:units],
        both[units : 2 * units],
        bias[0, 2 * units :],
        bias[1, 2 * units :],
    )
    block = steps_in_block(texts)
    for i in range(count):
        t = count - 1 - i if backward else i
        if i % block == 0:  # what the next steps get from their inputs
            first, last = (max(0, t + 1 - block), t + 1) if backward else (t, min(count, t + block))
            np.dot(rows[first * texts : last * texts], kernel, flat[first * texts : last * texts])
        before = start if i == 0 else states[t + 1 if backward else t - 1]
        np.dot(before, recurrent, work)
        for n in range(texts):
            if not mask[t, n]:
                states[t, n] = before[n]
                gates[t, n], inner[t, n] = 0, 0
                continue
            u, r, c = gates[t, n, :units], gates[t, n, units : 2 * units], gates[t, n, 2 * units :]
            to_u, to_r, to_c = work[n, :units], work[n, units : 2 * units], work[n, 2 * units :]
            for k in range(units):
                u[k] = falling(u[k] + to_u[k] + of_u[k])  # 1 - z
            for k in range(units):
                r[k] = falling(-(r[k] + to_r[k] + of_r[k]))
            for k in range(units):
                x = to_c[k] + inside[k]
                inner[t, n, k] = x
                c[k] = tanh(c[k] + own[k] + r[k] * x)
                states[t, n, k] = before[n, k] + u[k] * (c[k] - before[n, k])
    return states, gates, inner
