"""The sparse features of the linear part: counts of hashed word n-grams and character n-grams.

An n-gram is identified by a 32-bit key. The top bit is its family (0: words, 1: characters), the other 31 bits
are a mixed polynomial hash. With a million known n-grams, an unknown one collides with a known one with a
probability of 1 in 2,000. A whole batch of texts is hashed at once, without a Python loop over n-grams.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grutext.config import LinearConfig
from grutext.text.codes import Strings, bounds, code_points
from grutext.text.lookup import KeyIndex
from grutext.text.subwords import CRC_STEP
from grutext.text.vectorizer import TokenBatch

CHARACTER_FAMILY = np.uint32(1 << 31)  # the bit that marks keys of character n-grams
BASE = np.uint64(0x9E3779B97F4A7C15)
MIX = np.uint64(0xBF58476D1CE4E5B9)
SPACES = np.array([chr(code).isspace() for code in range(0x3001)])  # U+3000 is the last white space
MAX_COUNT = (1 << 20) - 1  # larger counts are clipped to this

UInt32 = NDArray[np.uint32]
UInt64 = NDArray[np.uint64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NgramCounts:
    """How often each n-gram occurs in each of N texts, in compressed rows.

    Attributes:
        starts: `(N + 1,) int64`, the offset of each text's n-grams, then Z.
        keys: `(Z,) uint32`, the keys of the n-grams, ascending within a text.
        counts: `(Z,) int32`, the number of occurrences of each n-gram in its text, at least 1.
    """

    starts: Int64
    keys: UInt32
    counts: NDArray[np.int32]

    @property
    def texts(self) -> Int64:
        """The index of the text of each n-gram, `(Z,) int64`."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


def list_ngrams(batch: TokenBatch, config: LinearConfig, compiled: bool = False) -> tuple[Int64, UInt32]:
    """Return the n-grams of a batch of N texts, repeated as often as they occur; an empty text has none.

    Args:
        batch: The texts.
        config: The lengths of the n-grams.
        compiled: Whether to hash with the compiled kernels of `grutext.kernels.ngrams`.

    Returns:
        The offset of each text's n-grams, then Z, `(N + 1,) int64`; and the keys, `(Z,) uint32`.
    """
    if compiled:
        return _list_compiled(batch, config)
    words = hash_words(batch)
    codes, code_bounds = code_points([fold_spaces(text) for text in _read_texts(batch, config)])
    grams = roll(words, bounds(batch.lengths), 1, config.word_max, characters=False)
    grams += roll(codes.astype(np.uint64), code_bounds, config.char_min, config.char_max, characters=True)
    return _gather(grams, len(batch.lengths))


def hash_words(batch: TokenBatch) -> UInt64:
    """Return the hash of each token of a batch, `(S,) uint64`, one text after the other."""
    if isinstance(batch.types, Strings):  # cut by kernels
        from grutext.kernels.ngrams import hash_types

        hashes = np.asarray(hash_types(*code_points(batch.types), CRC_STEP))
    else:
        hashes = np.array([zlib.crc32(t.encode("utf-8", "surrogatepass")) for t in batch.types], np.uint64)
    return hashes.take(batch.ids) if len(hashes) else hashes


def _list_compiled(batch: TokenBatch, config: LinearConfig) -> tuple[Int64, UInt32]:
    """Return the same as `list_ngrams`, by compiled kernels."""
    from grutext.kernels.ngrams import hash_ngrams, hash_types

    hashes = hash_types(*code_points(batch.types), CRC_STEP)
    words = hashes.take(batch.ids) if len(hashes) else hashes
    codes, code_bounds = code_points(_read_texts(batch, config))
    gram_bounds, keys = hash_ngrams(
        words, bounds(batch.lengths), config.word_max,
        codes, code_bounds, SPACES, config.char_min, config.char_max, BASE, MIX, CHARACTER_FAMILY,
    )  # fmt: skip
    return gram_bounds, keys


def _read_texts(batch: TokenBatch, config: LinearConfig) -> list[str]:
    """Return the normalised texts, or empty ones if the model has no character n-grams."""
    return batch.normalized if config.char_max else [""] * len(batch.normalized)


def count_ngrams(batch: TokenBatch, config: LinearConfig) -> NgramCounts:
    """Count the n-grams of a batch of texts.

    Args:
        batch: The texts.
        config: The lengths of the n-grams.
    """
    gram_bounds, keys = list_ngrams(batch, config)
    for start, end in itertools.pairwise(gram_bounds.tolist()):
        keys[start:end].sort()  # one sort per text: short sorts are the fastest
    differs = np.ones(len(keys) + 1, bool)
    np.not_equal(keys[1:], keys[:-1], out=differs[1:-1])
    differs[gram_bounds] = True
    edges = np.flatnonzero(differs)
    return NgramCounts(
        starts=edges.searchsorted(gram_bounds),
        keys=keys.take(edges[:-1]),
        counts=(edges[1:] - edges[:-1]).astype(np.int32),
    )


