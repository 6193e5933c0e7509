"""Hash the n-grams of texts, and multiply them with a linear model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean
from numba import float32 as f4
from numba import int16 as i2
from numba import int32 as i4
from numba import int64 as i8
from numba import uint32 as u4
from numba import uint64 as u8
from numpy.typing import NDArray

from grutext.kernels.compiling import compile_kernel, fetch_row, inline, prefetch, readonly, widen, writable
from grutext.kernels.hashing import hash_subwords, hash_types

__all__ = ["hash_ngrams", "hash_subwords", "hash_types", "score_ngrams"]

Float = NDArray[np.float32]
Int = NDArray[np.int64]
UInt32 = NDArray[np.uint32]

_BLANK = np.uint64(ord(" "))
_USUAL = 2  # steps that the search for a key usually takes
_FIRST_KEYS = 1 << 14  # distinct keys that fit a hash table before it grows
_PREFETCH = 16  # n-grams ahead whose numbers are fetched into the processor's cache


@inline
def _fold_spaces(text: UInt32, spaces: NDArray[np.bool_], symbols: NDArray[np.uint64]) -> Any:
    """Write a text with one blank for each run of white space, and one at either end, into `symbols`.

    Returns the number of symbols; 0 for an empty text.
    """
    at, is_space = 0, True
    for code in text:
        was_space, is_space = is_space, code < len(spaces) and spaces[code]
        if was_space and not is_space:
            symbols[at] = _BLANK
            at += 1
        if not is_space:
            symbols[at] = code
            at += 1
    if at:
        symbols[at] = _BLANK
        at += 1
    return at


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
    """Write the keys of a text's n-grams of all lengths from `shortest` to `longest` into `keys` from `at` on; return their end."""
    for start in range(len(symbols)):
        state = np.uint64(0)
        for n in range(1, min(longest, len(symbols) - start) + 1):
            state = state * base + symbols[start + n - 1] + np.uint64(n)
            if n >= shortest:
                mixed = ((state >> np.uint64(31)) ^ state) * mix
                keys[at] = mixed >> np.uint64(32)
                at += 1
    return at


@compile_kernel(
    readonly(u8, 1), readonly(i8, 1), i8, readonly(u4, 1), readonly(i8, 1), readonly(boolean, 1), i8, i8, u8, u8, u4
)  # fmt: skip
def hash_ngrams(
    words: NDArray[np.uint64],
    word_bounds: Int,
    word_max: int,
    codes: UInt32,
    code_bounds: Int,
    spaces: NDArray[np.bool_],
    char_min: int,
    char_max: int,
    base: np.uint64,
    mix: np.uint64,
    character_family: np.uint32,
) -> tuple[Int, UInt32]:
    """Hash the n-grams of N texts, as `grutext.text.ngrams` defines them.

    Returns where each text's n-grams begin, and the end of the last, `(N + 1,)`; and their keys.

    Args:
        words: The hashes of the tokens, text after text.
        word_bounds: `(N + 1,)`, where each text's tokens begin, and the end of the last.
        word_max: The length of the longest n-grams of words.
        codes: The code points of the texts, text after text.
        code_bounds: `(N + 1,)`, where each text's code points begin, and the end of the last.
        spaces: By code point, whether it is white space; code points beyond the array are not.
        char_min: The length of the shortest n-grams of characters.
        char_max: The length of the longest; 0 for none.
        base: The factor of the polynomial hash.
        mix: The factor that mixes its bits at the end.
        character_family: The bit that is set in keys of character n-grams and not in those of word n-grams.
    """
    bounds = np.zeros(len(word_bounds), np.int64)
    most = len(codes) + 2 * len(bounds)
    keys = np.empty(word_max * len(words) + max(0, char_max - char_min + 1) * most, np.uint32)
    symbols = np.empty(most, np.uint64)
    at = 0
    for text in range(len(bounds) - 1):
        first = at
        at = _roll(words[word_bounds[text] : word_bounds[text + 1]], 1, word_max, base, mix, keys, at)
        for place in range(first, at):
            keys[place] &= ~character_family
        first = at
        count = _fold_spaces(codes[code_bounds[text] : code_bounds[text + 1]], spaces, symbols)
        at = _roll(symbols[:count], char_min, char_max, base, mix, keys, at)
        for place in range(first, at):
            keys[place] |= character_family
        bounds[text + 1] = at
    return bounds, keys[:at]


