"""The sparse features of the wide part: word n-grams and character n-grams, counted by their hashes.

An n-gram is known by a 32-bit key. The top bit tells the family (0: words, 1: characters), the others
are a mixed polynomial hash; with a million known n-grams, an unknown one is taken for a known one once
in 2,000 times. Whole chunks of texts are hashed at a time, without a Python loop over n-grams.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grutext.config import WideConfig
from grutext.text.lookup import KeyIndex
from grutext.text.vectorizer import TokenBatch

CHARACTER_FAMILY = np.uint32(1 << 31)  # keys from here on are character n-grams
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_MAX_COUNT = (1 << 20) - 1  # more occurrences than this weigh no more

UInt32 = NDArray[np.uint32]
UInt64 = NDArray[np.uint64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NgramCounts:
    """How often each n-gram occurs in each of N texts, text after text.

    Attributes:
        starts: `(N + 1,) int64`, where each text's n-grams begin.
        keys: `(Z,) uint32`, the n-grams, ascending within a text.
        counts: `(Z,) int32`, how often each occurs in its text, at least 1.
    """

    starts: Int64
    keys: UInt32
    counts: NDArray[np.int32]

    @property
    def texts(self) -> Int64:
        """`(Z,) int64`, the text of each n-gram, from 0."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


def count_ngrams(batch: TokenBatch, config: WideConfig) -> NgramCounts:
    """Counts the n-grams of a batch of texts; an empty text has none.

    Args:
        batch: The texts.
        config: The lengths of the n-grams.
    """
    hashes = np.array([zlib.crc32(t.encode("utf-8", "surrogatepass")) for t in batch.types], np.uint64)
    words = hashes[batch.ids] if len(hashes) else hashes
    ends = np.cumsum(batch.lengths, dtype=np.int64)
    grams = [(n, keys & ~CHARACTER_FAMILY, ends) for n, keys in _rolling(words, 1, config.word_max)]
    if config.char_max:
        codes, ends = _code_points(batch.normalized)
        rolling = _rolling(codes, config.char_min, config.char_max)
        grams += [(n, keys | CHARACTER_FAMILY, ends) for n, keys in rolling]
    return _count(grams, len(batch.lengths))


def _count(grams: Sequence[tuple[int, UInt32, Int64]], texts: int) -> NgramCounts:
    """Counts the keys of each text.

    Args:
        grams: A length n, the keys of the n-grams that start at each symbol, and where each text's symbols end.
        texts: The number of texts.
    """
    sizes = sum(np.maximum(np.diff(ends, prepend=0) - n + 1, 0) for n, _, ends in grams)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    occurrences = np.empty(starts[-1], np.uint32)
    bounds = starts.tolist()
    firsts = [[0, *ends.tolist()] for _, _, ends in grams]
    for text in range(texts):
        at = bounds[text]
        for (n, keys, _), first in zip(grams, firsts, strict=True):
            part = keys[first[text] : max(first[text], first[text + 1] - n + 1)]
            occurrences[at : at + len(part)] = part
            at += len(part)
        occurrences[bounds[text] : at].sort()
    distinct = np.empty(len(occurrences), bool)
    np.not_equal(occurrences[1:], occurrences[:-1], out=distinct[1:])
    distinct[starts[:-1][sizes > 0]] = True
    places = np.flatnonzero(distinct)
    return NgramCounts(
        starts=np.searchsorted(places, starts),
        keys=occurrences.take(places),
        counts=np.diff(places, append=len(occurrences)).astype(np.int32),
    )


@dataclass(frozen=True, slots=True)
class SparseRows:
    """A sparse matrix of N texts by F features in compressed rows (the layout of scipy's CSR).

    Attributes:
        starts: `(N + 1,) int64`, where each text's entries begin.
        columns: `(Z,) int32`, the feature of each entry, ascending within a text.
        values: `(Z,) float32`.
    """

    starts: Int64
    columns: NDArray[np.int32]
    values: NDArray[np.float32]


class NgramFeatures:
    """The known n-grams and how much each of them weighs.

    Args:
        keys: `(F,) uint32`, ascending.
        scale: `(F,)` of any float type: inverse document frequency times how telling the n-gram is.
    """

    def __init__(self, keys: UInt32, scale: NDArray[np.floating]) -> None:
        self.keys = keys
        self.scale = scale
        self._index = KeyIndex(keys)
        self._first_character = int(np.searchsorted(keys, CHARACTER_FAMILY))

    def transform(self, counts: NgramCounts) -> SparseRows:
        """Gives `(1 + log count) * scale`, each family of n-grams scaled to length 1 in each text.

        Args:
            counts: What `count_ngrams` gives; n-grams that are not known are left out.
        """
        columns, found = self._index.find(counts.keys)
        starts = np.searchsorted(found, counts.starts)
        texts = len(starts) - 1
        times = np.minimum(counts.counts.take(found), _MAX_COUNT)
        values = (1.0 + np.log(times)) * self.scale.take(columns)
        family = np.repeat(2 * np.arange(texts), np.diff(starts))
        family += columns >= self._first_character
        norms = np.sqrt(np.bincount(family, weights=values * values, minlength=2 * texts))
        values /= np.maximum(norms, 1e-12).take(family)
        return SparseRows(starts, columns, values.astype(np.float32))


def _code_points(texts: Sequence[str]) -> tuple[UInt64, Int64]:
    """Gives the code points of all texts, white space folded to one blank, and where each text's end."""
    spaced = [f" {folded} " if (folded := " ".join(text.split())) else "" for text in texts]
    codes = np.frombuffer("".join(spaced).encode("utf-32-le", "surrogatepass"), np.uint32)
    return codes.astype(np.uint64), np.cumsum([len(text) for text in spaced], dtype=np.int64)


def _rolling(symbols: UInt64, shortest: int, longest: int) -> Iterator[tuple[int, UInt32]]:
    """Yields n, and the keys of the n-grams that start at each symbol, those across texts among them."""
    state = np.zeros(len(symbols), np.uint64)
    for n in range(1, longest + 1):
        room = max(0, len(symbols) - n + 1)
        state = state[:room]
        state *= _BASE
        state += symbols[n - 1 :]
        state += np.uint64(n)
        if n >= shortest:
            mixed = state >> np.uint64(31)
            mixed ^= state
            mixed *= _MIX
            mixed >>= np.uint64(32)
            yield n, mixed.astype(np.uint32)
