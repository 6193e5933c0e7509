"""The linear part for texts that are still coming.

The features of a text are `(1 + log count) * scale` of each known n-gram, divided by their norm. The sums behind the
margins and the norms change with each n-gram that is read, by what its next occurrence adds. So a text keeps the sums, and
the count of each distinct known n-gram.
"""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Iterable, MutableMapping, Sequence

import numpy as np
from numpy.typing import NDArray

from grutext.config import LinearConfig
from grutext.engines.numpy.stream import add_in_order, multiply_rows
from grutext.engines.stream import State
from grutext.inference.linear_part import LinearPart, sparse_product
from grutext.text import MAX_COUNT, SparseRows, TextVectors, TokenBatch
from grutext.text.codes import bounds, code_points
from grutext.text.ngram_stream import AFTER_CHARACTER, AFTER_SPACE, NewNgrams, SymbolStream, fold_part
from grutext.text.ngrams import hash_words

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Counts = MutableMapping[int, int]
"""The number of occurrences of each known n-gram of a text, by its row in the linear part's kernel."""

Symbols = tuple[NDArray[np.uint64], NDArray[np.integer]]
"""Hashes of words, or characters, text after text, and their number in each text."""

_LEAST_NORM = 1e-12
_ROUNDING = 1e-3  # much larger than that of sums over millions of words
# Those of the counts up to here.
_WEIGHTS = np.array([0.0, *(1.0 + math.log(count) for count in range(1, 1 << 12))])


class CountsOfTexts(list[Counts]):
    """The counts of texts that are read together."""

    def keep(self, is_kept: NDArray[np.bool_]) -> None:
        """Keep only the texts for which the mask, `(N,)`, is true."""
        self[:] = [counts for counts, kept in zip(self, is_kept, strict=True) if kept]


