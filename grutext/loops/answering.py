"""What the runtime computes besides the GRU: tokens to vectors, and n-grams to margins."""

from __future__ import annotations

import numpy as np
from numba import float32 as f4
from numba import int16 as i2
from numba import int32 as i4
from numba import int64 as i8
from numba import uint32 as u4
from numpy.typing import NDArray

from grutext.loops.compiling import compile_loop, inline, prefetch, read, write
from grutext.loops.gru import run_steps

__all__ = ["add_subwords", "convolve", "read_ngrams", "run_steps"]

Float = NDArray[np.float32]
Int = NDArray[np.int64]
UInt32 = NDArray[np.uint32]

_SIGNS, _WIDEN = np.int32(-0x70000001), np.float32(2.0**112)  # as in `grutext.runtime.deep.widen`
_USUAL = 3  # places that a search of a key goes on
# What is far from the cache is fetched while the loop is at work on what comes before it.
_TOKENS_AHEAD, _NGRAMS_AHEAD = 2, 16
_LINE = 64  # bytes that are fetched at a time


@inline
def _fetch_row(table: NDArray[np.generic], row: int, size: int) -> None:
    """Has a row of a table fetched, which is given as one long row."""
    for place in range(row * size, (row + 1) * size, _LINE // table.itemsize):
        prefetch(table, place)


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
            soon = positions[d, min(row + _TOKENS_AHEAD, rows - 1)]
            for k in range(taps):
                _fetch_row(all_products, k * beyond + ids[soon - reach + k], size)
            _fetch_row(all_vectors, ids[soon], size)
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


@compile_loop(
    read(i8, 1), read(u4, 1), read(u4, 1), read(i4, 1), u4, read(f4, 1), i8, i8, read(i2, 2), write(f4, 2), write(f4, 1)
)  # fmt: skip
def read_ngrams(
    bounds: Int,
    keys: UInt32,
    known: UInt32,
    first: NDArray[np.int32],
    shift: np.uint32,
    scale: Float,
    characters: int,
    most_counted: int,
    kernel: NDArray[np.int16],
    margins: Float,
    shares: Float,
) -> None:
    """Adds the products of N texts' n-grams to their margins, and fills in the shares of known ones.

    Args:
        bounds: `(N + 1,)`, and
        keys: the n-grams, as `grutext.text.sort_ngrams` gives them.
        known: `(F + 1,)`, as in `grutext.text.KeyIndex`; likewise
        first: and
        shift: these.
        scale: `(F,)`, as in `grutext.text.NgramFeatures`.
        characters: The first feature that is a character n-gram.
        most_counted: More occurrences than this weigh no more.
        kernel: `(F, C)`, the bits of finite float16 numbers.
        margins: `(N, C)`, to be added to.
        shares: `(N,)`, of distinct n-grams; 0 for a text without any.
    """
    most = 1
    for text in range(len(shares)):
        most = max(most, bounds[text + 1] - bounds[text] + 1)
    distinct, ends = np.empty(most, np.uint32), np.empty(most, np.int64)
    columns, times, values = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most)
    bits = np.empty(margins.shape[1], np.int32)
    row = bits.view(np.float32)
    weights, beyond = kernel.ravel(), len(scale)
    for text in range(len(shares)):
        begin, end = bounds[text], bounds[text + 1]
        count = 0
        for at in range(begin, end):
            count += at == begin or keys[at] != keys[at - 1]
            distinct[count], ends[count] = keys[at], at + 1
        ends[0] = begin
        for n in range(1, count + 1):
            prefetch(first, distinct[min(n + _NGRAMS_AHEAD, count)] >> shift)
            columns[n] = first[distinct[n] >> shift]
        found = 0
        for n in range(1, count + 1):
            prefetch(known, columns[min(n + _NGRAMS_AHEAD, count)])
            key, column = distinct[n], columns[n]
            for _ in range(_USUAL):  # rather than a loop whose end the processor would have to guess
                column += known[column] < key
            while known[column] < key:
                column += 1
            prefetch(scale, min(column, beyond - 1))
            columns[found], times[found] = column, ends[n] - ends[n - 1]
            found += known[column] == key and column < beyond
        squares = np.zeros(2)  # of each family
        for n in range(found):
            value = np.float64(scale[columns[n]])
            if times[n] > 1:
                value *= 1 + np.log(np.float64(min(times[n], most_counted)))
            squares[int(columns[n] >= characters)] += value * value
            values[n] = value
        norms = np.maximum(np.sqrt(squares), 1e-12)
        for n in range(found):
            column, ahead = columns[n], columns[min(n + _NGRAMS_AHEAD, found - 1)]
            _fetch_row(weights, ahead, len(row))
            value = np.float32(values[n] / norms[int(column >= characters)]) * _WIDEN
            for c in range(len(row)):
                bits[c] = (np.int32(kernel[column, c]) << 13) & _SIGNS
            for c in range(len(row)):
                margins[text, c] += value * row[c]
        shares[text] = found / max(count, 1)
