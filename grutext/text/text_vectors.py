"""The dense features of the linear part: the mean vector of a text's words.

For a text whose tokens have the rows t_1 .. t_T of a table of word vectors, with the weight s_t of each row::

    u = s_[t_1] words_[t_1] + .. + s_[t_T] words_[t_T]
    v = u / |u| - center
    text vector = v / max(|v|, 0.01)

The weights are larger for rarer words, and 0 for the row of unknown words; the centre is what all texts have in common
(Arora, Liang and Ma 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", has both). The vector of a text
without known words is zero. A text that differs from the centre by rounding alone gets almost zero, not noise of length 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grutext.text.vectorizer import TokenBatch

Float = NDArray[np.float32]
Int32 = NDArray[np.int32]

_BLOCK = 1 << 20  # numbers of word vectors held at a time
LEAST_DISTANCE = 0.01  # from the centre; of ordinary texts it is 0.3 to 1.2
_LEAST_NORM = 1e-12


@dataclass(frozen=True, slots=True)
class TextVectors:
    """A table of word vectors, from which it makes the vectors of texts.

    Attributes:
        words: `(V, K) int8`, a row for each row of the vocabulary.
        scale: `(V,) float16`, the factor on each row: the unit of its numbers times the weight of the word.
        center: `(K,) float32`.
    """

    words: NDArray[np.int8]
    scale: NDArray[np.float16]
    center: Float

    def transform(self, batch: TokenBatch, compiled: bool = False) -> Float:
        """Return the vectors of N texts, `(N, K)`, of length 1 at most; zeros for a text without known words.

        Args:
            batch: The texts.
            compiled: Whether to use the compiled kernels of `grutext.kernels`.
        """
        rows = batch.rows.take(batch.ids) if len(batch.rows) else batch.ids
        return self.center_sums(self.sum_words(rows, batch.lengths, compiled))

    def center_sums(self, sums: Float) -> Float:
        """Return the vectors of N texts, `(N, K)`, from the weighted sums of their word vectors, `(N, K)`."""
        filled = sums.any(axis=1)
        vectors = np.zeros_like(sums)
        vectors[filled] = unit_rows(unit_rows(sums[filled]) - self.center, LEAST_DISTANCE)
        return vectors

    def sum_words(self, rows: Int32, lengths: Int32, compiled: bool = False) -> Float:
        """Return the weighted sums of the word vectors of N texts, `(N, K) float32`.

        Args:
            rows: `(S,) int32`, the row of each token, one text after the other.
            lengths: `(N,) int32`, the number of tokens of each text.
            compiled: As for `transform`.
        """
        scale = self.scale.astype(np.float32)
        if compiled:
            from grutext.kernels.inference import sum_words

            return np.asarray(sum_words(self.words, scale, rows, lengths))
        sums = np.zeros((len(lengths), self.words.shape[1]), np.float32)
        text_of_token = np.repeat(np.arange(len(lengths)), lengths)
        block = max(1, _BLOCK // max(1, self.words.shape[1]))
        for first in range(0, len(rows), block):
            some, texts = rows[first : first + block], text_of_token[first : first + block]
            vectors = self.words.take(some, axis=0) * scale.take(some)[:, None]  # (S, K)
            starts = np.flatnonzero(np.diff(texts, prepend=-1))
            sums[texts[starts]] += np.add.reduceat(vectors, starts, axis=0)
        return sums


def unit_rows(rows: Float, least: float = _LEAST_NORM) -> Float:
    """Return rows `(N, K)` divided by their lengths, or by `least` where a row is shorter; a row of zeros stays one."""
    scaled: Float = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(least))
    return scaled