@inline
def _bits(keys: int) -> Any:
    """Return the number of bits of a hash table's size, so that at least half of it stays empty."""
    bits = 6
    while 1 << bits < 2 * keys:
        bits += 1
    return bits


@inline
def _place(key: np.uint32, salt: np.uint64, bits: int, places: NDArray[np.int32], distinct: UInt32) -> Any:
    """Return the place of a key in a hash table of `2 ** bits` places, or the empty place where it belongs."""
    place = np.int64((key * salt) >> np.uint64(64 - bits))
    while places[place] and distinct[places[place] - 1] != key:
        place = (place + 1) & ((1 << bits) - 1)
    return place


@inline
def _count(keys: UInt32, salt: np.uint64, places: NDArray[np.int32], distinct: UInt32, times: Int) -> Any:
    """Find the distinct keys, in order of first occurrence, and how often each occurs.

    Returns the number of distinct keys, and the hash table: `places`, or a larger one if that was too small. It is all zeros
    before and after.
    """
    bits, count = _bits(min(len(keys) // 2, _FIRST_KEYS)), 0
    for key in keys:
        place = _place(key, salt, bits, places, distinct)
        if not places[place]:
            if 2 * (count + 1) > 1 << bits:
                places[: 1 << bits] = 0
                bits += 1
                if 1 << bits > len(places):
                    places = np.zeros(1 << bits, np.int32)
                for n in range(count):
                    places[_place(distinct[n], salt, bits, places, distinct)] = n + 1
                place = _place(key, salt, bits, places, distinct)
            distinct[count], times[count] = key, 0
            count += 1
            places[place] = count
        times[places[place] - 1] += 1
    places[: 1 << bits] = 0
    return count, places


@compile_kernel(
    readonly(i8, 1), readonly(u4, 1), u8, readonly(u4, 1), readonly(i4, 1), u4, readonly(f4, 1), i8, i8, readonly(i2, 2), writable(f4, 2), writable(f4, 1)
)  # fmt: skip
def score_ngrams(
    bounds: Int,
    keys: UInt32,
    salt: np.uint64,
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
    """Add the products of N texts' n-grams with the linear model to their margins, and compute the shares of known n-grams.

    Args:
        bounds: `(N + 1,)`, as `grutext.text.list_ngrams` returns them.
        keys: The n-grams, as it returns them.
        salt: A secret odd number, so that nobody can craft n-grams that collide in the hash table.
        known: `(F + 1,)`, the keys of `grutext.text.KeyIndex`.
        first: Its table of first places.
        shift: Its number of bits.
        scale: `(F,)`, as in `grutext.text.NgramFeatures`.
        characters: The first feature that is a character n-gram.
        most_counted: The largest count of an n-gram in a text; larger ones are clipped to it.
        kernel: `(F, C)`, the bits of finite float16 numbers.
        margins: `(N, C)`, is added to.
        shares: `(N,)`, is filled with the share of a text's distinct n-grams that are known; 0 for a text without n-grams.
    """
    most = 1
    for text in range(len(shares)):
        most = max(most, bounds[text + 1] - bounds[text])
    places = np.zeros(1 << _bits(_FIRST_KEYS), np.int32)
    distinct, times = np.empty(most, np.uint32), np.empty(most, np.int64)
    columns, values = np.empty(most, np.int64), np.empty(most)
    weights, beyond, labels = kernel.ravel(), len(scale), kernel.shape[1]
    for text in range(len(shares)):
        count, places = _count(keys[bounds[text] : bounds[text + 1]], salt, places, distinct, times)
        for n in range(count):
            prefetch(first, distinct[min(n + _PREFETCH, count - 1)] >> shift)
            columns[n] = first[distinct[n] >> shift]
        found = 0
        for n in range(count):
            prefetch(known, columns[min(n + _PREFETCH, count - 1)])
            key, column = distinct[n], columns[n]
            for _ in range(_USUAL):  # cheaper than a loop whose end the processor would have to predict
                column += known[column] < key
            while known[column] < key:
                column += 1
            prefetch(scale, min(column, beyond - 1))
            columns[found], times[found] = column, times[n]
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
            column, ahead = columns[n], columns[min(n + _PREFETCH, found - 1)]
            fetch_row(weights, ahead, labels)
            value = np.float32(values[n] / norms[int(column >= characters)])
            for c in range(labels):
                margins[text, c] += value * widen(kernel[column, c])
        shares[text] = found / max(count, 1)
