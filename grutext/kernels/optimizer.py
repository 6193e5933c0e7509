"""What training computes besides the network: dropout, adversarial shifts, losses, and Adam."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, uint32
from numba import float32 as f4
from numba import int32 as i4
from numba import int64 as i8
from numpy.typing import NDArray

from grutext.kernels.compiling import compile_loop, inline, read, write

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
    """Gives a number from 0 to below 1 that a place and a seed decide."""
    x = np.uint32(np.uint32(place * _SPREAD) ^ seed)
    x = np.uint32((x ^ (x >> np.uint32(16))) * _FIRST)
    x = np.uint32((x ^ (x >> np.uint32(15))) * _SECOND)
    x = np.uint32(x ^ (x >> np.uint32(16)))
    return np.float32(x >> np.uint32(8)) * _PARTS


@compile_loop(write(f4, 1), f4, uint32, i8)
def drop(values: Float, rate: float, seed: int, first: int) -> None:
    """Sets a share `rate` of the values to zero, and makes the others larger by as much; in place.

    The seed and the places of the values, counted from `first`, decide which: so it is its own gradient, too.
    """
    scale = _ONE / (_ONE - rate)
    for place in range(len(values)):
        is_kept = _draw(np.uint32(first + place), seed) >= rate
        values[place] = values[place] * scale if is_kept else _ZERO


@inline
def _square(row: Float) -> Any:
    """Gives the sum of the squares of a row."""
    total = _ZERO
    for x in row:
        total += x * x
    return total


@inline
def _norms(pull: Float) -> Any:
    """Gives the length of each text's part of `(T, N, E)`, all its tokens together, `(N,)`; never 0."""
    steps, texts, _ = pull.shape
    squares = np.zeros(texts, np.float64)
    for t in range(steps):
        for n in range(texts):
            squares[n] += _square(pull[t, n])
    return np.maximum(np.sqrt(squares), _TINY).astype(np.float32)


@compile_loop(read(f4, 3), read(f4, 3), read(boolean, 2), f4)
def shift(vectors: Float, pull: Float, mask: Mask, radius: float) -> Float:
    """Does what the shift of `grutext.engines.keras.network.Network` does: gives the vectors `(T, N, E)`, shifted along `pull`."""
    steps, texts, size = vectors.shape
    pull, squares, much = pull.copy(), 0.0, 0
    for t in range(steps):
        for n in range(texts):
            if mask[t, n]:
                much += 1
                squares += _square(vectors[t, n])
            else:
                pull[t, n] = _ZERO
    shares = radius * np.float32(np.sqrt(squares / max(much, 1))) / _norms(pull)
    for t in range(steps):
        for n in range(texts):
            share = shares[n]
            for e in range(size):
                pull[t, n, e] = vectors[t, n, e] + pull[t, n, e] * share
    return pull


@compile_loop(write(f4, 2), read(i8, 1), read(i8, 1), read(f4, 3), read(boolean, 2), f4)
def learn_directions(table: Float, touched: Any, places: Any, pull: Float, mask: Mask, rate: float) -> None:
    """Does what `grutext.engines.keras.directions.Directions.learn` does, in place.

    Args:
        table: `(R, E)`.
        touched: `(P,)`, the distinct rows of the real tokens.
        places: `(S,)`, which of them each of the real tokens has, step after step.
        pull: `(T, N, E)`, the gradients for the vectors of tokens.
        mask: `(T, N)`.
        rate: How much the newest gradient counts.
    """
    (steps, texts, size), norms = pull.shape, _norms(pull)
    sums, counts = np.zeros((len(touched), size), np.float32), np.zeros(len(touched), np.float32)
    at = 0
    for t in range(steps):
        for n in range(texts):
            if mask[t, n]:
                place, norm = places[at], norms[n]
                counts[place] += _ONE
                for e in range(size):
                    sums[place, e] += pull[t, n, e] / norm
                at += 1
    for p in range(len(touched)):
        row, count = touched[p], counts[p]
        for e in range(size):
            table[row, e] += rate * (sums[p, e] / count - table[row, e])


@compile_loop(read(f4, 2), read(f4, 2), read(f4, 1), f4)
def softmax_loss(logits: Float, targets: Float, weights: Float, smoothing: float) -> tuple[float, Float]:
    """Gives the sum of `grutext.engines.keras.losses.softmax_loss` over the texts, and its gradient for the logits `(N, C)`."""
    (texts, classes), total, gradient = logits.shape, 0.0, np.empty_like(logits)
    for n in range(texts):
        highest = logits[n].max()
        weight, powers = _ZERO, _ZERO
        for c in range(classes):
            weight += targets[n, c] * weights[c]
            gradient[n, c] = np.exp(logits[n, c] - highest)
            powers += gradient[n, c]
        for c in range(classes):
            wanted = (_ONE - smoothing) * targets[n, c] + smoothing / np.float32(classes)
            total += weight * wanted * (np.log(powers) - (logits[n, c] - highest))
            gradient[n, c] = weight * (gradient[n, c] / powers - wanted)
    return total, gradient


@compile_loop(read(f4, 2), read(f4, 2), read(f4, 1), f4)
def sigmoid_loss(logits: Float, targets: Float, weights: Float, smoothing: float) -> tuple[float, Float]:  # noqa: ARG001 (like `softmax_loss`)
    """Gives the sum of `grutext.engines.keras.losses.sigmoid_loss` over the texts, and its gradient for the logits `(N, C)`."""
    (texts, classes), total, gradient = logits.shape, 0.0, np.empty_like(logits)
    for n in range(texts):
        for c in range(classes):
            x, y = logits[n, c], targets[n, c]
            weight = _ONE + (weights[c] - _ONE) * y
            small = np.exp(-abs(x))
            rest = np.log1p(small) + max(-x, _ZERO)  # of the label's probability, the negative logarithm
            total += (_ONE - y) * x + weight * rest
            other = (small if x > 0 else _ONE) / (_ONE + small)  # 1 - sigmoid(x)
            gradient[n, c] = _ONE - y - weight * other
    return total, gradient


@compile_loop(write(f4, 2), write(f4, 2), write(f4, 2), read(i4, 1), read(f4, 2), f4, f4, f4, f4, f4, i8)
def move(
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
    """Makes a step of Adam, see `grutext.engines.keras.adam`, in some rows of a table and of its moments, and in no others; in place.

    Args:
        table: `(V, E)`; likewise
        first: Its first moment and
        second: its second.
        rows: `(R,)`, all distinct.
        gradient: `(R, E)`.
        factor: What the gradient is multiplied with first.
        rate: The learning rate.
        beta1: Decay of the first moment.
        beta2: Decay of the second moment.
        epsilon: What is added to the root of the second moment.
        step: The number of this step, from 1.
    """
    of_first, of_second = _ONE - np.float32(beta1**step), _ONE - np.float32(beta2**step)
    for r in range(len(rows)):
        row = rows[r]
        for e in range(table.shape[1]):
            g = factor * gradient[r, e]
            m = first[row, e] + (_ONE - beta1) * (g - first[row, e])
            v = second[row, e] + (_ONE - beta2) * (g * g - second[row, e])
            table[row, e] -= rate * (m / of_first) / (np.sqrt(v / of_second) + epsilon)
            first[row, e], second[row, e] = m, v
