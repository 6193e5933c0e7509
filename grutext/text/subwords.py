"""Hash the character n-grams of tokens to rows of the subword table.

A token is enclosed in `<` and `>`, as in fastText (arXiv 1607.04606, section 3.2), so that prefixes and suffixes
differ from infixes. The hash is the CRC-32 of the n-gram's UTF-8 bytes. The n-grams at all positions of a batch are
extended together, one character at a time, because CRC-32 consumes a byte with one table lookup.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grutext.config import TextConfig
from grutext.text.codes import code_points

Int32 = NDArray[np.int32]
UInt32 = NDArray[np.uint32]
_BLOCK = 1 << 14  # tokens hashed at once; intermediate arrays take several times the memory of the result
_BEGIN = np.uint32(0xFFFFFFFF)
CRC_STEP = np.array([zlib.crc32(bytes([byte ^ 0xFF])) ^ 0xFF000000 for byte in range(256)], np.uint32)


def hash_subwords(tokens: Sequence[str], config: TextConfig, compiled: bool = False) -> tuple[Int32, Int32]:
    """Return the rows of the subword table for the n-grams of tokens.

    Args:
        tokens: The M tokens.
        config: The lengths of the n-grams, and the number of rows of the table.
        compiled: Whether to hash with the compiled kernels of `grutext.kernels.ngrams`.

    Returns:
        The rows, `(K,) int32`, token after token, short n-grams first; and the number of n-grams of each token,
        `(M,) int32`.
    """
    if compiled:
        from grutext.kernels import ngrams

        codes, bounds = code_points(tokens)
        shortest, longest = config.subword_min, config.subword_max
        buckets, counts = ngrams.hash_subwords(
            codes, bounds, shortest, longest, CRC_STEP, config.subword_buckets
        )
        return buckets, counts
    if len(tokens) <= _BLOCK:
        return _hash_block(tokens, config)
    blocks = [_hash_block(tokens[first : first + _BLOCK], config) for first in range(0, len(tokens), _BLOCK)]
    buckets, counts = zip(*blocks, strict=True)
    return np.concatenate(buckets), np.concatenate(counts)


def _hash_block(tokens: Sequence[str], config: TextConfig) -> tuple[Int32, Int32]:
    longest = max(map(len, tokens), default=0) + 2
    lengths = range(config.subword_min, min(config.subword_max, longest) + 1)
    if not tokens or not lengths:
        return np.zeros(0, np.int32), np.zeros(len(tokens), np.int32)
    sizes = _sizes(tokens)  # (M,)
    hashes = _rolling_crc(_split(_mark(tokens)), lengths)  # (J, L)
    counts = np.maximum(sizes[:, None] - np.array(lengths) + 1, 0)  # (M, J)
    first = (np.cumsum(sizes) - sizes)[:, None] + hashes.shape[1] * np.arange(len(lengths))  # (M, J)
    ends = np.cumsum(counts)
    shift = first.ravel() - ends + counts.ravel()  # from positions in the result to positions in `hashes`
    positions = np.arange(ends[-1]) + np.repeat(shift, counts.ravel())  # (K,)
    buckets = hashes.ravel()[positions] % np.uint32(config.subword_buckets)
    return buckets.astype(np.int32), counts.sum(axis=1, dtype=np.int32)


def _mark(tokens: Sequence[str]) -> bytes:
    """Return the tokens in UTF-8, one after the other, each enclosed in `<` and `>`."""
    return f"<{'><'.join(tokens)}>".encode("utf-8", "surrogatepass") if tokens else b""


def _sizes(tokens: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of characters of each token, `<` and `>` included, `(M,)`."""
    return np.array([len(token) for token in tokens], np.int64) + 2


def _split(text: bytes) -> list[tuple[NDArray[np.uint8], NDArray[np.bool_] | None]]:
    """Split UTF-8 text of L characters into the first byte of each character, the second bytes, and so on.

    Returns:
        For each byte of a character, `(L,) uint8` and a mask `(L,)` of the characters that have it; None for all.
    """
    raw = np.frombuffer(text, np.uint8)
    if text.isascii():
        return [(raw, None)]
    first = np.flatnonzero((raw & 0xC0) != 0x80)
    sizes = np.diff(first, append=len(raw))
    positions = [np.minimum(first + number, len(raw) - 1) for number in range(sizes.max())]
    return [(raw[position], sizes > number if number else None) for number, position in enumerate(positions)]


def _rolling_crc(
    characters: list[tuple[NDArray[np.uint8], NDArray[np.bool_] | None]], lengths: range
) -> UInt32:
    """Return the CRC-32 of the n-gram of each of J lengths at each of L characters, `(J, L) uint32`.

    Entries whose n-gram would extend beyond the last character are zero.
    """
    size = len(characters[0][0])
    hashes = np.zeros((len(lengths), size), np.uint32)
    state = np.full(size, _BEGIN)
    for n in range(1, lengths[-1] + 1):
        state = state[: size - n + 1]
        for byte, has in characters:
            fed = CRC_STEP.take((state ^ byte[n - 1 :]) & np.uint32(0xFF)) ^ (state >> np.uint32(8))
            state = fed if has is None else np.where(has[n - 1 :], fed, state)
        if n in lengths:
            np.invert(state, out=hashes[n - lengths[0], : len(state)])
    return hashes
