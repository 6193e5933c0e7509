"""The embedding in training: from table rows to the vectors of a batch's tokens, and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32 as f4
from numba import int32 as i4
from numba import int64 as i8
from numpy.typing import NDArray

from grutext.kernels.compiling import compile_kernel, inline, readonly

Float = NDArray[np.float32]
Int = NDArray[np.int32]

_ONE = np.float32(1)


@inline
def _shares(type_of_bucket: Int, types: int) -> Any:
    """Return one over the number of subwords of each of M types, `(M,)`; 1 for a type without any."""
    counts = np.zeros(types, np.float32)
    for m in type_of_bucket:
        counts[m] += _ONE
    return _ONE / np.maximum(counts, _ONE)


@inline
def _add(row: Float, other: Float, share: np.float32) -> None:
    for e in range(len(row)):
        row[e] += share * other[e]


@compile_kernel(
    readonly(f4, 2), readonly(f4, 2), readonly(i4, 2), readonly(i4, 1), readonly(i4, 1), readonly(i4, 1), readonly(i4, 1), readonly(i4, 1)
)  # fmt: skip
def embed(
    words: Float,
    subwords: Float,
    ids: Int,
    word_rows: Int,
    type_words: Int,
    bucket_rows: Int,
    type_buckets: Int,
    type_of_bucket: Int,
) -> Float:
    """Return the vectors of a batch's tokens, `(T, N, E)`: a word row plus the mean of the subword rows.

    Args:
        words: `(V, E)`, the word table.
        subwords: `(B, E)`, the subword table; `(0, E)` if there is none.
        ids: `(N, T)`; this and the others are as in `grutext.engines.base.Batch`.
        word_rows: `(W,)`.
        type_words: `(M,)`.
        bucket_rows: `(R,)`.
        type_buckets: `(K,)`.
        type_of_bucket: `(K,)`.
    """
    (texts, steps), size = ids.shape, words.shape[1]
    shares = _shares(type_of_bucket, len(type_words))
    types = np.zeros((len(type_words) + 1, size), np.float32)  # padding is type M, all zeros
    for k in range(len(type_of_bucket) if len(subwords) else 0):
        _add(types[type_of_bucket[k]], subwords[bucket_rows[type_buckets[k]]], _ONE)
    for m in range(len(type_words)):
        row, share = word_rows[type_words[m]], shares[m]
        for e in range(size):
            types[m, e] = words[row, e] + types[m, e] * share
    vectors = np.empty((steps, texts, size), np.float32)
    for t in range(steps):
        for n in range(texts):
            one = ids[n, t]
            for e in range(size):
                vectors[t, n, e] = types[one, e]
    return vectors


@compile_kernel(readonly(f4, 3), readonly(i4, 2), readonly(i4, 1), readonly(i4, 1), readonly(i4, 1), i8, i8)
def embed_gradient(
    upstream: Float,
    ids: Int,
    type_words: Int,
    type_buckets: Int,
    type_of_bucket: Int,
    words: int,
    buckets: int,
) -> tuple[Float, Float]:
    """Return the gradients of `embed` for the table rows of a batch from that for the vectors.

    Args:
        upstream: `(T, N, E)`, the gradient for the vectors.
        ids: `(N, T)`, as for `embed`.
        type_words: `(M,)`, as for `embed`.
        type_buckets: `(K,)`, as for `embed`.
        type_of_bucket: `(K,)`, as for `embed`.
        words: The number W of word rows.
        buckets: The number R of subword rows; 0 if there is no such table.

    Returns:
        The gradients for the word rows, `(W, E)`, and for the subword rows, `(R, E)`.
    """
    size = upstream.shape[2]
    shares = _shares(type_of_bucket, len(type_words))
    types = np.zeros((len(type_words) + 1, size), np.float32)
    grad_words, grad_subwords = np.zeros((words, size), np.float32), np.zeros((buckets, size), np.float32)
    for t in range(ids.shape[1]):
        for n in range(ids.shape[0]):
            _add(types[ids[n, t]], upstream[t, n], _ONE)
    for m in range(len(type_words)):
        _add(grad_words[type_words[m]], types[m], _ONE)
    for k in range(len(type_of_bucket) if buckets else 0):
        _add(grad_subwords[type_buckets[k]], types[type_of_bucket[k]], shares[type_of_bucket[k]])
    return grad_words, grad_subwords
