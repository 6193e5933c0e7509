"""The wide part in NumPy: n-gram counts to the margins of a linear model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import WideConfig
from grutext.text import NgramFeatures, SparseRows, TokenBatch, count_ngrams

_BLOCK = 1 << 22  # products held at a time


class WidePart:
    """The linear model of a bundle; immutable.

    Args:
        config: The n-gram settings.
        weights: Arrays by the names of the spec.
    """

    def __init__(self, config: WideConfig, weights: Mapping[str, NDArray[Any]]) -> None:
        self.config = config
        self.features = NgramFeatures(weights["wide/keys"], weights["wide/scale"].astype(np.float32))
        self.kernel = weights["wide/kernel"]
        self.bias = weights["wide/bias"]

    def margins(self, tokens: TokenBatch) -> NDArray[np.float32]:
        """Gives the margins of N texts, `(N, C)`, or `(N, 1)` for two classes; the bias for an empty text."""
        return self.read(tokens)[0]

    def read(self, tokens: TokenBatch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Gives the margins, and the share of each text's n-grams that are known, `(N,)`; 0 for an empty text."""
        texts = len(tokens.lengths)
        counts = count_ngrams(tokens, self.config)
        rows = self.features.transform(counts, texts)
        known = np.diff(rows.starts) / np.maximum(np.bincount(counts.texts, minlength=texts), 1)
        return np.asarray(linear(rows, self.kernel) + self.bias, np.float32), known.astype(np.float32)


def linear(rows: SparseRows, kernel: NDArray[Any]) -> NDArray[np.float32]:
    """Gives the product of a sparse matrix `(N, F)` with a dense one `(F, C)`, a block of rows at a time."""
    texts = len(rows.starts) - 1
    product = np.zeros((texts, kernel.shape[1]), np.float32)
    block = max(1, _BLOCK // kernel.shape[1])
    first = 0
    while first < texts:
        last = int(np.searchsorted(rows.starts, rows.starts[first] + block, side="right")) - 1
        last = max(first + 1, last)
        start, end = rows.starts[first], rows.starts[last]
        if end > start:
            terms = kernel[rows.columns[start:end]].astype(np.float32) * rows.values[start:end, None]
            filled = first + np.flatnonzero(np.diff(rows.starts[first : last + 1]))
            product[filled] = np.add.reduceat(terms, rows.starts[filled] - start, axis=0)
        first = last
    return product
