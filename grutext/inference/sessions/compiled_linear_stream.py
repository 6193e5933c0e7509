"""The linear part for texts that are still coming, in compiled kernels."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from grutext.config import LinearConfig
from grutext.engines.stream import State
from grutext.inference.linear_part import LinearPart
from grutext.inference.sessions.linear_stream import Counts, CountsOfTexts, LinearStream, Symbols, weigh
from grutext.text import CHARACTER_FAMILY, MAX_COUNT, TextVectors, TokenBatch
from grutext.text.ngrams import BASE, MIX

# Of hash tables, so that nobody can craft slow texts; no result depends on it.
_SALT = secrets.randbits(64) | 1
_SMALL = 1 << 12  # counts whose weights are looked up
_NO_SLOTS = np.zeros((0, 2), np.int32)


class NgramTable:
    """The number of occurrences of each known n-gram of a text: a hash table that compiled kernels read and write.

    Args:
        pairs: Each n-gram, by its row in the linear part's kernel, and its count.
    """

    __slots__ = ("_size", "_slots")

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._slots, self._size = _NO_SLOTS, 0
        if counts := dict(pairs):
            self.count(np.array([*counts], np.int32), np.empty(len(counts), np.int32))
            filled = self._slots[:, 1] > 0
            self._slots[filled, 1] = [counts[row] for row in self._slots[filled, 0].tolist()]

    def count(self, rows: NDArray[np.int32], before: NDArray[np.int32], keep: bool = True) -> None:
        """Count n-grams, `(R,)`, and write the count of each before it into `before`, `(R,)`; forget them unless `keep`."""
        from grutext.kernels.sessions import count_rows

        self._slots, self._size = count_rows(rows, _SALT, self._slots, self._size, MAX_COUNT, keep, before)

    def items(self) -> list[tuple[int, int]]:
        """Return the n-grams and their counts, sorted."""
        return sorted(map(tuple, self._slots[self._slots[:, 1] > 0].tolist()))


class NgramTables:
    """The counts of the n-grams of N texts in one hash table: a call counts those of all texts.

    Args:
        texts: The number of texts.
    """

    def __init__(self, texts: int) -> None:
        self._texts, self._slots, self._size = np.arange(texts), np.zeros((0, 2), np.int64), 0

    def keep(self, is_kept: NDArray[np.bool_]) -> None:
        """Keep only the texts for which the mask, `(N,)`, is true; the others are not counted any more."""
        self._texts = self._texts[is_kept]

    def count(
        self, rows: NDArray[np.int32], bounds: NDArray[np.int64], before: NDArray[np.int32], keep: bool
    ) -> None:
        """Count n-grams, `(R,)`, as `NgramTable.count` does; `bounds`, `(N + 1,)`, is where those of each text begin."""
        from grutext.kernels.sessions import count_keys

        keys = np.repeat(self._texts << 32, np.diff(bounds)) | rows
        self._slots, self._size = count_keys(keys, _SALT, self._slots, self._size, MAX_COUNT, keep, before)


class CompiledLinearStream(LinearStream):
    """The linear model of a bundle whose kernel is float16, for texts that are still coming.

    Args:
        config: The n-gram settings.
        part: The same part for whole texts.
    """

    def __init__(self, config: LinearConfig, part: LinearPart) -> None:
        super().__init__(config, part)
        self._reads_words, self._shortest = config.word_max > 0, config.char_min
        self._weights, self._kernel = weigh(np.arange(_SMALL)), part.kernel.view(np.int16)

    def new_counts(self, pairs: Iterable[tuple[int, int]] = ()) -> Counts:
        """Return the counts of a text; see `LinearStream.new_counts`."""
        return cast("Counts", NgramTable(pairs))

    def new_batch(self, texts: int) -> CountsOfTexts:
        """Return the counts of N texts that are read together to their ends; see `LinearStream.new_batch`."""
        return cast("CountsOfTexts", NgramTables(texts))

    def _read_ngrams(
        self, state: State, counts: Sequence[Counts], words: Symbols, characters: Symbols, keep: bool
    ) -> None:
        from grutext.kernels.sessions import add_counted, find_next_ngrams

        hashes, lengths = words if self._reads_words else (words[0][:0], np.zeros_like(words[1]))
        names = ("words", "words_seen", "characters", "characters_seen", "margins", "squares")
        kept = {name: np.array(state[name], order="C") for name in names}
        features, index = self._part.features, self._part.features.index
        rows, bounds = find_next_ngrams(
            hashes, lengths, kept["words"], kept["words_seen"],
            *characters, kept["characters"], kept["characters_seen"],
            self._shortest, BASE, MIX, CHARACTER_FAMILY, index.keys, index.first, index.shift,
        )  # fmt: skip
        before = np.empty(len(rows), np.int32)
        tables: Any = counts
        if isinstance(tables, NgramTables):
            tables.count(rows, bounds, before, keep)
        else:
            for own, (start, end) in zip(tables, pairwise(bounds.tolist()), strict=True):
                if end > start:
                    own.count(rows[start:end], before[start:end], keep)
        add_counted(
            rows, bounds, before, self._weights, MAX_COUNT,
            features.scale, self._kernel, features.first_character, kept["margins"], kept["squares"],
        )  # fmt: skip
        for name, values in kept.items():
            state[name] = values

    def _add_words(self, state: State, vectors: TextVectors, tokens: TokenBatch) -> None:
        from grutext.kernels.sessions import add_words

        sums, rows = np.array(state["vectors"], order="C"), tokens.rows.take(tokens.ids)
        add_words(vectors.words, vectors.scale.astype(np.float32), rows, tokens.lengths, sums)
        state["vectors"] = sums
