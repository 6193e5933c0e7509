"""The GRU part: embedding, encoder and head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import GRUConfig
from grutext.engines.layers import Float, Gates
from grutext.explain.gru_part import split_pooled, trace_gates
from grutext.inference.encoder import Encoder
from grutext.text import TokenBatch

_BLOCK = 2048  # subword rows that are summed at a time: they stay in the cache


class GRUPart:
    """Embedding, GRU encoder and head of a bundle; immutable.

    Args:
        config: The encoder's settings.
        weights: Arrays by the names of the spec.
        compiled: Whether to use compiled kernels, where there are any, instead of NumPy.
    """

    def __init__(
        self, config: GRUConfig, weights: Mapping[str, NDArray[Any]], compiled: bool = False
    ) -> None:
        self._config, self._weights, self._compiled = config, weights, compiled
        self._encoder = Encoder(config, weights, compiled)

    def encode(self, tokens: TokenBatch) -> Float:
        """Return the vector of each text, shape (N, P), float32; zeros for an empty text."""
        return self._encoder.encode(self.embed(tokens), tokens.ids, tokens.lengths)

    def logits(self, pooled: Float) -> Float:
        """Return the outputs of the head, shape (N, C), for the vectors of N texts, shape (N, P)."""
        logits: Float = pooled @ self._weights["head/kernel"] + self._weights["head/bias"]
        return logits

    def explain(
        self, tokens: TokenBatch, of_logits: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float]:
        """Return what each token of one text adds to `logits @ of_logits`, shape (T,), float64, and what the bias adds."""
        of_pooled = self._weights["head/kernel"] @ of_logits
        added = split_pooled(self._config.pooling, self.gates(tokens), self._weights, of_pooled)
        return added, float(self._weights["head/bias"] @ of_logits)

    def gates(self, tokens: TokenBatch) -> Gates:
        """Return the gates of the last layer along one text; of no tokens for an empty one."""
        vectors = self.embed(tokens).take(tokens.ids, axis=0)  # (T, E)
        return trace_gates(self._config, self._weights, vectors, self._compiled)

    def embed(self, tokens: TokenBatch) -> Float:
        """Return the vectors of the M distinct tokens, shape (M, E), float32: a word row plus the mean subword row."""
        words, counts = self._weights["embedding/words"], tokens.bucket_counts
        table = self._weights.get("embedding/subwords", words[:0])
        if self._compiled and words.dtype == table.dtype == np.float16:
            from grutext.kernels.inference import embed

            bits = words.view(np.int16), table.view(np.int16)
            return np.asarray(embed(*bits, tokens.rows, tokens.buckets, counts))
        vectors = widen(words.take(tokens.rows, axis=0))
        if not len(table):
            return vectors
        has = np.flatnonzero(counts)
        ends = np.cumsum(counts[has], dtype=np.int64)
        first = start = 0
        while first < len(has):
            last = max(first + 1, int(np.searchsorted(ends, start + _BLOCK, side="right")))
            some, end = has[first:last], ends[last - 1]
            if end - start > _BLOCK:  # of a single type, so long that all its rows might fill the memory
                parts = np.split(tokens.buckets[start:end], range(_BLOCK, end - start, _BLOCK))
                rows = np.stack([widen(table.take(part, axis=0)).sum(axis=0) for part in parts])
            else:
                rows = widen(table.take(tokens.buckets[start:end], axis=0))  # (K, E)
            sums = np.add.reduceat(rows, ends[first:last] - counts[some] - start, axis=0)
            vectors[some] += sums / counts[some, None].astype(np.float32)
            first, start = last, end
        return vectors


def widen(values: NDArray[Any]) -> Float:
    """Convert finite float16 (or other) numbers to float32.

    NumPy's own conversion of float16 goes number by number and is six times slower than these four steps: they
    move the bits of sign, exponent and fraction to where a float32 has them, and correct the exponent by a product,
    which is exact.
    """
    if values.dtype != np.float16:
        return values.astype(np.float32)
    bits = values.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= np.int32(-0x70000001)  # the sign came along in the three bits below it
    widened = bits.view(np.float32)
    widened *= np.float32(2.0**112)
    return widened
