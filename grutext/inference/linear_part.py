"""The linear part: from n-gram counts and text vectors to the margins of a linear model."""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import LinearConfig
from grutext.explain.linear_part import split_vector, spread_ngrams, weigh_ngrams
from grutext.text import (
    MAX_COUNT,
    NgramFeatures,
    SparseRows,
    TextVectors,
    TokenBatch,
    WordSpans,
    count_ngrams,
    list_ngrams,
)

_BLOCK = 1 << 18  # products held at a time
_MANY = 1 << 12  # tokens
# Of a hash table, so that nobody can craft slow texts; no result depends on it.
_SALT = secrets.randbits(64) | 1


class LinearPart:
    """The linear model of a bundle; immutable.

    Args:
        config: The n-gram settings.
        weights: Arrays by the names of the spec.
        compiled: Whether to use compiled kernels instead of NumPy.
    """

    def __init__(
        self, config: LinearConfig, weights: Mapping[str, NDArray[Any]], compiled: bool = False
    ) -> None:
        self.config = config
        self.features = NgramFeatures(weights["linear/keys"], weights["linear/scale"].astype(np.float32))
        self.kernel = weights["linear/kernel"]
        self.bias = weights["linear/bias"]
        self.vectors: TextVectors | None = None
        if "linear/vector_kernel" in weights:
            words, scale, center = (weights[f"text_vectors/{name}"] for name in ("words", "scale", "center"))
            self.vectors = TextVectors(words, scale, center)
            self.vector_kernel = weights["linear/vector_kernel"]
        self._compiled = compiled and self.kernel.dtype == np.float16

    def margins(self, tokens: TokenBatch) -> NDArray[np.float32]:
        """Return the margins of N texts, shape (N, C) or (N, 1) for two labels, float32; the bias for an empty text."""
        return self.score(tokens)[0]

    def score(self, tokens: TokenBatch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the margins, and the share of each text's n-grams that the model knows, shape (N,); 0 for an empty text."""
        margins, known = self._score_ngrams_compiled(tokens) if self._compiled else self._score_ngrams(tokens)
        if self.vectors is not None:
            margins += self.vectors.transform(tokens, self._compiled) @ self.vector_kernel
        return margins + self.bias, known

    def explain(
        self, tokens: TokenBatch, of_margins: NDArray[np.float64], words: WordSpans
    ) -> tuple[NDArray[np.float64], float]:
        """Return what each word of one text adds to `margins @ of_margins`, shape (W,), float64, and what no word adds."""
        _, keys = list_ngrams(tokens, self.config)
        ngrams = weigh_ngrams(keys, self.features, self.kernel, of_margins)
        added, rest = spread_ngrams(ngrams, tokens, self.config, words)
        if self.vectors is not None:
            by_token, of_center = split_vector(self.vectors, tokens, self.vector_kernel @ of_margins)
            added += words.sum_tokens(by_token)
            rest += of_center
        return added, rest + float(self.bias @ of_margins)

    def _score_ngrams(self, tokens: TokenBatch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the products of the n-grams, without the bias, and the share of the known ones."""
        counts = count_ngrams(tokens, self.config)
        rows = self.features.transform(counts)
        margins = sparse_product(rows, self._fast_kernel if len(tokens.ids) > _MANY else self.kernel)
        known = (rows.starts[1:] - rows.starts[:-1]) / np.maximum(counts.starts[1:] - counts.starts[:-1], 1)
        return margins, known.astype(np.float32)

    def _score_ngrams_compiled(self, tokens: TokenBatch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what `_score_ngrams` does, computed by compiled kernels."""
        from grutext.kernels.ngrams import score_ngrams

        bounds, keys = list_ngrams(tokens, self.config, compiled=True)
        features, index = self.features, self.features.index
        margins = np.zeros((len(bounds) - 1, self.kernel.shape[1]), np.float32)
        known = np.empty(len(margins), np.float32)
        score_ngrams(
            bounds,
            keys,
            _SALT,
            index.keys,
            index.first,
            index.shift,
            features.scale,
            features.first_character,
            MAX_COUNT,
            self.kernel.view(np.int16),
            margins,
            known,
        )
        return margins, known

    @cached_property
    def _fast_kernel(self) -> NDArray[np.float32]:
        """The kernel as float32, for many texts; converting it takes longer than scoring few."""
        return self.kernel.astype(np.float32)


def sparse_product(rows: SparseRows, kernel: NDArray[Any]) -> NDArray[np.float32]:
    """Return the product, shape (N, C), of a sparse matrix (N, F) and a dense one (F, C), a block of rows at a time."""
    starts = rows.starts.tolist()
    texts = len(starts) - 1
    product = np.zeros((texts, kernel.shape[1]), np.float32)
    block = max(1, _BLOCK // kernel.shape[1])
    first = 0
    while first < texts:
        last = max(first + 1, bisect_right(starts, starts[first] + block) - 1)
        start = starts[first]
        taken = kernel.take(rows.columns[start : starts[last]], axis=0).astype(np.float32, copy=False)
        for text in range(first, last):
            values = rows.values[starts[text] : starts[text + 1]]
            np.matmul(values, taken[starts[text] - start : starts[text + 1] - start], out=product[text])
        first = last
    return product
