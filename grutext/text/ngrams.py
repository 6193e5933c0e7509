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
from grutext.text.vectorizer import TokenBatch

CHARACTER_FAMILY = np.uint32(1 << 31)  # keys from here on are character n-grams
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
# A text, a feature and a count in one integer, so that one sort of plain integers orders entries.
_COLUMNS = np.uint64(1 << 24)
_PACK_COLUMN = np.uint64(1 << 20)
_PACK_TEXT = _PACK_COLUMN * _COLUMNS
_MAX_COUNT = (1 << 20) - 1


@dataclass(frozen=True, slots=True)
class NgramCounts:
    """How often each n-gram occurs in each text, sorted by key and then by text.

    Attributes:
        keys: `(Z,) uint32`, the n-gram.
        texts: `(Z,) int64`, the text it occurs in, from 0.
        counts: `(Z,) int64`, how often it does, at least 1.
    """

    keys: NDArray[np.uint32]
    texts: NDArray[np.int64]
    counts: NDArray[np.int64]


def count_ngrams(batch: TokenBatch, config: WideConfig) -> NgramCounts:
    """Counts the n-grams of a batch of texts; an empty text has none.

    Args:
        batch: At most 2^20 texts.
        config: The lengths of the n-grams.
    """
    texts_of_tokens = np.repeat(np.arange(len(batch.lengths)), batch.lengths)
    hashes = np.array([zlib.crc32(t.encode("utf-8", "surrogatepass")) for t in batch.types], np.uint64)
    words = hashes[batch.ids] if len(hashes) else hashes
    packed = [
        _pack(k & ~CHARACTER_FAMILY, t) for k, t in _rolling(words, texts_of_tokens, 1, config.word_max)
    ]
    if config.char_max:
        codes, texts_of_codes = _code_points(batch.normalized)
        grams = _rolling(codes, texts_of_codes, config.char_min, config.char_max)
        packed += [_pack(k | CHARACTER_FAMILY, t) for k, t in grams]
    occurrences = np.sort(np.concatenate(packed))
    starts = np.flatnonzero(np.diff(occurrences, prepend=~occurrences[:1]))
    found = occurrences[starts]
    return NgramCounts(
        keys=(found >> np.uint64(32)).astype(np.uint32),
        texts=(found & np.uint64(0xFFFFFFFF)).astype(np.int64),
        counts=np.diff(starts, append=len(occurrences)),
    )


@dataclass(frozen=True, slots=True)
class SparseRows:
    """A sparse matrix of N texts by F features in compressed rows (the layout of scipy's CSR).

    Attributes:
        starts: `(N + 1,) int64`, where each text's entries begin.
        columns: `(Z,) int32`, the feature of each entry, ascending within a text.
        values: `(Z,) float32`.
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]


class NgramFeatures:
    """The known n-grams and how much each of them weighs.

    Args:
        keys: `(F,) uint32`, ascending.
        scale: `(F,)` of any float type: inverse document frequency times how telling the n-gram is.
    """

    def __init__(self, keys: NDArray[np.uint32], scale: NDArray[np.floating]) -> None:
        self.keys = keys
        self.scale = scale
        self._first_character = int(np.searchsorted(keys, CHARACTER_FAMILY))

    def transform(self, counts: NgramCounts, texts: int) -> SparseRows:
        """Gives `(1 + log count) * scale`, each family of n-grams scaled to length 1 in each text.

        Args:
            counts: What `count_ngrams` gives; n-grams that are not known are left out.
            texts: The number N of texts.
        """
        columns, known = find_keys(self.keys, counts.keys)
        rows, count = counts.texts[known], counts.counts[known]
        order = np.sort(_PACK_TEXT * rows.astype(np.uint64) | _PACK_COLUMN * columns.astype(np.uint64)
                        | np.minimum(count, _MAX_COUNT).astype(np.uint64))  # fmt: skip
        rows = (order // _PACK_TEXT).astype(np.int64)
        columns = (order // _PACK_COLUMN % _COLUMNS).astype(np.int32)
        values = (1.0 + np.log(order % _PACK_COLUMN)) * self.scale[columns]
        family = 2 * rows + (columns >= self._first_character)
        norms = np.sqrt(np.bincount(family, weights=values * values, minlength=2 * texts))
        values = (values / np.maximum(norms, 1e-12)[family]).astype(np.float32)
        starts = np.searchsorted(rows, np.arange(texts + 1))
        return SparseRows(starts, columns, values)


def find_keys(
    keys: NDArray[np.uint32], wanted: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Gives the places in `keys`, which ascends, of those wanted keys that it has, and which ones it has."""
    places = np.searchsorted(keys, wanted)
    known = places < len(keys)
    known[known] = keys[places[known]] == wanted[known]
    return places[known], known


def _code_points(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Gives the code points of all texts, white space folded to one blank, and the text of each."""
    spaced = [f" {' '.join(text.split())} " for text in texts]
    codes = np.frombuffer("".join(spaced).encode("utf-32-le", "surrogatepass"), np.uint32)
    owners = np.repeat(np.arange(len(spaced)), [len(text) for text in spaced])
    blank = np.array([len(text) == 2 for text in spaced], bool)
    kept = ~blank[owners] if texts else np.zeros(0, bool)
    return codes[kept].astype(np.uint64), owners[kept]


def _rolling(
    symbols: NDArray[np.uint64], texts: NDArray[np.int64], shortest: int, longest: int
) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.int64]]]:
    """Yields the keys of all n-grams of symbols that lie within one text, and their texts, n by n."""
    state = np.zeros(len(symbols), np.uint64)
    for n in range(1, longest + 1):
        room = max(0, len(symbols) - n + 1)
        state = state[:room] * _BASE + (symbols[n - 1 :] + np.uint64(n))
        if n >= shortest:
            within = texts[:room] == texts[n - 1 :]
            mixed = state[within]
            mixed = (mixed ^ (mixed >> np.uint64(31))) * _MIX
            yield (mixed >> np.uint64(32)).astype(np.uint32), texts[:room][within]


def _pack(keys: NDArray[np.uint32], texts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Puts a key above a text number, so that one sort of plain integers orders by both."""
    return np.asarray(keys.astype(np.uint64) << np.uint64(32) | texts.astype(np.uint64), np.uint64)
