"""Texts that are still coming: each kernel reads the next tokens of N texts, and updates what is kept of each.

No text depends on the others, nor on how its tokens were cut into parts, not even in its last bits: each sum has a fixed order.
So products are loops here, since the order within a BLAS may depend on the number of rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import boolean
from numba import float32 as f4
from numba import float64 as f8
from numba import int8 as i1
from numba import int16 as i2
from numba import int32 as i4
from numba import int64 as i8
from numba import uint32 as u4
from numba import uint64 as u8
from numpy.typing import NDArray

from grutext.kernels.compiling import compile_kernel, fetch_row, inline, prefetch, readonly, widen, writable

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Int = NDArray[np.int64]
Int32 = NDArray[np.int32]
UInt32 = NDArray[np.uint32]
UInt64 = NDArray[np.uint64]

_PREFETCH = 16  # n-grams, or tokens, ahead whose numbers are fetched into the processor's cache
_FEWEST = 16  # slots of a table of counts
_ONE, _TWO, _HALF = np.float32(1), np.float32(2), np.float32(0.5)
_LOG2E, _LN2_HIGH, _LN2_LOW = map(np.float32, (1.44269504, 0.693359375, -2.12194440e-4))
_E3, _E4, _E5, _E6 = (np.float32(1 / math.factorial(n)) for n in (3, 4, 5, 6))
_EXP_LOW, _EXP_HIGH = np.float32(-87), np.float32(89)  # exp is the smallest normal number there, and infinite


@inline
def _one_minus_sigmoid(x: np.float32) -> Any:
    """Return 1 / (1 + exp(x)) as `grutext.kernels.gru.one_minus_sigmoid` computes it; NaN for NaN."""
    if x < _EXP_LOW:
        x = _EXP_LOW
    if x > _EXP_HIGH:
        x = _EXP_HIGH
    n = np.int32(np.floor(x * _LOG2E + _HALF))
    y = x - np.float32(n) * _LN2_HIGH - np.float32(n) * _LN2_LOW
    e = _ONE + y + y * y * (_HALF + y * (_E3 + y * (_E4 + y * (_E5 + y * _E6))))
    return _ONE / (_ONE + e * np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32))


@inline
def _tanh(x: np.float32) -> Any:
    """Return the hyperbolic tangent, with an absolute error of a unit in the last place of 1."""
    return _ONE - _TWO * _one_minus_sigmoid(_TWO * x)


@inline
def _multiply(row: Float, kernel: Float, product: Float) -> None:
    """Write the product of a row, `(I,)`, with a matrix, `(I, O)`; eight terms are added at a time, in their order."""
    product[:] = 0
    size, width = kernel.shape
    eights = size // 8 * 8
    for i in range(0, eights, 8):
        a, b, c, d, e, f, g, h = (
            row[i], row[i + 1], row[i + 2], row[i + 3], row[i + 4], row[i + 5], row[i + 6], row[i + 7]
        )  # fmt: skip
        of_a, of_b, of_c, of_d = kernel[i], kernel[i + 1], kernel[i + 2], kernel[i + 3]
        of_e, of_f, of_g, of_h = kernel[i + 4], kernel[i + 5], kernel[i + 6], kernel[i + 7]
        for o in range(width):
            total = product[o] + a * of_a[o] + b * of_b[o] + c * of_c[o] + d * of_d[o]
            product[o] = total + e * of_e[o] + f * of_f[o] + g * of_g[o] + h * of_h[o]
    for i in range(eights, size):
        a, of_a = row[i], kernel[i]
        for o in range(width):
            product[o] += a * of_a[o]


@compile_kernel(
    readonly(f4, 2), readonly(f4, 3), readonly(f4, 1), readonly(i4, 1), readonly(i4, 1), writable(f4, 3), writable(i8, 1)
)  # fmt: skip
def convolve_next(
    vectors: Float, taps: Float, bias: Float, ids: Int32, lengths: Int32, window: Float, tokens: Int
) -> tuple[Float, Int]:
    """Convolve the next tokens of N texts; the results end k // 2 tokens before the last token.

    Args:
        vectors: `(M, E)`, of the distinct tokens.
        taps: `(k, E, E)`, the kernel of each of the k taps.
        bias: `(E,)`.
        ids: `(S,)`, the row in `vectors` of each token, text after text.
        lengths: `(N,)`, the number of new tokens of each text.
        window: `(N, k - 1, E)`, the vectors of the last tokens; is updated.
        tokens: `(N,)`, the number of tokens before; is updated.

    Returns:
        The results, `(S', E)`, text after text; and the number of each text's, `(N,)`.
    """
    before, size = window.shape[1:]
    half, longest = before // 2, np.int64(lengths.max()) if len(lengths) else 0
    products = np.empty((before + 1, len(vectors), size), np.float32)
    for tap in range(max(0, before + 1 - longest), before + 1):  # the others are for tokens that come later
        for m in range(len(vectors)):
            _multiply(vectors[m], taps[tap], products[tap, m])
    of_window = np.empty((before + 1, before, size), np.float32)
    inputs, counts = np.empty((len(ids), size), np.float32), np.zeros(len(lengths), np.int64)
    at = row = 0
    for text in range(len(lengths)):
        length = lengths[text]
        for b in range(before):
            for tap in range(max(0, b + 1 - length), b + 1):
                _multiply(window[text, b], taps[tap], of_window[tap, b])
        for last in range(length):
            if tokens[text] + last < half:  # the result would be that of a token before the first
                continue
            out, center = inputs[row], last - half
            for e in range(size):
                out[e] = bias[e]
            for tap in range(before + 1):
                token = last - before + tap
                part = of_window[tap, before + token] if token < 0 else products[tap, ids[at + token]]
                for e in range(size):
                    out[e] += part[e]
            vector = window[text, before + center] if center < 0 else vectors[ids[at + center]]
            for e in range(size):
                out[e] = vector[e] if out[e] < 0 else vector[e] + out[e]
            row += 1
            counts[text] += 1
        for b in range(before if length else 0):
            token = length - before + b
            window[text, b] = window[text, before + token] if token < 0 else vectors[ids[at + token]]
        tokens[text] += length
        at += length
    return inputs[:row], counts


@compile_kernel(
    readonly(f4, 2), readonly(i8, 1), writable(f4, 2), readonly(f4, 2), readonly(f4, 2), readonly(f4, 2)
)
def run_next(
    inputs: Float, lengths: Int, state: Float, kernel: Float, recurrent: Float, bias: Float
) -> Float:
    """Run the next steps of a GRU layer over N texts, and return the states after each, `(S, U)`.

    Args:
        inputs: `(S, I)`, text after text.
        lengths: `(N,)`, the number of steps of each text.
        state: `(N, U)`, the last state; is updated.
        kernel: `(I, 3U)`, as in `grutext.model.spec`.
        recurrent: `(U, 3U)`, as in `grutext.model.spec`.
        bias: `(4, U)`, the biases of z, of r, and of the candidate outside and inside the reset.
    """
    units = state.shape[1]
    states = np.empty((len(inputs), units), np.float32)
    outer, inner = np.empty(3 * units, np.float32), np.empty(3 * units, np.float32)
    row = 0
    for text in range(len(lengths)):
        before = state[text]
        for _ in range(lengths[text]):
            _multiply(inputs[row], kernel, outer)
            _multiply(before, recurrent, inner)
            after = states[row]
            for u in range(units):
                new = _one_minus_sigmoid(outer[u] + inner[u] + bias[0, u])  # 1 - z
                r = _one_minus_sigmoid(-(outer[units + u] + inner[units + u] + bias[1, u]))
                within = inner[2 * units + u] + bias[3, u]
                c = _tanh(outer[2 * units + u] + bias[2, u] + r * within)
                after[u] = before[u] + new * (c - before[u])
            before = after
            row += 1
        state[text] = before
    return states


@compile_kernel(readonly(f4, 2), readonly(i8, 1), writable(i8, 1), writable(f4, 2), writable(f8, 2))
def pool_next(states: Float, lengths: Int, steps: Int, largest: Float, sums: Double) -> None:
    """Pool the states after the next steps of N texts.

    Args:
        states: `(S, U)`, text after text.
        lengths: `(N,)`, the number of new states of each text.
        steps: `(N,)`, the number of states before; is updated.
        largest: `(N, U)`, the maxima so far; is updated. `(N, 0)` for none.
        sums: `(N, U)`, the sums so far; is updated. `(N, 0)` for none.
    """
    row = 0
    for text in range(len(lengths)):
        for step in range(lengths[text]):
            of_step, own, total = states[row], largest[text], sums[text]
            if steps[text] + step == 0:
                own[:] = of_step[: len(own)]
            for u in range(len(own)):
                own[u] = own[u] if own[u] > of_step[u] else of_step[u]
            for u in range(len(total)):
                total[u] += of_step[u]
            row += 1
        steps[text] += lengths[text]


@compile_kernel(readonly(i1, 2), readonly(f4, 1), readonly(i4, 1), readonly(i4, 1), writable(f8, 2))
def add_words(words: NDArray[np.int8], scale: Float, rows: Int32, lengths: Int32, sums: Double) -> None:
    """Add the weighted word vectors of the next tokens of N texts to their sums.

    Args:
        words: `(V, K)`, as in `grutext.text.TextVectors`.
        scale: `(V,)`, as in it.
        rows: `(S,)`, the row of each token, text after text.
        lengths: `(N,)`, the number of new tokens of each text.
        sums: `(N, K)`; is updated.
    """
    size, all_words, at = words.shape[1], words.ravel(), 0
    for text in range(len(lengths)):
        total = sums[text]
        for token in range(at, at + lengths[text]):
            fetch_row(all_words, rows[min(token + _PREFETCH, len(rows) - 1)], size)
            row = rows[token]
            weight = np.float64(scale[row])
            for k in range(size):
                total[k] += weight * np.float64(words[row, k])
        at += lengths[text]


@inline
def _roll(symbol: np.uint64, length: int, hashes: UInt64, base: np.uint64) -> None:
    """Replace the hashes of the n-grams that end before a symbol, by their number of symbols - 1, by those that end with it."""
    for n in range(length, 0, -1):
        shorter = hashes[n - 2] if n > 1 else np.uint64(0)
        hashes[n - 1] = shorter * base + symbol + np.uint64(n)


@inline
def _read_symbols(
    symbols: UInt64, last: UInt64, seen: int, shortest: int, base: np.uint64, mix: np.uint64, keys: UInt32, at: int
) -> Any:  # fmt: skip
    """Write the keys of the n-grams that end in new symbols into `keys` from `at` on, and keep the last symbols.

    Returns the end of the keys, and the number of symbols that are kept.
    """
    kept, longest = len(last), len(last) + 1
    hashes = np.empty(longest, np.uint64)
    for n in range(seen):
        _roll(last[kept - seen + n], n + 1, hashes, base)
    for n in range(len(symbols)):
        length = min(longest, seen + n + 1)
        _roll(symbols[n], length, hashes, base)
        for size in range(shortest, length + 1):
            mixed = ((hashes[size - 1] >> np.uint64(31)) ^ hashes[size - 1]) * mix
            keys[at] = mixed >> np.uint64(32)
            at += 1
    if len(symbols):
        for n in range(kept):
            place = len(symbols) - kept + n
            last[n] = last[n + len(symbols)] if place < 0 else symbols[place]
    return at, min(kept, seen + len(symbols))


@inline
def _find(keys: UInt32, known: UInt32, first: Int32, shift: np.uint32, rows: Int32) -> Any:
    """Write the rows of the keys that are known, in their order, and return their number."""
    found, last = 0, len(keys) - 1
    for n in range(len(keys)):
        prefetch(first, keys[min(n + 2 * _PREFETCH, last)] >> shift)
        prefetch(known, first[keys[min(n + _PREFETCH, last)] >> shift])
        key = keys[n]
        row = first[key >> shift]
        while known[row] < key:
            row += 1
        rows[found] = row
        found += known[row] == key and row < len(known) - 1
    return found


@compile_kernel(
    readonly(u8, 1), readonly(i4, 1), writable(u8, 2), writable(i8, 1), readonly(u8, 1), readonly(i8, 1), writable(u8, 2), writable(i8, 1),
    i8, u8, u8, u4, readonly(u4, 1), readonly(i4, 1), u4,
)  # fmt: skip
def find_next_ngrams(
    words: UInt64, lengths: Int32, last_words: UInt64, words_seen: Int,
    characters: UInt64, sizes: Int, last_characters: UInt64, characters_seen: Int,
    shortest: int, base: np.uint64, mix: np.uint64, character_family: np.uint32,
    known: UInt32, first: Int32, shift: np.uint32,
) -> tuple[Int32, Int]:  # fmt: skip
    """Find the known n-grams that end in the next parts of N texts, as `grutext.text.ngrams` defines them.

    Args:
        words: `(S,)`, the hashes of the new words, text after text.
        lengths: `(N,)`, their number in each text.
        last_words: `(N, n - 1)`, the last words before, at the end of the row, for n-grams of up to n words; is updated.
        words_seen: `(N,)`, the number of words in it; is updated.
        characters: `(R,)`, the new characters, text after text.
        sizes: `(N,)`, their number in each text.
        last_characters: `(N, n - 1)`, as `last_words`.
        characters_seen: `(N,)`, as `words_seen`.
        shortest: The length of the shortest n-grams of characters; longer than the longest for none.
        base: The factor of the polynomial hash.
        mix: The factor that mixes its bits at the end.
        character_family: The bit that is set in keys of character n-grams and not in those of word n-grams.
        known: `(F + 1,)`, the keys of `grutext.text.KeyIndex`.
        first: Its table of first places.
        shift: Its number of bits.

    Returns:
        The rows of the n-grams, text after text; and where each text's begin, and the end of the last, `(N + 1,)`.
    """
    most = (last_words.shape[1] + 1) * len(words) + (last_characters.shape[1] + 1) * len(characters)
    keys, rows = np.empty(most, np.uint32), np.empty(most + 1, np.int32)
    bounds = np.zeros(len(lengths) + 1, np.int64)
    word = character = 0
    for text in range(len(lengths)):
        own = words[word : word + lengths[text]]
        split, words_seen[text] = _read_symbols(
            own, last_words[text], words_seen[text], 1, base, mix, keys, 0
        )
        for place in range(split):
            keys[place] &= ~character_family
        own = characters[character : character + sizes[text]]
        end, characters_seen[text] = _read_symbols(
            own, last_characters[text], characters_seen[text], shortest, base, mix, keys, split
        )
        for place in range(split, end):
            keys[place] |= character_family
        found = _find(keys[:end], known, first, shift, rows[bounds[text] :])
        bounds[text + 1] = bounds[text] + found
        word += lengths[text]
        character += sizes[text]
    return rows[: bounds[-1]], bounds


@inline
def _first_slot(key: int, salt: np.uint64, slots: Any) -> Any:
    """Return the slot at which the search for a key begins, in a hash table of a power of two of slots."""
    return np.int64((np.uint64(key) * salt) >> np.uint64(32)) & (len(slots) - 1)


@inline
def _slot(key: int, salt: np.uint64, slots: Any) -> Any:
    """Return the slot of a key in a hash table, or the empty one where it belongs."""
    slot = _first_slot(key, salt, slots)
    while slots[slot, 1] and slots[slot, 0] != key:
        slot = (slot + 1) & (len(slots) - 1)
    return slot


@inline
def _enlarge(slots: Any, least: int, salt: np.uint64) -> Any:
    """Return a larger hash table with the same keys, of which at least half is empty with `least` keys."""
    size = _FEWEST
    while size < 2 * least:
        size *= 2
    larger = np.zeros((size, 2), slots.dtype)
    for slot in range(len(slots)):
        if slots[slot, 1]:
            new = _slot(slots[slot, 0], salt, larger)
            larger[new, 0], larger[new, 1] = slots[slot, 0], slots[slot, 1]
    return larger


@inline
def _count(keys: Any, salt: np.uint64, slots: Any, size: int, most: int, keep: bool, before: Int32) -> Any:
    if not keep and 2 * (size + len(keys)) >= len(
        slots
    ):  # so that none is moved on by a key that is forgotten
        slots = _enlarge(slots, size + len(keys) + 1, salt)
    numbers, last = slots.ravel(), len(keys) - 1
    for n in range(len(keys)):
        if 2 * size >= len(slots):
            expected = (len(keys) - n) // 2  # of the keys are new ones
            slots = _enlarge(slots, size + max(1, expected), salt)
            numbers = slots.ravel()
        prefetch(numbers, 2 * _first_slot(keys[min(n + _PREFETCH, last)], salt, slots))
        slot = _slot(keys[n], salt, slots)
        before[n] = slots[slot, 1]
        size += before[n] == 0
        slots[slot, 0], slots[slot, 1] = keys[n], min(most, before[n] + 1)
    for n in range(-1 if keep else len(keys) - 1, -1, -1):
        # A slot that gets empty again was the last one that was filled.
        slots[_slot(keys[n], salt, slots), 1] = before[n]
        size -= before[n] == 0
    return slots, size


@compile_kernel(readonly(i4, 1), u8, writable(i4, 2), i8, i8, boolean, writable(i4, 1))
def count_rows(
    rows: Int32, salt: np.uint64, slots: Int32, size: int, most: int, keep: bool, before: Int32
) -> tuple[Int32, int]:
    """Count the n-grams of a text in its hash table.

    Args:
        rows: `(R,)`, the n-grams.
        salt: A secret odd number, so that nobody can craft n-grams that collide.
        slots: `(P, 2)`, an n-gram and its count, which is 0 in empty slots; P is a power of two, or 0. Is updated.
        size: The number of n-grams in it.
        most: The largest count; larger ones are clipped to it.
        keep: Whether to keep the new counts; otherwise the table has the same ones afterwards.
        before: `(R,)`, is filled with the count of each n-gram before this occurrence.

    Returns:
        The table, which is a larger one if it was too small; and the number of n-grams in it.
    """
    return _count(rows, salt, slots, size, most, keep, before)  # type: ignore[no-any-return]


@compile_kernel(readonly(i8, 1), u8, writable(i8, 2), i8, i8, boolean, writable(i4, 1))
def count_keys(
    keys: Int, salt: np.uint64, slots: Int, size: int, most: int, keep: bool, before: Int32
) -> tuple[Int, int]:
    """Count the n-grams of many texts in one hash table, as `count_rows` does; a key stands for a text and an n-gram."""
    return _count(keys, salt, slots, size, most, keep, before)  # type: ignore[no-any-return]


@inline
def _weigh(count: int, weights: Double) -> Any:
    """Return `1 + log count`, and 0 of 0; `weights` has those of small counts."""
    return weights[count] if count < len(weights) else 1.0 + np.log(np.float64(count))


@compile_kernel(
    readonly(i4, 1), readonly(i8, 1), readonly(i4, 1), readonly(f8, 1), i8, readonly(f4, 1), readonly(i2, 2), i8, writable(f8, 3), writable(f8, 2)
)  # fmt: skip
def add_counted(
    rows: Int32, bounds: Int, before: Int32, weights: Double, most: int, scale: Float, kernel: NDArray[np.int16], characters: int,
    margins: Double, squares: Double,
) -> None:  # fmt: skip
    """Add what each new n-gram of N texts changes to the sums behind their margins.

    Args:
        rows: `(R,)`, the n-grams, text after text.
        bounds: `(N + 1,)`, where each text's begin, and the end of the last.
        before: `(R,)`, how often each has come before.
        weights: `1 + log count` of small counts, and 0 of 0.
        most: The largest count; larger ones are clipped to it.
        scale: `(F,)`, as in `grutext.text.NgramFeatures`.
        kernel: `(F, C)`, the bits of finite float16 numbers.
        characters: The first feature that is a character n-gram.
        margins: `(N, 2, C)`, the sums of each family of n-grams; is updated.
        squares: `(N, 2)`, the sums of squares of their features; is updated.
    """
    all_weights, labels, last = kernel.ravel(), kernel.shape[1], len(rows) - 1
    for text in range(len(margins)):
        for n in range(bounds[text], bounds[text + 1]):
            ahead = rows[min(n + _PREFETCH, last)]
            fetch_row(all_weights, ahead, labels)
            prefetch(scale, ahead)
            row = rows[n]
            family, of_row = int(row >= characters), np.float64(scale[row])
            was, now = _weigh(before[n], weights), _weigh(min(most, before[n] + 1), weights)
            squares[text, family] += (now * now - was * was) * of_row * of_row
            added, total = (now - was) * of_row, margins[text, family]
            for c in range(labels):
                total[c] += added * np.float64(widen(kernel[row, c]))
