"""CRC-32 hashes of tokens and of the character n-grams within them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import int64 as i8
from numba import uint32 as u4
from numpy.typing import NDArray

from grutext.kernels.compiling import compile_kernel, inline, readonly

Int = NDArray[np.int64]
UInt32 = NDArray[np.uint32]

_BEGIN = np.uint32(0xFFFFFFFF)  # of a CRC-32
_LEFT, _RIGHT = ord("<"), ord(">")


@inline
def _feed_byte(step: UInt32, state: np.uint32, byte: int) -> Any:
    return step[(state ^ np.uint32(byte)) & np.uint32(0xFF)] ^ (state >> np.uint32(8))


@inline
def _feed(step: UInt32, state: np.uint32, code: np.uint32) -> Any:
    """Return the state of a CRC-32 after the bytes of a character in UTF-8."""
    if code < 0x80:
        return _feed_byte(step, state, code)
    if code < 0x800:
        state = _feed_byte(step, state, 0xC0 | code >> 6)
    elif code < 0x10000:
        state = _feed_byte(step, state, 0xE0 | code >> 12)
        state = _feed_byte(step, state, 0x80 | code >> 6 & 0x3F)
    else:
        state = _feed_byte(step, state, 0xF0 | code >> 18)
        state = _feed_byte(step, state, 0x80 | code >> 12 & 0x3F)
        state = _feed_byte(step, state, 0x80 | code >> 6 & 0x3F)
    return _feed_byte(step, state, 0x80 | code & 0x3F)


@compile_kernel(readonly(u4, 1), readonly(i8, 1), readonly(u4, 1))
def hash_types(codes: UInt32, bounds: Int, step: UInt32) -> NDArray[np.uint64]:
    """Return the CRC-32 of M strings in UTF-8, `(M,)`; the arguments are those of `hash_subwords`."""
    hashes = np.empty(len(bounds) - 1, np.uint64)
    for one in range(len(hashes)):
        state = _BEGIN
        for code in codes[bounds[one] : bounds[one + 1]]:
            state = _feed(step, state, code)
        hashes[one] = np.uint32(~state)
    return hashes


@compile_kernel(readonly(u4, 1), readonly(i8, 1), i8, i8, readonly(u4, 1), u4)
def hash_subwords(
    codes: UInt32, bounds: Int, shortest: int, longest: int, step: UInt32, buckets: np.uint32
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the rows of the subword table for the n-grams of M tokens, as `grutext.text.subwords` defines them.

    Args:
        codes: The code points of the tokens, one after the other.
        bounds: `(M + 1,)`, where each token begins, and the end of the last.
        shortest: The length of the shortest n-grams, in characters, `<` and `>` among them.
        longest: The length of the longest.
        step: `(256,)`, the table of CRC-32 for one byte.
        buckets: The rows of the table.

    Returns:
        The rows, `(K,)`, token after token, short n-grams first; and the number of n-grams of each token, `(M,)`.
    """
    counts = np.zeros(len(bounds) - 1, np.int32)
    for token in range(len(counts)):
        for n in range(shortest, longest + 1):
            counts[token] += max(0, bounds[token + 1] - bounds[token] + 3 - n)
    rows = np.empty(counts.sum(), np.int32)
    first = 0
    for token in range(len(counts)):
        begin, size = bounds[token] - 1, bounds[token + 1] - bounds[token] + 2
        for start in range(size):
            state, place = _BEGIN, first + start
            for n in range(1, min(longest, size - start) + 1):
                at = start + n - 1
                if at == 0:
                    state = _feed_byte(step, state, _LEFT)
                elif at == size - 1:
                    state = _feed_byte(step, state, _RIGHT)
                else:
                    state = _feed(step, state, codes[begin + at])
                if n >= shortest:
                    rows[place] = np.uint32(~state) % buckets
                    place += size - n + 1
        first += counts[token]
    return rows, counts
