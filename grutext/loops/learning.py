"""What training computes: the gradient of the GRU, and the embedding.

TensorFlow starts two dozen operations for each step of a GRU, and twice as many on the way back; with short texts
that takes most of the time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean
from numba import float32 as f4
from numba import int32 as i4
from numpy.typing import NDArray

from grutext.loops.compiling import compile_loop, inline, read
from grutext.loops.gru import run_forward

__all__ = ["embed", "embed_gradient", "run_forward", "run_gradient"]

Float = NDArray[np.float32]
Int = NDArray[np.int32]

_ONE = np.float32(1)


@compile_loop(
    read(f4, 3), read(f4, 3), read(f4, 3), read(f4, 3), read(f4, 3), read(f4, 2), read(f4, 2), read(f4, 2), boolean
)  # fmt: skip
def run_gradient(
    upstream: Float,
    states: Float,
    opened: Float,
    chosen: Float,
    inner: Float,
    from_gates: Float,
    from_candidate: Float,
    start: Float,
    backward: bool,
) -> tuple[Float, Float, Float, Float]:
    """Gives the gradient of `run_forward`, whose results, start and direction it gets.

    Args:
        upstream: `(T, N, U)`, the gradient for the states.
        states: `(T, N, U)`; likewise
        opened: `(T, N, 2U)`,
        chosen: `(T, N, U)` and
        inner: `(T, N, U)`.
        from_gates: `(2U, U)`, the transposed recurrent weights.
        from_candidate: `(U, U)`, likewise.
        start: `(N, U)`.
        backward: Whether the loop began at the end.

    Returns:
        The gradients for the gates before they were opened, `(T, N, 2U)`; for the candidates, `(T, N, U)`; for
        what r is multiplied with, `(T, N, U)`; and for the start, `(N, U)`.
    """
    steps, texts, units = states.shape
    dgates, dcandidates, dinner = np.empty_like(opened), np.empty_like(states), np.empty_like(states)
    carry, by_gates, by_candidate = np.zeros_like(start), np.empty_like(start), np.empty_like(start)
    for i in range(steps):
        t = i if backward else steps - 1 - i
        is_first = i == steps - 1
        before = start if is_first else states[t + 1 if backward else t - 1]
        for n in range(texts):
            for k in range(units):
                u, r, c = opened[t, n, k], opened[t, n, units + k], chosen[t, n, k]
                dh = upstream[t, n, k] + carry[n, k]
                dc = dh * u * (_ONE - c * c)
                dcandidates[t, n, k] = dc
                dinner[t, n, k] = dc * r
                dgates[t, n, k] = dh * (c - before[n, k]) * u * (_ONE - u)
                dgates[t, n, units + k] = dc * inner[t, n, k] * r * (_ONE - r)
                carry[n, k] = dh * (_ONE - u)
        np.dot(dgates[t], from_gates, by_gates)
        np.dot(dinner[t], from_candidate, by_candidate)
        for n in range(texts):
            for k in range(units):
                carry[n, k] += by_gates[n, k] + by_candidate[n, k]
    return dgates, dcandidates, dinner, carry


@inline
def _shares(type_of_bucket: Int, types: int) -> Any:
    """Gives by how much the subwords of each of M types are multiplied, so that their sum is a mean, `(M,)`."""
    counts = np.zeros(types, np.float32)
    for m in type_of_bucket:
        counts[m] += _ONE
    return _ONE / np.maximum(counts, _ONE)


@inline
def _add(row: Float, other: Float, share: np.float32) -> None:
    for e in range(len(row)):
        row[e] += share * other[e]


@compile_loop(read(f4, 2), read(f4, 2), read(i4, 2), read(i4, 1), read(i4, 1), read(i4, 1))
def embed(
    words: Float, subwords: Float, ids: Int, type_words: Int, type_buckets: Int, type_of_bucket: Int
) -> Float:
    """Gives the vectors `(T, N, E)` of the tokens of a batch: a word row plus the mean of the subword rows.

    Args:
        words: `(W, E)`, the rows of the batch's words, and
        subwords: `(B, E)`, those of its subwords; none, if there is no such table.
        ids: `(N, T)`, as in `grutext.training.batches.Batch`; likewise
        type_words: `(M,)`,
        type_buckets: `(K,)` and
        type_of_bucket: `(K,)`.
    """
    (texts, steps), size = ids.shape, words.shape[1]
    shares = _shares(type_of_bucket, len(type_words))
    types = np.zeros((len(type_words) + 1, size), np.float32)  # padding is type M, all zeros
    for k in range(len(type_of_bucket) if len(subwords) else 0):
        _add(types[type_of_bucket[k]], subwords[type_buckets[k]], _ONE)
    for m in range(len(type_words)):
        for e in range(size):
            types[m, e] = words[type_words[m], e] + types[m, e] * shares[m]
    vectors = np.empty((steps, texts, size), np.float32)
    for t in range(steps):
        for n in range(texts):
            vectors[t, n] = types[ids[n, t]]
    return vectors


@compile_loop(read(f4, 3), read(f4, 2), read(f4, 2), read(i4, 2), read(i4, 1), read(i4, 1), read(i4, 1))
def embed_gradient(
    upstream: Float,
    words: Float,
    subwords: Float,
    ids: Int,
    type_words: Int,
    type_buckets: Int,
    type_of_bucket: Int,
) -> tuple[Float, Float]:
    """Gives the gradients of `embed` for `words` and `subwords` from that for the vectors, `(T, N, E)`."""
    shares = _shares(type_of_bucket, len(type_words))
    types = np.zeros((len(type_words) + 1, words.shape[1]), np.float32)
    dwords, dsubwords = np.zeros_like(words), np.zeros_like(subwords)
    for t in range(ids.shape[1]):
        for n in range(ids.shape[0]):
            _add(types[ids[n, t]], upstream[t, n], _ONE)
    for m in range(len(type_words)):
        _add(dwords[type_words[m]], types[m], _ONE)
    for k in range(len(type_of_bucket) if len(subwords) else 0):
        _add(dsubwords[type_buckets[k]], types[type_of_bucket[k]], shares[type_of_bucket[k]])
    return dwords, dsubwords
