"""Continuous bag of words: the mean vector around a token, and the loss of predicting the token from it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import float32 as f4
from numba import int32 as i4
from numpy.typing import NDArray

from grutext.kernels.compiling import compile_kernel, inline, readonly, writable

Float = NDArray[np.float32]
Int = NDArray[np.int32]

_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_LOG2E, _LN2_HIGH, _LN2_LOW = map(np.float32, (1.44269504, 0.693359375, -2.12194440e-4))
_E3, _E4, _E5, _E6 = (np.float32(1 / math.factorial(n)) for n in (3, 4, 5, 6))
_LOWEST = np.float32(-87)  # exp is the smallest normal number there


@inline
def _exp(x: np.float32) -> Any:
    """Return exp(x) of a number that is at most 0, as `grutext.kernels.gru.one_minus_sigmoid` computes it."""
    x = x if x > _LOWEST else _LOWEST
    n = np.int32(np.floor(x * _LOG2E + _HALF))
    y = x - np.float32(n) * _LN2_HIGH - np.float32(n) * _LN2_LOW
    e = _ONE + y + y * y * (_HALF + y * (_E3 + y * (_E4 + y * (_E5 + y * _E6))))
    return e * np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)


@inline
def _share(context: Int, types: int) -> Any:
    """Return one over the number of real tokens in a context; 1 if there is none."""
    count = _ZERO
    for m in context:
        if m < types:
            count += _ONE
    return _ONE / max(count, _ONE)


@compile_kernel(readonly(f4, 2), readonly(f4, 2), readonly(i4, 2))
def mean_contexts(vectors: Float, scales: Float, contexts: Int) -> Float:
    """Return the mean vector of each context, `(H, E)`, each token's vector times the scale of its position.

    Args:
        vectors: `(M, E)`, the vectors of the types.
        scales: `(2W, E)`, one factor for each position and dimension.
        contexts: `(H, 2W)`, the type at each position; M where there is no token.
    """
    means = np.zeros((len(contexts), vectors.shape[1]), np.float32)
    for h in range(len(contexts)):
        share = _share(contexts[h], len(vectors))
        for j in range(len(scales)):
            m = contexts[h, j]
            if m < len(vectors):
                for e in range(vectors.shape[1]):
                    means[h, e] += share * scales[j, e] * vectors[m, e]
    return means


@compile_kernel(readonly(f4, 2), readonly(f4, 2), readonly(f4, 2), readonly(i4, 2))
def mean_contexts_gradient(
    upstream: Float, vectors: Float, scales: Float, contexts: Int
) -> tuple[Float, Float]:
    """Return the gradients of `mean_contexts` for the vectors and the scales from that for the means, `(H, E)`."""
    grad_vectors, grad_scales = np.zeros_like(vectors), np.zeros_like(scales)
    for h in range(len(contexts)):
        share = _share(contexts[h], len(vectors))
        for j in range(len(scales)):
            m = contexts[h, j]
            if m < len(vectors):
                for e in range(vectors.shape[1]):
                    grad = share * upstream[h, e]
                    grad_vectors[m, e] += grad * scales[j, e]
                    grad_scales[j, e] += grad * vectors[m, e]
    return grad_vectors, grad_scales


@compile_kernel(writable(f4, 2), readonly(i4, 1))
def cross_entropy(scores: Float, targets: Int) -> float:
    """Return the sum of the losses of H tokens, in nats; replace the scores by the gradient of this sum.

    Args:
        scores: `(H, K)`, of each candidate.
        targets: `(H,)`, the candidate that is right.
    """
    total = 0.0
    for h in range(len(scores)):
        row, target = scores[h], targets[h]
        highest = row.max()
        right, powers = row[target] - highest, _ZERO
        for k in range(len(row)):
            row[k] = _exp(row[k] - highest)
        for k in range(len(row)):
            powers += row[k]
        total += np.log(powers) - right
        for k in range(len(row)):
            row[k] /= powers
        row[target] -= _ONE
    return total
