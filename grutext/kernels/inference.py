"""What the runtime computes of tokens: their vectors, and what a layer of the encoder makes of them."""

from __future__ import annotations

import numpy as np
from numba import int16 as i2
from numba import int32 as i4
from numpy.typing import NDArray

from grutext.kernels.compiling import compile_loop, fetch_row, read, widen
from grutext.kernels.gru import run_layer

__all__ = ["embed", "run_layer"]

Float = NDArray[np.float32]
Int32 = NDArray[np.int32]

_AHEAD = 4  # tokens whose rows are fetched meanwhile


@compile_loop(read(i2, 2), read(i2, 2), read(i4, 1), read(i4, 1), read(i4, 1))
def embed(
    words: NDArray[np.int16], subwords: NDArray[np.int16], rows: Int32, buckets: Int32, counts: Int32
) -> Float:
    """Gives the vectors of M tokens, `(M, E)`: a word row plus the mean subword row.

    Args:
        words: `(V, E)`, the bits of finite float16 numbers; likewise
        subwords: `(B, E)`; of no rows without subwords.
        rows: `(M,)`, as in `grutext.text.TokenBatch`; likewise
        buckets: `(K,)`, and
        counts: `(M,)`.
    """
    size = words.shape[1]
    vectors = np.empty((len(rows), size), np.float32)
    sums, all_words, at = np.empty(size, np.float32), words.ravel(), 0
    for m in range(len(rows)):
        fetch_row(all_words, rows[min(m + _AHEAD, len(rows) - 1)], size)
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
