"""Split a linear function of the linear part's features into contributions of the words.

The normalisers are held at their values: those of the word n-grams, of the character n-grams, and of the text's vector. Then each
occurrence of an n-gram contributes by itself, and gives equal parts to the tokens, or to the characters other than white space, that
it covers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import LinearConfig
from grutext.text import (
    LEAST_DISTANCE,
    NgramCounts,
    NgramFeatures,
    TextVectors,
    TokenBatch,
    WordSpans,
    fold_spaces,
)

Double = NDArray[np.float64]


def weigh_ngrams(
    keys: NDArray[np.uint32], features: NgramFeatures, kernel: NDArray[Any], of_margins: Double
) -> Double:
    """Return what each n-gram of a text adds to `margins @ of_margins`, `(Z,) float64`; 0 for an unknown one.

    Args:
        keys: `(Z,)`, the text's n-grams, repeated as often as they occur, as `grutext.text.list_ngrams` returns them.
        features: The F known n-grams.
        kernel: `(F, M)`, from features to margins.
        of_margins: `(M,)`, a weight for each margin.
    """
    distinct, counts = np.unique(keys, return_counts=True)
    bounds = np.array([0, len(distinct)])
    rows = features.transform(NgramCounts(bounds, distinct, counts.astype(np.int32)))
    products = rows.values * (kernel.take(rows.columns, axis=0).astype(np.float32) @ of_margins)
    columns, found = features.index.find(keys)
    places = rows.columns.searchsorted(columns)
    added = np.zeros(len(keys))
    added[found] = (products / np.bincount(places, minlength=len(products)))[places]
    return added


def spread_ngrams(
    added: Double, tokens: TokenBatch, config: LinearConfig, words: WordSpans
) -> tuple[Double, float]:
    """Give what the n-grams of a text add to its words.

    Args:
        added: `(Z,)`, what each n-gram adds, in the order of `grutext.text.list_ngrams` without kernels: by length, then by position.
        tokens: The text.
        config: The lengths of the n-grams.
        words: The words of the text.

    Returns:
        What each word adds, `(W,) float64`, and what n-grams of nothing but white space add.
    """
    of_tokens = np.zeros(len(tokens.ids))
    at = 0
    for n in range(1, min(config.word_max, len(of_tokens)) + 1):
        grams = len(of_tokens) - n + 1
        for place in range(n):
            of_tokens[place : place + grams] += added[at : at + grams] / n
        at += grams
    folded = fold_spaces(tokens.normalized[0]) if config.char_max else ""
    is_solid = np.array([character != " " for character in folded], bool)
    solid_before = np.concatenate([[0], np.cumsum(is_solid)])
    of_characters, of_spaces = np.zeros(len(folded)), 0.0
    for n in range(config.char_min, min(config.char_max, len(folded)) + 1):
        grams = len(folded) - n + 1
        run, covered = added[at : at + grams], solid_before[n:] - solid_before[:-n]
        for place in range(n):
            of_characters[place : place + grams] += run / np.maximum(covered, 1)
        of_spaces += run[covered == 0].sum()
        at += grams
    owners = words.of_characters[words.of_characters >= 0] if len(folded) else np.zeros(0, np.int64)
    by_character = np.bincount(owners, of_characters[is_solid], len(words.spans))
    return words.sum_tokens(of_tokens) + by_character, float(of_spaces)


def split_vector(vectors: TextVectors, tokens: TokenBatch, of_vector: Double) -> tuple[Double, float]:
    """Return what each token of a text adds to `(its vector) @ of_vector`, `(T,) float64`, and what the centre adds."""
    rows = tokens.rows.take(tokens.ids) if len(tokens.rows) else tokens.ids
    total = vectors.sum_words(rows, tokens.lengths)[0]
    if not total.any():
        return np.zeros(len(rows)), 0.0
    norm = np.linalg.norm(total)
    centered_norm = max(float(np.linalg.norm(total / norm - vectors.center)), LEAST_DISTANCE)
    added = (vectors.words.take(rows, axis=0) @ of_vector) * vectors.scale.take(rows).astype(np.float64)
    return added / (norm * centered_norm), -float(vectors.center @ of_vector) / centered_norm