class LinearStream:
    """The linear model of a bundle, for texts that are still coming.

    Args:
        config: The n-gram settings.
        part: The same part for whole texts.

    Attributes:
        dtype: Of a text's state, but for the counts of its n-grams.
        features: The number of n-grams that the model knows.
    """

    def __init__(self, config: LinearConfig, part: LinearPart) -> None:
        self._part = part
        self._words = SymbolStream(1, config.word_max, characters=False)
        self._characters = SymbolStream(config.char_min, config.char_max, characters=True)
        self._reads_characters = config.char_max > 0
        self.features = len(self._part.kernel)
        self._columns = self._part.kernel.shape[1]
        width = self._part.vectors.words.shape[1] if self._part.vectors else 0
        self.dtype = np.dtype([
            ("words", "<u8", (self._words.kept,)),
            ("words_seen", "<i8"),
            ("characters", "<u8", (self._characters.kept,)),
            ("characters_seen", "<i8"),
            ("place", "<i8"),
            ("margins", "<f8", (2, self._columns)),  # of word n-grams and of character n-grams
            ("squares", "<f8", (2,)),  # the sums of squares of their features
            ("vectors", "<f8", (width,)),
        ])  # fmt: skip

    def new_counts(self, pairs: Iterable[tuple[int, int]] = ()) -> Counts:
        """Return the counts of a text: pairs of a row in the linear part's kernel and a count."""
        return dict(pairs)

    def new_batch(self, texts: int) -> CountsOfTexts:
        """Return the counts of N texts that are read together to their ends."""
        return CountsOfTexts(self.new_counts() for _ in range(texts))

    def read(
        self,
        state: State,
        counts: Sequence[Counts],
        tokens: TokenBatch,
        normalized: Sequence[str],
        keep: bool = True,
    ) -> None:
        """Read the next part of N texts.

        Args:
            state: `(N,)` of `dtype`; is changed in place.
            counts: The counts of each text.
            tokens: The tokens of the parts.
            normalized: The parts after normalisation.
            keep: Whether to change the counts; the state is changed anyhow.
        """
        words = hash_words(tokens), tokens.lengths
        self._read_ngrams(state, counts, words, self._fold(state, normalized), keep)
        if self._part.vectors is not None and len(tokens.ids):
            self._add_words(state, self._part.vectors, tokens)

    def close(self, state: State, counts: Sequence[Counts]) -> None:
        """Read the space at the end of each text, as if it ended here; the counts are not changed."""
        spaces = (state["place"] == AFTER_CHARACTER).astype(np.int64)
        state["place"][spaces > 0] = AFTER_SPACE
        none = np.empty(0, np.uint64), np.zeros(len(spaces), np.int32)
        characters = np.full(spaces.sum(), ord(" "), np.uint64), spaces
        self._read_ngrams(state, counts, none, characters, keep=False)

    def margins(self, state: State) -> Float:
        """Return the margins of texts that have been closed, `(N, C)` or `(N, 1)`."""
        norms = np.maximum(np.sqrt(state["squares"]), _LEAST_NORM)  # (N, 2)
        margins = (state["margins"] / norms[:, :, None]).sum(axis=1).astype(np.float32)
        if self._part.vectors is not None:
            vectors = self._part.vectors.center_sums(state["vectors"].astype(np.float32))
            margins += multiply_rows(vectors, self._part.vector_kernel)
        return np.asarray(margins + self._part.bias)

    def has_right_sums(self, state: State, counts: Counts) -> bool:
        """Return whether the sums of one text, `(1,)` of `dtype`, are those of its counts, up to rounding."""
        pairs = np.array(sorted(counts.items()), np.int64).reshape(-1, 2)
        rows, features = pairs[:, 0], self._part.features
        values = weigh(pairs[:, 1]) * features.scale.take(rows)
        starts = np.array([0, np.searchsorted(rows, features.first_character), len(rows)])
        ngrams = SparseRows(starts, rows.astype(np.int32), values.astype(np.float32))
        margins = sparse_product(ngrams, self._part.kernel)  # (2, C)
        squares = [own @ own for own in np.split(values, starts[1:2])]
        return all(
            np.allclose(found, expected, rtol=_ROUNDING, atol=_ROUNDING * (1 + values.sum()))
            for found, expected in ((state["margins"][0], margins), (state["squares"][0], squares))
        )

    def _read_ngrams(
        self, state: State, counts: Sequence[Counts], words: Symbols, characters: Symbols, keep: bool
    ) -> None:
        """Add the n-grams that end in the next words and characters of N texts to the sums."""
        if not keep:
            counts = [ChainMap({}, own) for own in counts]
        self._count(state, counts, self._words.read(state["words"], state["words_seen"], _split(words)), 0)
        if len(characters[0]):
            last, seen = state["characters"], state["characters_seen"]
            self._count(state, counts, self._characters.read(last, seen, _split(characters)), 1)

    def _fold(self, state: State, parts: Sequence[str]) -> Symbols:
        """Return the characters of the next parts, with white space folded; none without character n-grams."""
        if not self._reads_characters:
            return np.empty(0, np.uint64), np.zeros(len(parts), np.int64)
        folded, places = zip(*map(fold_part, parts, state["place"].tolist()), strict=True)
        state["place"] = places
        codes, code_bounds = code_points(folded)
        return codes.astype(np.uint64), np.diff(code_bounds)

    def _add_words(self, state: State, vectors: TextVectors, tokens: TokenBatch) -> None:
        """Add the vectors of the next words of N texts to their sums."""
        rows = tokens.rows.take(tokens.ids)
        weighted = vectors.words.take(rows, axis=0) * vectors.scale.astype(np.float64).take(rows)[:, None]
        owners = np.repeat(np.arange(len(state)), tokens.lengths)
        state["vectors"] = add_in_order(state["vectors"], owners, weighted)

    def _count(self, state: State, counts: Sequence[Counts], new: NewNgrams, family: int) -> None:
        """Count the known ones among new n-grams, and add to the sums what each changes."""
        rows, found = self._part.features.index.find(new.keys)
        owners = new.owners.take(found)
        spans = bounds(np.bincount(owners, minlength=len(state))).tolist()
        listed, before = rows.tolist(), []
        for text, own in enumerate(counts):
            for row in listed[spans[text] : spans[text + 1]]:
                count = own.get(row, 0)
                before.append(count)
                own[row] = count + 1
        was, now = weigh(np.array(before, np.int64)), weigh(np.array(before, np.int64) + 1)
        scale = self._part.features.scale.take(rows).astype(np.float64)
        added = ((now - was) * scale)[:, None] * self._part.kernel.take(rows, axis=0)  # (R, C)
        state["margins"][:, family] = add_in_order(state["margins"][:, family], owners, added)
        squares = ((now * now - was * was) * scale * scale)[:, None]
        state["squares"][:, family, None] = add_in_order(state["squares"][:, family, None], owners, squares)


def weigh(counts: NDArray[np.int64]) -> Double:
    """Return `1 + log count` of each count, and 0 of 0.

    The logarithms are Python's, since NumPy's may differ in the last bit with the place in an array.
    """
    weights = _WEIGHTS.take(np.minimum(counts, len(_WEIGHTS) - 1))
    for place in np.flatnonzero(counts >= len(_WEIGHTS)):
        weights[place] = 1.0 + math.log(min(int(counts[place]), MAX_COUNT))
    return np.asarray(weights)


def _split(symbols: Symbols) -> list[NDArray[np.uint64]]:
    return np.split(symbols[0], np.cumsum(symbols[1])[:-1])
