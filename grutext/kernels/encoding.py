"""The encoder in training besides the GRU's forward pass: its gradient, the convolution and the pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean
from numba import float32 as f4
from numba import int32 as i4
from numpy.typing import NDArray

from grutext.kernels.compiling import add_products, compile_kernel, inline, multiply, readonly, steps_in_block

Float = NDArray[np.float32]
Int = NDArray[np.int32]

_ONE, _LOW = np.float32(1), np.float32(-np.inf)


@inline
def _gate_gradients(
    t: int, n: int, row: int, upstream: Float, before: Float, gates: Float, inner: Float, carry: Float, into: Float, back: Float
) -> None:  # fmt: skip
    """Compute the gradient of one step of a text into a row of `into` and of `back`; one loop for each, as in `run_forward`."""
    units = carry.shape[1]
    for k in range(units):
        carry[n, k] += upstream[t, n, k]  # the gradient for the state
    for k in range(units):
        u, c = gates[t, n, k], gates[t, n, 2 * units + k]
        into[row, k] = carry[n, k] * (before[n, k] - c) * u * (_ONE - u)
    for k in range(units):
        u, c = gates[t, n, k], gates[t, n, 2 * units + k]
        into[row, 2 * units + k] = carry[n, k] * u * (_ONE - c * c)
    for k in range(units):
        r = gates[t, n, units + k]
        into[row, units + k] = into[row, 2 * units + k] * inner[t, n, k] * r * (_ONE - r)
    for k in range(2 * units):
        back[row, k] = into[row, k]
    for k in range(units):
        back[row, 2 * units + k] = into[row, 2 * units + k] * gates[t, n, units + k]
    for k in range(units):
        carry[n, k] *= _ONE - gates[t, n, k]


@compile_kernel(
    readonly(f4, 3), readonly(f4, 3), readonly(f4, 2), readonly(f4, 2), readonly(f4, 3), readonly(f4, 3), readonly(f4, 3), boolean
)  # fmt: skip
def run_gradient(
    upstream: Float,
    steps: Float,
    kernel: Float,
    recurrent: Float,
    states: Float,
    gates: Float,
    inner: Float,
    backward: bool,
) -> tuple[Float, Float, Float, Float]:
    """Return the gradients of `run_forward`, from its inputs, its results and the gradient for its states.

    Args:
        upstream: `(T, N, U)`, the gradient for the states.
        steps: `(T, N, I)`, as given to `run_forward`.
        kernel: `(I, 3U)`, as given to it.
        recurrent: `(U, 3U)`, as given to it.
        states: `(T, N, U)`, as returned by it.
        gates: `(T, N, 3U)`, as returned by it.
        inner: `(T, N, U)`, as returned by it.
        backward: As given to it.

    Returns:
        The gradients for `steps`, `kernel`, `recurrent` and `bias`.
    """
    (count, texts, units), size = states.shape, steps.shape[2]
    rows, state_rows = steps.reshape(count * texts, size), states.reshape(count * texts, units)
    grad_steps, grad_kernel, grad_recurrent = (
        np.empty_like(steps),
        np.zeros_like(kernel),
        np.zeros_like(recurrent),
    )
    grad_bias, out = np.zeros((2, 3 * units), np.float32), grad_steps.reshape(count * texts, size)
    start, carry = np.zeros((texts, units), np.float32), np.zeros((texts, units), np.float32)
    work, kernel_work, recurrent_work = np.empty_like(carry), np.empty_like(kernel), np.empty_like(recurrent)
    to_inputs, to_states = kernel.T.copy(), recurrent.T.copy()
    block = steps_in_block(texts)
    # Gradients for the inputs of gates and candidates, and for the products of the states before; a block of steps at a time.
    into = np.empty((block * texts, 3 * units), np.float32)
    back = np.empty_like(into)
    for i in range(count):
        t = i if backward else count - 1 - i
        if i % block == 0:
            first, last = (t, min(count, t + block)) if backward else (max(0, t + 1 - block), t + 1)
        before = start if i == count - 1 else states[t + 1 if backward else t - 1]
        for n in range(texts):
            at = (t - first) * texts + n
            _gate_gradients(t, n, at, upstream, before, gates, inner, carry, into, back)
        at = (t - first) * texts
        np.dot(back[at : at + texts], to_states, work)
        carry += work
        if t == (last - 1 if backward else first):
            low, high, end = first * texts, last * texts, (last - first) * texts
            multiply(into[:end], to_inputs, out[low:high])
            add_products(rows[low:high], into[:end], grad_kernel, kernel_work)
            # The state before a step is one step away; the first step in this direction has none.
            away = low + texts if backward else low - texts
            begin, stop = max(0, away), min(count * texts, away + end)
            add_products(
                state_rows[begin:stop], back[begin - away : stop - away], grad_recurrent, recurrent_work
            )
            for row in range(end):
                for k in range(3 * units):
                    grad_bias[0, k] += into[row, k]
                    grad_bias[1, k] += back[row, k]
    return grad_steps, grad_kernel, grad_recurrent, grad_bias


@inline
def _tap_range(tap: int, width: int, low: int, high: int, count: int) -> Any:
    """Return the first and last step that a tap reads for the steps from `low` to `high`, and their distance."""
    shift = tap - width // 2
    first = max(0, low + shift)
    return first, max(first, min(count, high + shift)), shift


@inline
def _clear(rows: Float, mask: NDArray[np.bool_]) -> None:
    """Set rows `(T * N, E)` to zero where the mask `(T, N)` is false."""
    for row, is_real in enumerate(mask.ravel()):
        if not is_real:
            rows[row] = 0


@compile_kernel(readonly(f4, 3), readonly(boolean, 2), readonly(f4, 3), readonly(f4, 1))
def convolve(
    steps: Float, mask: NDArray[np.bool_], kernel: Float, bias: Float
) -> tuple[Float, NDArray[np.bool_]]:
    """Add the ReLU of a convolution over time, padded with zeros, to its inputs.

    Args:
        steps: `(T, N, E)`.
        mask: `(T, N)`, false where a step counts as zeros.
        kernel: `(width, E, E)`.
        bias: `(E,)`.

    Returns:
        The sum, and where the convolution is positive, both `(T, N, E)`.
    """
    (count, texts, size), rows = steps.shape, steps.copy().reshape(-1, steps.shape[2])
    _clear(rows, mask)
    total, is_positive = np.empty_like(rows), np.empty(rows.shape, np.bool_)
    block = steps_in_block(texts)
    found, work = np.empty((block * texts, size), np.float32), np.empty((block * texts, size), np.float32)
    for low in range(0, count, block):
        high = min(count, low + block)
        found[:] = bias
        for tap in range(len(kernel)):
            first, last, shift = _tap_range(tap, len(kernel), low, high, count)
            to, number = (first - shift - low) * texts, (last - first) * texts
            multiply(rows[first * texts : last * texts], kernel[tap], work[:number])
            found[to : to + number] += work[:number]
        for row in range(low * texts, high * texts):
            for e in range(size):
                is_positive[row, e] = found[row - low * texts, e] > 0
            for e in range(size):
                x = found[row - low * texts, e]
                total[row, e] = rows[row, e] + (x if x > 0 else np.float32(0))
    return total.reshape(steps.shape), is_positive.reshape(steps.shape)


@compile_kernel(readonly(f4, 3), readonly(f4, 3), readonly(boolean, 2), readonly(f4, 3), readonly(boolean, 3))
def convolve_gradient(
    upstream: Float,
    steps: Float,
    mask: NDArray[np.bool_],
    kernel: Float,
    is_positive: NDArray[np.bool_],
) -> tuple[Float, Float, Float]:
    """Return the gradients of `convolve` for `steps`, `kernel` and `bias` from that for the sum, `(T, N, E)`."""
    (count, texts, size), rows = steps.shape, steps.copy().reshape(-1, steps.shape[2])
    _clear(rows, mask)
    given, flat = upstream.reshape(rows.shape), is_positive.reshape(rows.shape)
    grad_steps = given.copy()
    grad_kernel, kernel_work, grad_bias = (
        np.zeros_like(kernel),
        np.empty_like(kernel[0]),
        np.zeros(size, np.float32),
    )
    block, to_steps = steps_in_block(texts), kernel.transpose(0, 2, 1).copy()
    grad_found, work = (
        np.empty((block * texts, size), np.float32),
        np.empty((block * texts, size), np.float32),
    )
    for low in range(0, count, block):
        high = min(count, low + block)
        for row in range(low * texts, high * texts):
            for e in range(size):
                x = given[row, e] if flat[row, e] else np.float32(0)
                grad_found[row - low * texts, e] = x
                grad_bias[e] += x
        for tap in range(len(kernel)):
            first, last, shift = _tap_range(tap, len(kernel), low, high, count)
            to, number = (first - shift - low) * texts, (last - first) * texts
            add_products(
                rows[first * texts : last * texts],
                grad_found[to : to + number],
                grad_kernel[tap],
                kernel_work,
            )
            multiply(grad_found[to : to + number], to_steps[tap], work[:number])
            grad_steps[first * texts : last * texts] += work[:number]
    _clear(grad_steps, mask)
    return grad_steps.reshape(steps.shape), grad_kernel, grad_bias


@compile_kernel(readonly(f4, 3), readonly(boolean, 2))
def pool(states: Float, mask: NDArray[np.bool_]) -> tuple[Float, Float, Int]:
    """Return maximum and mean of the states `(T, N, U)` over the steps where the mask `(T, N)` is true; zeros for no step.

    Returns:
        The maximum, the mean, and the step at which each maximum is, `(N, U)` each.
    """
    count, texts, units = states.shape
    highest, mean = np.full((texts, units), _LOW, np.float32), np.zeros((texts, units), np.float32)
    where, lengths = np.zeros((texts, units), np.int32), np.zeros(texts, np.float32)
    for t in range(count):
        for n in range(texts):
            if mask[t, n]:
                lengths[n] += _ONE
                for k in range(units):
                    h = states[t, n, k]
                    mean[n, k] += h
                    where[n, k] = t if h > highest[n, k] else where[n, k]
                    highest[n, k] = max(h, highest[n, k])
    for n in range(texts):
        if lengths[n]:
            mean[n] /= lengths[n]
        else:
            highest[n] = 0
    return highest, mean, where


@compile_kernel(readonly(f4, 2), readonly(f4, 2), readonly(i4, 2), readonly(boolean, 2))
def pool_gradient(grad_highest: Float, grad_mean: Float, where: Int, mask: NDArray[np.bool_]) -> Float:
    """Return the gradient of `pool` for the states, `(T, N, U)`, from those for maximum and mean, `(N, U)`."""
    (count, texts), units = mask.shape, grad_mean.shape[1]
    grad_states, share = np.empty((count, texts, units), np.float32), np.zeros(texts, np.float32)
    for t in range(count):
        for n in range(texts):
            share[n] += np.float32(mask[t, n])
    for n in range(texts):
        share[n] = _ONE / max(_ONE, share[n])
    for t in range(count):
        for n in range(texts):
            if mask[t, n]:
                for k in range(units):
                    from_highest = grad_highest[n, k] if where[n, k] == t else np.float32(0)
                    grad_states[t, n, k] = grad_mean[n, k] * share[n] + from_highest
            else:
                grad_states[t, n] = 0
    return grad_states
