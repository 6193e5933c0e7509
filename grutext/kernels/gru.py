"""The GRU over time: for inference, `run_layer`, and for training, `run_forward`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import boolean
from numba import float32 as f4
from numba import int32 as i4
from numba import int64 as i8
from numpy.typing import NDArray

from grutext.kernels.compiling import (
    compile_kernel,
    fetch_row,
    inline,
    multiply,
    readonly,
    steps_in_block,
    writable,
)

Float = NDArray[np.float32]
Int = NDArray[np.int64]
Int32 = NDArray[np.int32]

_PREFETCH = 4  # tokens ahead whose rows are fetched into the processor's cache
_FEW = 8  # fewer texts are multiplied one by one: before a larger product BLAS copies the matrix, which takes a while
_LOG2E, _LN2_HIGH, _LN2_LOW = map(np.float32, (1.44269504, 0.693359375, -2.12194440e-4))
_E3, _E4, _E5, _E6 = (np.float32(1 / math.factorial(n)) for n in (3, 4, 5, 6))
# tanh(x) = x P(x²) / Q(x²), fitted for |x| ≤ 9 with a relative error of 4e-8.
_P1, _P2, _P3, _P4 = map(np.float32, (0.133810271, 3.49558980e-3, 2.06091080e-5, 1.33546933e-8))
_Q1, _Q2, _Q3, _Q4 = map(np.float32, (0.467143427, 2.58769887e-2, 3.28563747e-4, 7.77657212e-7))
_ONE, _HALF, _TANH_END = np.float32(1), np.float32(0.5), np.float32(9)
_EXP_LOW, _EXP_HIGH = np.float32(-87), np.float32(89)  # exp is the smallest normal number there, and infinite


@inline
def one_minus_sigmoid(x: np.float32) -> Any:
    """Return 1 / (1 + exp(x)), accurate to a few units in the last place; exactly 0 where exp(x) is infinite; NaN for NaN.

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
    """Return the hyperbolic tangent, accurate to a few units in the last place; 1 or -1 beyond 9; NaN for NaN."""
    u = x * x
    over = x * (_ONE + u * (_P1 + u * (_P2 + u * (_P3 + u * _P4))))
    y = over / (_ONE + u * (_Q1 + u * (_Q2 + u * (_Q3 + u * _Q4))))
    if x > _TANH_END or y > _ONE:
        y = _ONE
    if x < -_TANH_END or y < -_ONE:
        y = -_ONE
    return y


@inline
def _convolve(vectors: Float, products: Float, bias: Float, ids: Int32, begin: int, seen: Float) -> None:
    """Write the convolution of a text's tokens `ids` from `begin` on to `seen`; with width 0, write their vectors."""
    taps, size = products.shape[1:]
    half_width, length = taps // 2, len(ids)
    all_vectors, all_products = vectors.ravel(), products.ravel()
    for row in range(len(seen)):
        at, out = begin + row, seen[row]
        prefetch_row = ids[min(at + half_width + _PREFETCH, length - 1)]
        fetch_row(all_vectors, prefetch_row, size)
        fetch_row(all_products, prefetch_row, taps * size)
        for e in range(size):
            out[e] = bias[e]
        for k in range(max(0, half_width - at), min(taps, length + half_width - at)):
            product = products[ids[at + k - half_width], k]
            for e in range(size):
                out[e] += product[e]
        vector = vectors[ids[at]]
        for e in range(size):
            out[e] = vector[e] if out[e] < 0 else vector[e] + out[e]


@inline
def _take(table: Float, rows: Int32, taken: Float) -> None:
    for k in range(len(taken)):
        row = rows[k]  # read once: the compiler cannot know that writing to `taken` leaves it unchanged
        for u in range(taken.shape[1]):
            taken[k, u] = table[row, u]


@inline
def _multiply(state: Float, recurrent: Float, work: Float) -> None:
    if len(state) < _FEW:
        for i in range(len(state)):
            np.dot(state[i], recurrent, work[i])
    else:
        np.dot(state, recurrent, work[: len(state)])


