"""What the runtime computes besides the GRU: the vectors of tokens, and what a convolution makes of them."""

from __future__ import annotations

import numpy as np
from numba import float32 as f4
from numba import int16 as i2
from numba import int32 as i4
from numba import int64 as i8
from numpy.typing import NDArray

from grutext.loops.compiling import compile_loop, fetch_row, read, write
from grutext.loops.gru import run_steps

__all__ = ["add_subwords", "convolve", "run_steps"]

Float = NDArray[np.float32]
Int = NDArray[np.int64]

# As in `grutext.runtime.deep.widen`; shared as a function, it made the loops a tenth to a half slower.
_SIGNS, _WIDEN = np.int32(-0x70000001), np.float32(2.0**112)
_AHEAD = 2  # tokens whose rows are fetched meanwhile


@compile_loop(read(f4, 3), read(f4, 2), read(i4, 1), read(i8, 2), write(f4, 3))
def convolve(products: Float, vectors: Float, ids: NDArray[np.int32], positions: Int, seen: Float) -> None:
    """Fills in what a convolution makes of tokens.

    Args:
        products: `(k, M + 1, E + 1)`, as in `grutext.runtime.sources.Convolution`.
        vectors: `(M, E + 1)`, likewise.
        ids: `(S,)`, the token at each position.
        positions: `(D, R)`.
        seen: `(D, R, E + 1)`, to be filled in.
    """
    directions, rows, size = seen.shape
    (taps, beyond, _), reach = products.shape, len(products) // 2
    all_products, all_vectors = products.ravel(), vectors.ravel()
    for d in range(directions):
        for row in range(rows):
            soon = positions[d, min(row + _AHEAD, rows - 1)]
            for k in range(taps):
                fetch_row(all_products, k * beyond + ids[soon - reach + k], size)
            fetch_row(all_vectors, ids[soon], size)
            place = positions[d, row]
            out = seen[d, row]
            out[:] = products[0, ids[place - reach]]
            for k in range(1, taps):
                product = products[k, ids[place - reach + k]]
                for e in range(size):
                    out[e] += product[e]
            vector = vectors[ids[place]]
            for e in range(size):
                if out[e] < vector[e]:
                    out[e] = vector[e]


@compile_loop(read(i2, 2), read(i4, 1), read(i4, 1), write(f4, 2))
def add_subwords(
    table: NDArray[np.int16], buckets: NDArray[np.int32], counts: NDArray[np.int32], vectors: Float
) -> None:
    """Adds to the vectors of tokens the mean of their subword rows.

    Args:
        table: `(B, E)`, the bits of finite float16 numbers.
        buckets: `(K,)`, as in `grutext.text.TokenBatch`; likewise
        counts: `(M,)`.
        vectors: `(M, E)`, to be added to.
    """
    size = table.shape[1]
    bits, sums = np.empty(size, np.int32), np.empty(size, np.float32)
    row = bits.view(np.float32)
    at = 0
    for m in range(len(counts)):
        sums[:] = 0
        for bucket in buckets[at : at + counts[m]]:
            for e in range(size):
                bits[e] = (np.int32(table[bucket, e]) << 13) & _SIGNS
            for e in range(size):
                sums[e] += row[e]
        if counts[m]:
            share = _WIDEN / np.float32(counts[m])
            for e in range(size):
                vectors[m, e] += sums[e] * share
        at += counts[m]
