"""The linear part for texts that are still coming.

The features of a text are `(1 + log count) * scale` of each known n-gram, divided by their norm. The sums behind the
margins and the norms change with each n-gram that is read, by what its next occurrence adds. So a text keeps the sums, and
the count of each distinct known n-gram.
"""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import MutableMapping, Sequence

import numpy as np
from numpy.typing import NDArray

from grutext.config import LinearConfig
from grutext.engines.numpy.stream import State, add_in_order, multiply_rows
from grutext.inference.linear_part import LinearPart
from grutext.text import MAX_COUNT, TokenBatch
from grutext.text.codes import bounds, code_points
from grutext.text.ngram_stream import AFTER_CHARACTER, NewNgrams, SymbolStream, fold_part
from grutext.text.ngrams import hash_words

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Counts = MutableMapping[int, int]
"""The number of occurrences of each known n-gram of a text, by its row in the linear part's kernel."""

_LEAST_NORM = 1e-12
_WEIGHTS = np.array(
    [0.0, *(1.0 + math.log(count) for count in range(1, 1 << 12))]
)  # of the counts up to here


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

    def read(
        self, state: State, counts: Sequence[Counts], tokens: TokenBatch, normalized: Sequence[str]
    ) -> None:
        """Read the next part of N texts.

        Args:
            state: `(N,)` of `dtype`; is changed in place.
            counts: The counts of each text; are changed in place.
            tokens: The tokens of the parts.
            normalized: The parts after normalisation.
        """
        words = np.split(hash_words(tokens), np.cumsum(tokens.lengths)[:-1])
        self._count(state, counts, self._words.read(state["words"], state["words_seen"], words), 0)
        if self._part.vectors is not None and len(tokens.ids):
            rows, vectors = tokens.rows.take(tokens.ids), self._part.vectors
            weighted = vectors.words.take(rows, axis=0) * vectors.scale.astype(np.float64).take(rows)[:, None]
            owners = np.repeat(np.arange(len(state)), tokens.lengths)
            state["vectors"] = add_in_order(state["vectors"], owners, weighted)
        self._read_characters(state, counts, normalized)

    def close(self, state: State, counts: Sequence[Counts]) -> None:
        """Read the space at the end of each text, as if it ended here."""
        spaces = [" " if place == AFTER_CHARACTER else "" for place in state["place"].tolist()]
        self._read_characters(state, counts, spaces)

    def margins(self, state: State) -> Float:
        """Return the margins of texts that have been closed, `(N, C)` or `(N, 1)`."""
        norms = np.maximum(np.sqrt(state["squares"]), _LEAST_NORM)  # (N, 2)
        margins = (state["margins"] / norms[:, :, None]).sum(axis=1).astype(np.float32)
        if self._part.vectors is not None:
            vectors = self._part.vectors.center_sums(state["vectors"].astype(np.float32))
            margins += multiply_rows(vectors, self._part.vector_kernel)
        return np.asarray(margins + self._part.bias)

    def _read_characters(self, state: State, counts: Sequence[Counts], parts: Sequence[str]) -> None:
        if not self._reads_characters or not any(parts):
            return
        folded, places = zip(*map(fold_part, parts, state["place"].tolist()), strict=True)
        state["place"] = places
        codes, code_bounds = code_points(folded)
        symbols = np.split(codes.astype(np.uint64), code_bounds[1:-1])
        new = self._characters.read(state["characters"], state["characters_seen"], symbols)
        self._count(state, counts, new, 1)

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


def overlay(counts: Counts) -> Counts:
    """Return counts that can be changed without changing `counts`."""
    return ChainMap({}, counts)
