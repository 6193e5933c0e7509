"""The kernels of inference: the vectors of tokens and of texts, and a layer of the encoder."""

from __future__ import annotations

import numpy as np
from numba import float32 as f4
from numba import int8 as i1
from numba import int16 as i2
from numba import int32 as i4
from numpy.typing import NDArray

from grutext.kernels.compiling import compile_kernel, fetch_row, readonly, widen
from grutext.kernels.gru import run_forward, run_layer

__all__ = ["embed", "run_forward", "run_layer", "sum_words"]

Float = NDArray[np.float32]
Int8 = NDArray[np.int8]
Int32 = NDArray[np.int32]

_PREFETCH = 4  # tokens ahead whose rows are fetched into the processor's cache


@compile_kernel(readonly(i2, 2), readonly(i2, 2), readonly(i4, 1), readonly(i4, 1), readonly(i4, 1))
def embed(
    words: NDArray[np.int16], subwords: NDArray[np.int16], rows: Int32, buckets: Int32, counts: Int32
) -> Float:
    """Return the vectors of M tokens, `(M, E)`: a word row plus the mean subword row.

    Args:
        words: `(V, E)`, the bits of finite float16 numbers.
        subwords: `(B, E)`, the bits of finite float16 numbers; `(0, E)` without subwords.
        rows: `(M,)`, as in `grutext.text.TokenBatch`.
        buckets: `(K,)`, as in it.
        counts: `(M,)`, its `bucket_counts`.
    """
    size = words.shape[1]
    vectors = np.empty((len(rows), size), np.float32)
    sums, all_words, at = np.empty(size, np.float32), words.ravel(), 0
    for m in range(len(rows)):
        fetch_row(all_words, rows[min(m + _PREFETCH, len(rows) - 1)], size)
        vector, row = vectors[m], rows[m]
        for e in range(size):
            vector[e] = widen(words[row, e])
        if not len(subwords) or not counts[m]:
            continue
        sums[:] = 0
        for bucket in buckets[at : at + counts[m]]:
            for e in range(size):
                sums[e] += widen(subwords[bucket, e])
        share = np.float32(1) / np.float32(counts[m])
        for e in range(size):
            vector[e] += sums[e] * share
        at += counts[m]
    return vectors


@compile_kernel(readonly(i1, 2), readonly(f4, 1), readonly(i4, 1), readonly(i4, 1))
def sum_words(words: Int8, scale: Float, rows: Int32, lengths: Int32) -> Float:
    """Return the weighted sums of the word vectors of N texts, `(N, K)`.

    Args:
        words: `(V, K)`, as in `grutext.text.TextVectors`.
        scale: `(V,)`, as in it.
        rows: `(S,)`, the row of each token, one text after the other.
        lengths: `(N,)`, the number of tokens of each text.
    """
    size, all_words, at = words.shape[1], words.ravel(), 0
    sums = np.zeros((len(lengths), size), np.float32)
    for text in range(len(lengths)):
        total = sums[text]
        for token in range(at, at + lengths[text]):
            fetch_row(all_words, rows[min(token + _PREFETCH, len(rows) - 1)], size)
            row = rows[token]
            weight = scale[row]
            for k in range(size):
                total[k] += weight * np.float32(words[row, k])
        at += lengths[text]
    return sums