class _Grams(NamedTuple):
    """The n-grams of one length: the key of the n-gram at each symbol, and the range that is within each text."""

    keys: UInt32  # (S - n + 1,)
    starts: Int64  # (N,)
    ends: Int64  # (N,)


def roll(
    symbols: UInt64, symbol_bounds: Int64, shortest: int, longest: int, *, characters: bool
) -> list[_Grams]:
    """Return the n-grams of N texts by a rolling hash, one `_Grams` per length.

    Args:
        symbols: `(S,)`, the words or characters of all texts, one text after the other.
        symbol_bounds: `(N + 1,)`, the offset of each text's symbols, then S.
        shortest: The smallest length.
        longest: The largest length.
        characters: Whether the symbols are characters, rather than words.
    """
    grams = []
    starts = symbol_bounds[:-1]
    state = np.zeros(len(symbols), np.uint64)
    for n in range(1, min(longest, len(symbols)) + 1):
        state = state[: len(symbols) - n + 1]
        state *= BASE
        state += symbols[n - 1 :]
        state += np.uint64(n)
        if n >= shortest:
            mixed = state >> np.uint64(31)
            mixed ^= state
            mixed *= MIX
            mixed >>= np.uint64(32)
            keys = mixed.astype(np.uint32)
            keys = keys | CHARACTER_FAMILY if characters else keys & ~CHARACTER_FAMILY
            grams.append(_Grams(keys, starts, np.maximum(symbol_bounds[1:] - (n - 1), starts)))
    return grams


def _gather(grams: Sequence[_Grams], texts: int) -> tuple[Int64, UInt32]:
    """Concatenate the n-grams of all lengths, text by text; return their bounds, `(N + 1,)`, and keys, `(Z,)`."""
    gram_bounds = bounds(sum((ends - starts for _, starts, ends in grams), np.zeros(texts, np.int64)))
    gathered = np.empty(gram_bounds[-1], np.uint32)
    runs = [(keys, starts.tolist(), ends.tolist()) for keys, starts, ends in grams]
    at = 0
    for text in range(texts):
        for keys, starts, ends in runs:
            part = keys[starts[text] : ends[text]]
            gathered[at : at + len(part)] = part
            at += len(part)
    return gram_bounds, gathered


@dataclass(frozen=True, slots=True)
class SparseRows:
    """A sparse matrix `(N, F)` in compressed rows, the layout of SciPy's CSR.

    Attributes:
        starts: `(N + 1,) int64`, the offset of each text's entries, then Z.
        columns: `(Z,) int32`, the feature of each entry, ascending within a text.
        values: `(Z,) float32`.
    """

    starts: Int64
    columns: NDArray[np.int32]
    values: NDArray[np.float32]


class NgramFeatures:
    """The F known n-grams and their weights.

    Args:
        keys: `(F,) uint32`, strictly ascending.
        scale: `(F,)` of any float dtype: inverse document frequency times the n-gram's relevance to the labels.
    """

    def __init__(self, keys: UInt32, scale: NDArray[np.floating]) -> None:
        self.keys = keys
        self.scale = scale
        self.index = KeyIndex(keys)
        self.first_character = int(np.searchsorted(keys, CHARACTER_FAMILY))

    def transform(self, counts: NgramCounts) -> SparseRows:
        """Return `(1 + log count) * scale`, `(N, F)`, L2-normalised per text and family of n-grams.

        Unknown n-grams are ignored; a text without known n-grams has an empty row.

        Args:
            counts: The n-grams of N texts, from `count_ngrams`.
        """
        columns, found = self.index.find(counts.keys)
        starts = found.searchsorted(counts.starts)
        sizes = starts[1:] - starts[:-1]
        values = np.log(np.minimum(counts.counts.take(found), MAX_COUNT))
        values += 1.0
        values *= self.scale.take(columns)
        family = np.repeat(np.arange(0, 2 * len(sizes), 2), sizes)
        family += columns >= self.first_character
        norms = np.sqrt(np.bincount(family, weights=values * values, minlength=2 * len(sizes)))
        values /= np.maximum(norms, 1e-12).take(family)
        return SparseRows(starts, columns, values.astype(np.float32))


def fold_spaces(text: str) -> str:
    """Return a text with each run of white space as one space, and a space at both ends; "" for an empty text."""
    folded = " ".join(text.split())
    return f" {folded} " if folded else ""