@inline
def _step(
    inputs: Float, places: Int, work: Float, bias: Float, state: Float, partial: Float, largest: Float
) -> None:
    """Compute one step of n texts, `(n, U)`, whose inputs are the rows `places` of `inputs`; the rest is as in `run_layer`."""
    units = state.shape[1]
    for i in range(len(places)):
        row = places[i]
        for u in range(units):
            new = one_minus_sigmoid(inputs[row, u] + work[i, u] + bias[0, u])  # 1 - z
            r = one_minus_sigmoid(-(inputs[row, units + u] + work[i, units + u] + bias[1, u]))
            inner = work[i, 2 * units + u] + bias[3, u]
            c = tanh(inputs[row, 2 * units + u] + bias[2, u] + r * inner)
            h = state[i, u]
            h += new * (c - h)
            state[i, u] = h
            partial[i, u] += h
            largest[i, u] = largest[i, u] if largest[i, u] > h else h


@compile_kernel(
    readonly(f4, 2), readonly(f4, 3), readonly(f4, 1), readonly(f4, 3), readonly(i4, 1),
    readonly(i8, 1), readonly(i8, 1), readonly(f4, 3), readonly(f4, 3), readonly(f4, 3), i8, i8, writable(f4, 2),
)  # fmt: skip
def run_layer(
    vectors: Float, products: Float, conv_bias: Float, projected: Float, ids: Int32,
    firsts: Int, lengths: Int, kernel: Float, recurrent: Float, bias: Float, rows: int, steps: int, states: Float,
) -> tuple[Float, Float, NDArray[np.float64]]:  # fmt: skip
    """Run a layer over N texts, a block of steps at a time, so that without `states` memory does not grow with their length.

    A text that has ended leaves the batch. Within a block the rows of a text are adjacent, in the order of time.

    Args:
        vectors: `(M, I)`, of the distinct tokens.
        products: `(M, k, I)`, the tokens' products with each tap of the convolution; k is 0 without one.
        conv_bias: `(I,)`, the bias of the convolution.
        projected: `(D, M, 3U)`, the products of the tokens' vectors with `kernel`, where they do not depend on neighbours;
            otherwise `(D, 0, 3U)`, and they are computed here.
        ids: `(S,)`, the row in `vectors` of each token.
        firsts: `(N,)`, where in `ids` each text begins.
        lengths: `(N,)`, in descending order; none is 0.
        kernel: `(D, I, 3U)`, as in `grutext.model.spec`.
        recurrent: `(D, U, 3U)`, as in `grutext.model.spec`.
        bias: `(D, 4, U)`, the biases of z, of r, and of the candidate outside and inside the reset.
        rows: Most rows in a block of more than one step.
        steps: Most steps in a block.
        states: `(S, D * U)`, is filled with all states, text after text in the order of `lengths`; `(0, D * U)` for none.

    Returns:
        For each direction and text the last state, the maximum and the sum of its states, `(D, N, U)` each.
    """
    (directions, size, width), texts, units, longest = kernel.shape, len(lengths), bias.shape[2], lengths[0]
    last = np.zeros((directions, texts, units), np.float32)
    largest = np.full((directions, texts, units), np.float32(-np.inf))
    sums, partial = np.zeros((directions, texts, units)), np.zeros((texts, units), np.float32)
    most = min(max(rows, texts), lengths.sum())
    seen, inputs = np.empty((most, size), np.float32), np.empty((most, width), np.float32)
    work, offsets = np.empty((texts, width), np.float32), np.cumsum(lengths) - lengths
    # The rows in `inputs` that a step reads, and the row of a text's first token, even if it lies outside the block.
    places, starts = np.empty(texts, np.int64), np.empty(texts, np.int64)
    for d in range(directions):
        t, n, summed = 0, texts, 0
        while t < longest:
            while lengths[n - 1] <= t:
                n -= 1
            end = min(longest, t + max(1, min(steps, rows // n)))
            is_seen = d == 1 and t == 0 and end == longest  # the first direction has filled in the same rows
            row = 0
            for i in range(n):
                length, stop = lengths[i], min(lengths[i], end)
                begin = length - stop if d else t
                of_text = ids[firsts[i] : firsts[i] + length]
                if projected.size:
                    _take(projected[d], of_text[begin:], inputs[row : row + stop - t])
                elif not is_seen:
                    _convolve(vectors, products, conv_bias, of_text, begin, seen[row : row + stop - t])
                starts[i] = row - begin
                row += stop - t
            if not projected.size:
                multiply(seen[:row], kernel[d], inputs[:row])
            running = n
            for step in range(t, end):
                while lengths[running - 1] <= step:
                    running -= 1
                state = last[d, :running]
                _multiply(state, recurrent[d], work)
                for i in range(running):
                    places[i] = starts[i] + (lengths[i] - 1 - step if d else step)
                _step(inputs, places[:running], work, bias[d], state, partial, largest[d])
                for i in range(running if len(states) else 0):
                    states[offsets[i] + places[i] - starts[i], d * units : (d + 1) * units] = state[i]
            summed += end - t
            if summed >= steps or end == longest:  # longer sums would be less exact in float32
                sums[d] += partial
                partial[:], summed = 0, 0
            t = end
    return last, largest, sums


@compile_kernel(
    readonly(f4, 3), readonly(boolean, 2), readonly(f4, 2), readonly(f4, 2), readonly(f4, 2), boolean
)
def run_forward(
    steps: Float, mask: NDArray[np.bool_], kernel: Float, recurrent: Float, bias: Float, backward: bool
) -> tuple[Float, Float, Float]:
    """Run one direction of a layer, with the weights of the spec, from a state of zeros.

    Args:
        steps: `(T, N, I)`.
        mask: `(T, N)`, false where a step is to be skipped.
        kernel: `(I, 3U)`.
        recurrent: `(U, 3U)`.
        bias: `(2, 3U)`.
        backward: Whether it runs from the last step to the first.

    Returns:
        In the order of time the states, `(T, N, U)`; 1 - z, r and the candidate side by side, `(T, N, 3U)`; and the term
        that r is multiplied by, `(T, N, U)`. All but the states are 0 where a step is skipped.
    """
    (count, texts, size), units = steps.shape, len(recurrent)
    states, inner = np.empty((count, texts, units), np.float32), np.empty((count, texts, units), np.float32)
    gates, rows = np.empty((count, texts, 3 * units), np.float32), steps.reshape(count * texts, size)
    flat = gates.reshape(count * texts, 3 * units)
    start, work = np.zeros((texts, units), np.float32), np.empty((texts, 3 * units), np.float32)
    both = bias[0] + bias[1]
    bias_u, bias_r = both[:units], both[units : 2 * units]
    outer_bias, inner_bias = bias[0, 2 * units :], bias[1, 2 * units :]
    block = steps_in_block(texts)
    for i in range(count):
        t = count - 1 - i if backward else i
        if i % block == 0:  # the products of the next steps' inputs
            first, last = (max(0, t + 1 - block), t + 1) if backward else (t, min(count, t + block))
            multiply(rows[first * texts : last * texts], kernel, flat[first * texts : last * texts])
        before = start if i == 0 else states[t + 1 if backward else t - 1]
        np.dot(before, recurrent, work)
        for n in range(texts):
            if not mask[t, n]:
                states[t, n] = before[n]
                gates[t, n], inner[t, n] = 0, 0
                continue
            # One loop for each: the compiler does not vectorise one that writes all of them.
            for k in range(units):
                gates[t, n, k] = one_minus_sigmoid(gates[t, n, k] + work[n, k] + bias_u[k])  # 1 - z
            for k in range(units):
                r = units + k
                gates[t, n, r] = one_minus_sigmoid(-(gates[t, n, r] + work[n, r] + bias_r[k]))
            for k in range(units):
                c = 2 * units + k
                inner[t, n, k] = work[n, c] + inner_bias[k]
                gates[t, n, c] = tanh(
                    gates[t, n, c] + outer_bias[k] + gates[t, n, units + k] * inner[t, n, k]
                )
            for k in range(units):
                states[t, n, k] = before[n, k] + gates[t, n, k] * (gates[t, n, 2 * units + k] - before[n, k])
    return states, gates, inner
