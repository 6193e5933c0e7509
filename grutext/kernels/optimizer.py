"""Training besides the encoder: dropout, adversarial shifts, losses and Adam."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, uint32
from numba import float32 as f4
from numba import int32 as i4
from numba import int64 as i8
from numpy.typing import NDArray

from grutext.kernels.compiling import compile_kernel, inline, readonly, writable

Float = NDArray[np.float32]
Int = NDArray[np.int32]
Mask = NDArray[np.bool_]

_ZERO, _ONE, _TINY = np.float32(0), np.float32(1), np.float32(1e-12)
# Odd numbers and shifts under which every bit of the result depends on every bit of a number
# (C. Wellons, "Prospecting for hash functions", 2018: lowbias32).
_SPREAD, _FIRST, _SECOND = np.uint32(0x9E3779B9), np.uint32(0x7FEB352D), np.uint32(0x846CA68B)
_PARTS = np.float32(2.0**-24)


@inline
def _draw(place: np.uint32, seed: np.uint32) -> Any:
    """Return a pseudo-random number in [0, 1) that depends on a place and a seed alone."""
    x = np.uint32(np.uint32(place * _SPREAD) ^ seed)
    x = np.uint32((x ^ (x >> np.uint32(16))) * _FIRST)
    x = np.uint32((x ^ (x >> np.uint32(15))) * _SECOND)
    x = np.uint32(x ^ (x >> np.uint32(16)))
    return np.float32(x >> np.uint32(8)) * _PARTS


@compile_kernel(writable(f4, 1), f4, uint32, i8)
def drop(values: Float, rate: float, seed: int, first: int) -> None:
    """Set a share `rate` of the values to zero and divide the others by `1 - rate`, in place.

    The seed and the positions of the values, counted from `first`, decide which. So the same call with gradients computes
    the gradient of dropout.
    """
    scale = _ONE / (_ONE - rate)
    for place in range(len(values)):
        is_kept = _draw(np.uint32(first + place), seed) >= rate
        values[place] = values[place] * scale if is_kept else _ZERO


@inline
def _square(row: Float) -> Any:
    """Return the sum of the squares of a row."""
    total = _ZERO
    for x in row:
        total += x * x
    return total


@inline
def _norms(grad_vectors: Float) -> Any:
    """Return the Euclidean norm of each text's part of `(T, N, E)`, over all its tokens, `(N,)`; never 0."""
    steps, texts, _ = grad_vectors.shape
    squares = np.zeros(texts, np.float64)
    for t in range(steps):
        for n in range(texts):
            squares[n] += _square(grad_vectors[t, n])
    return np.maximum(np.sqrt(squares), _TINY).astype(np.float32)


@compile_kernel(readonly(f4, 3), readonly(f4, 3), readonly(boolean, 2), f4)
def shift(vectors: Float, grad_vectors: Float, mask: Mask, radius: float) -> Float:
    """Return the vectors `(T, N, E)`, shifted along a gradient by `radius` times their root mean square norm.

    This is the adversarial shift, as in `grutext.engines.keras.network`.
    """
    steps, texts, size = vectors.shape
    grad_vectors, squares, tokens = grad_vectors.copy(), 0.0, 0
    for t in range(steps):
        for n in range(texts):
            if mask[t, n]:
                tokens += 1
                squares += _square(vectors[t, n])
            else:
                grad_vectors[t, n] = _ZERO
    shares = radius * np.float32(np.sqrt(squares / max(tokens, 1))) / _norms(grad_vectors)
    for t in range(steps):
        for n in range(texts):
            share = shares[n]
            for e in range(size):
                grad_vectors[t, n, e] = vectors[t, n, e] + grad_vectors[t, n, e] * share
    return grad_vectors


@compile_kernel(writable(f4, 2), readonly(i8, 1), readonly(i8, 1), readonly(f4, 3), readonly(boolean, 2), f4)
def learn_directions(
    table: Float, touched: Any, places: Any, grad_vectors: Float, mask: Mask, rate: float
) -> None:
    """Update a table of gradient directions in place, as `grutext.engines.keras.directions` does.

    Args:
        table: `(R, E)`.
        touched: `(P,)`, the distinct rows of the real tokens.
        places: `(S,)`, the index in `touched` of each real token, step after step.
        grad_vectors: `(T, N, E)`, the gradient for the vectors of tokens.
        mask: `(T, N)`.
        rate: The weight of the newest gradient in the moving average.
    """
    (steps, texts, size), norms = grad_vectors.shape, _norms(grad_vectors)
    sums, counts = np.zeros((len(touched), size), np.float32), np.zeros(len(touched), np.float32)
    at = 0
    for t in range(steps):
        for n in range(texts):
            if mask[t, n]:
                place, norm = places[at], norms[n]
                counts[place] += _ONE
                for e in range(size):
                    sums[place, e] += grad_vectors[t, n, e] / norm
                at += 1
    for p in range(len(touched)):
        row, count = touched[p], counts[p]
        for e in range(size):
            table[row, e] += rate * (sums[p, e] / count - table[row, e])


