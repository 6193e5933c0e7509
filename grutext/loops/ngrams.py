"""Tokens and texts to n-grams, and n-grams to the margins of a linear model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32 as f4
from numba import int16 as i2
from numba import int32 as i4
from numba import int64 as i8
from numba import uint8 as u1
from numba import uint32 as u4
from numba import uint64 as u8
from numpy.typing import NDArray

from grutext.loops.compiling import compile_loop, fetch_row, inline, prefetch, read, widen, write

Float = NDArray[np.float32]
Int = NDArray[np.int64]
UInt32 = NDArray[np.uint32]

_USUAL = 3  # places that a search of a key goes on
_AHEAD = 16  # n-grams whose numbers are fetched meanwhile


@compile_loop(read(u1, 1), read(i8, 1), i8, i8, read(u4, 1), u4)
def hash_subwords(
    raw: NDArray[np.uint8], sizes: Int, shortest: int, longest: int, step: UInt32, buckets: np.uint32
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Gives the rows of the subword table that the n-grams of M tokens are hashed to, as `grutext.text.subwords` says.

    Args:
        raw: The bytes of the tokens in UTF-8, each between `<` and `>`, one after the other.
        sizes: `(M,)`, the characters of each, `<` and `>` among them.
        shortest: The length of the shortest n-grams, in characters.
        longest: That of the longest.
        step: `(256,)`, what a byte makes of a CRC-32.
        buckets: The rows of the table.

    Returns:
        `(K,)`, token after token, short n-grams first; and how many belong to each token, `(M,)`.
    """
    counts = np.zeros(len(sizes), np.int32)
    for token in range(len(sizes)):
        for n in range(shortest, longest + 1):
            counts[token] += max(0, sizes[token] - n + 1)
    rows = np.empty(counts.sum(), np.int32)
    begin = first = 0
    for token in range(len(sizes)):
        size = sizes[token]
        for start in range(size):
            state, at, place = np.uint32(0xFFFFFFFF), begin, first + start
            for n in range(1, min(longest, size - start) + 1):
                is_first = True
                while at < len(raw) and (is_first or raw[at] & 0xC0 == 0x80):  # a character's further bytes
                    state = step[(state ^ raw[at]) & np.uint32(0xFF)] ^ (state >> np.uint32(8))
                    at, is_first = at + 1, False
                if n == 1:
                    begin = at
                if n >= shortest:
                    rows[place] = np.uint32(~state) % buckets
                    place += size - n + 1
        first += counts[token]
    return rows, counts


@inline
def _roll(
    symbols: NDArray[np.uint64],
    shortest: int,
    longest: int,
    base: np.uint64,
    mix: np.uint64,
    keys: UInt32,
    at: int,
) -> Any:
    """Puts the keys of the n-grams of one text, of each length from `shortest` on, into `keys` from `at` on."""
    for start in range(len(symbols)):
        state = np.uint64(0)
        for n in range(1, min(longest, len(symbols) - start) + 1):
            state = state * base + symbols[start + n - 1] + np.uint64(n)
            if n >= shortest:
                mixed = ((state >> np.uint64(31)) ^ state) * mix
                keys[at] = mixed >> np.uint64(32)
                at += 1
    return at


@compile_loop(
    read(u8, 1), read(i8, 1), i8, read(u4, 1), read(i8, 1), i8, i8, u8, u8, u4
)  # fmt: skip
def hash_ngrams(
    words: NDArray[np.uint64],
    word_bounds: Int,
    word_max: int,
    codes: UInt32,
    code_bounds: Int,
    char_min: int,
    char_max: int,
    base: np.uint64,
    mix: np.uint64,
    character_family: np.uint32,
) -> tuple[Int, UInt32]:
    """Hashes the n-grams of N texts.

    Gives where each text's begin and, last, end, `(N + 1,)`, and their keys, as `grutext.text.ngrams` says.

    Args:
        words: The hashes of the tokens, text after text.
        word_bounds: `(N + 1,)`, where each text's begin and, last, end.
        word_max: The length of the longest n-grams of words.
        codes: The code points, text after text.
        code_bounds: `(N + 1,)`, where each text's begin and, last, end.
        char_min: The length of the shortest n-grams of characters.
        char_max: That of the longest; 0 for none.
        base: What a hash is multiplied with for the next symbol.
        mix: What it is multiplied with at the end.
        character_family: The bit that n-grams of characters have, and those of words have not.
    """
    bounds = np.zeros(len(word_bounds), np.int64)
    keys = np.empty(word_max * len(words) + max(0, char_max - char_min + 1) * len(codes), np.uint32)
    symbols = codes.astype(np.uint64)
    at = 0
    for text in range(len(bounds) - 1):
        first = at
        at = _roll(words[word_bounds[text] : word_bounds[text + 1]], 1, word_max, base, mix, keys, at)
        for place in range(first, at):
            keys[place] &= ~character_family
        first = at
        own = symbols[code_bounds[text] : code_bounds[text + 1]]
        at = _roll(own, char_min, char_max, base, mix, keys, at)
        for place in range(first, at):
            keys[place] |= character_family
        bounds[text + 1] = at
    return bounds, keys[:at].copy()


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
    weights, beyond, labels = kernel.ravel(), len(scale), kernel.shape[1]
    for text in range(len(shares)):
        begin, end = bounds[text], bounds[text + 1]
        count = 0
        for at in range(begin, end):
            count += at == begin or keys[at] != keys[at - 1]
            distinct[count], ends[count] = keys[at], at + 1
        ends[0] = begin
        for n in range(1, count + 1):
            prefetch(first, distinct[min(n + _AHEAD, count)] >> shift)
            columns[n] = first[distinct[n] >> shift]
        found = 0
        for n in range(1, count + 1):
            prefetch(known, columns[min(n + _AHEAD, count)])
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
            column, ahead = columns[n], columns[min(n + _AHEAD, found - 1)]
            fetch_row(weights, ahead, labels)
            value = np.float32(values[n] / norms[int(column >= characters)])
            for c in range(labels):
                margins[text, c] += value * widen(kernel[column, c])
        shares[text] = found / max(count, 1)