@compile_kernel(readonly(f4, 2), readonly(f4, 2), readonly(f4, 1), readonly(f4, 1), f4)
def softmax_loss(
    logits: Float, targets: Float, text_weights: Float, label_weights: Float, smoothing: float
) -> tuple[float, Float]:
    """Return the sum of `grutext.engines.keras.losses.softmax_loss` over the texts, and its gradient for the logits, `(N, C)`."""
    (texts, classes), total, gradient = logits.shape, 0.0, np.empty_like(logits)
    for n in range(texts):
        highest = logits[n].max()
        weight, powers = _ZERO, _ZERO
        for c in range(classes):
            weight += targets[n, c] * label_weights[c]
            gradient[n, c] = np.exp(logits[n, c] - highest)
            powers += gradient[n, c]
        weight *= text_weights[n]
        for c in range(classes):
            wanted = (_ONE - smoothing) * targets[n, c] + smoothing / np.float32(classes)
            total += weight * wanted * (np.log(powers) - (logits[n, c] - highest))
            gradient[n, c] = weight * (gradient[n, c] / powers - wanted)
    return total, gradient


@compile_kernel(readonly(f4, 2), readonly(f4, 2), readonly(f4, 1), readonly(f4, 1), f4)
def sigmoid_loss(
    logits: Float,
    targets: Float,
    text_weights: Float,
    label_weights: Float,
    smoothing: float,  # noqa: ARG001 (like `softmax_loss`)
) -> tuple[float, Float]:
    """Return the sum of `grutext.engines.keras.losses.sigmoid_loss` over the texts, and its gradient for the logits, `(N, C)`."""
    (texts, classes), total, gradient = logits.shape, 0.0, np.empty_like(logits)
    for n in range(texts):
        for c in range(classes):
            x, y = logits[n, c], targets[n, c]
            weight = _ONE + (label_weights[c] - _ONE) * y
            small = np.exp(-abs(x))
            rest = np.log1p(small) + max(-x, _ZERO)  # -log(sigmoid(x))
            total += text_weights[n] * ((_ONE - y) * x + weight * rest)
            other = (small if x > 0 else _ONE) / (_ONE + small)  # 1 - sigmoid(x)
            gradient[n, c] = text_weights[n] * (_ONE - y - weight * other)
    return total, gradient


@compile_kernel(
    writable(f4, 2),
    writable(f4, 2),
    writable(f4, 2),
    readonly(i4, 1),
    readonly(f4, 2),
    f4,
    f4,
    f4,
    f4,
    f4,
    i8,
)
def adam_step(
    table: Float,
    first: Float,
    second: Float,
    rows: Int,
    gradient: Float,
    factor: float,
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    step: int,
) -> None:
    """Make a step of Adam (see `grutext.engines.keras.adam`) in some rows of a table and of its moments, in place.

    Args:
        table: `(V, E)`.
        first: Its first moment, `(V, E)`.
        second: Its second moment, `(V, E)`.
        rows: `(R,)`, the rows to update, all distinct.
        gradient: `(R, E)`.
        factor: A factor on the gradient.
        rate: The learning rate.
        beta1: Decay of the first moment.
        beta2: Decay of the second moment.
        epsilon: Added to the square root of the second moment.
        step: The number of this step, from 1.
    """
    first_correction, second_correction = _ONE - np.float32(beta1**step), _ONE - np.float32(beta2**step)
    for r in range(len(rows)):
        row = rows[r]
        for e in range(table.shape[1]):
            g = factor * gradient[r, e]
            m = first[row, e] + (_ONE - beta1) * (g - first[row, e])
            v = second[row, e] + (_ONE - beta2) * (g * g - second[row, e])
            table[row, e] -= rate * (m / first_correction) / (np.sqrt(v / second_correction) + epsilon)
            first[row, e], second[row, e] = m, v
