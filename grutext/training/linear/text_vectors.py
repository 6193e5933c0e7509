"""Learn word vectors from texts, for the text vectors of the linear part.

Words are alike if they occur beside the same words. The table of positive pointwise mutual information, which says how
much more often than by chance two words occur near each other, is reduced to K columns by a truncated singular value
decomposition (Levy, Goldberg and Dagan 2015, "Improving Distributional Similarity with Lessons Learned from Word
Embeddings"). It needs no labels, takes seconds, and for text vectors is as good as skip-gram vectors;
docs/research/recipe.md has the comparison.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from grutext.text import UNKNOWN, TextVectors, Vectorizer, unit_rows
from grutext.training.samples import runs

Float = NDArray[np.float32]

_MOST_TOKENS = 3_000_000  # that are read; their pairs need half a gigabyte
_TOKENS_A_SECOND = 150_000
_RUN_CHARACTERS = 1 << 18
_WINDOW = 10  # words to either side
# Rare words are underestimated as neighbours: without this power, the rarest ones would be the most informative.
_SMOOTHING = 0.75
# A word that is this share of all tokens counts half as much as a rare one. In vectors from elsewhere, frequent words are
# shorter already.
_FREQUENT, _FREQUENT_IN_GIVEN = 1e-3, 1e-2


@dataclass(frozen=True, slots=True)
class TokenRows:
    """The tokens of N texts as rows of the word table.

    Attributes:
        rows: `(S,) int32`, the row of each token, one text after the other.
        lengths: `(N,) int32`, the number of tokens of each text.
    """

    rows: NDArray[np.int32]
    lengths: NDArray[np.int32]

    @classmethod
    def read(cls, texts: Sequence[str], vectorizer: Vectorizer, most: float = math.inf) -> TokenRows:
        """Return the tokens of the texts, or of the first ones, until there are `most` tokens or a few more."""
        rows, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
        tokens = 0
        for run in runs(texts, len, _RUN_CHARACTERS):
            batch = vectorizer.vectorize(run)
            rows.append(batch.rows.take(batch.ids))
            lengths.append(batch.lengths)
            tokens += len(batch.ids)
            if tokens >= most:
                break
        return cls(np.concatenate(rows), np.concatenate(lengths))


def learn_text_vectors(
    texts: Sequence[str],
    vectorizer: Vectorizer,
    size: int,
    seed: int,
    seconds: float = math.inf,
    given: Float | None = None,
) -> TextVectors | None:
    """Learn word vectors from texts, and weight and centre them for text vectors.

    Args:
        texts: The texts; a random part of them if they have more than three million tokens.
        vectorizer: Splits them into tokens, and has the vocabulary.
        size: The width of the vectors; with fewer words they are narrower.
        seed: Decides which texts are read if not all are, and where the decomposition begins.
        seconds: Time that this may take, roughly; with less of it fewer texts are read.
        given: `(V, G)`, word vectors from elsewhere that stand beside the learned ones; None for none.

    Returns:
        The vectors; None where no two words occur near each other.
    """
    tokens = _sample_tokens(texts, vectorizer, seed, seconds)
    words = learn_words(tokens, vectorizer.vocabulary.rows, size, seed)
    if not words.any():
        return None
    if given is not None:
        words = np.hstack([_scale(words), _scale(given)])
    return make_text_vectors(words, tokens, _FREQUENT)


def weigh_word_vectors(
    words: Float, texts: Sequence[str], vectorizer: Vectorizer, seed: int, seconds: float = math.inf
) -> TextVectors:
    """Weight and centre word vectors from elsewhere for text vectors.

    Args:
        words: `(V, K)`, the word vectors by the rows of the word table; zeros for a word that has none.
        texts: As for `learn_text_vectors`, and so are the others.
        vectorizer: Splits them into tokens, and has the vocabulary.
        seed: Decides which texts are read if not all are.
        seconds: Time that this may take, roughly.
    """
    return make_text_vectors(words, _sample_tokens(texts, vectorizer, seed, seconds), _FREQUENT_IN_GIVEN)


def _scale(words: Float) -> Float:
    """Return word vectors times a factor that makes the root mean square of their lengths 1; zeros do not count."""
    squares = np.sum(np.square(words, dtype=np.float64), axis=1)
    total = squares.sum() or 1.0
    return np.asarray(words * np.sqrt(np.count_nonzero(squares) / total), np.float32)


def _sample_tokens(texts: Sequence[str], vectorizer: Vectorizer, seed: int, seconds: float) -> TokenRows:
    """Return the tokens of the texts, or of as many random ones as there is time and memory for."""
    order = np.random.default_rng([seed, 4]).permutation(len(texts))
    most = min(_MOST_TOKENS, seconds * _TOKENS_A_SECOND)
    return TokenRows.read([texts[n] for n in order], vectorizer, most)


def learn_words(tokens: TokenRows, rows: int, size: int, seed: int) -> Float:
    """Return a vector for each of the V rows of the word table, `(V, K) float32`; zeros for words that stand alone.

    Args:
        tokens: The texts.
        rows: V.
        size: The largest K.
        seed: Decides where the decomposition begins.
    """
    table = _mutual_information(_count_pairs(tokens, rows))
    size = min(size, rows - 1)
    if not table.nnz or size < 1:
        return np.zeros((rows, max(size, 0)), np.float32)
    with threadpool_limits(1):  # another number of threads would change the last bits
        left, singular, _ = randomized_svd(table, size, n_iter=4, random_state=seed)
    words = np.asarray(left * singular, np.float32)
    words[np.diff(table.indptr) == 0] = 0  # rather than rounding errors, which have a direction too
    return words


def _count_pairs(tokens: TokenRows, size: int) -> csr_matrix:
    """Return how often each word has each other word near it in a text, `(V, V)`; unknown words are nobody's neighbour."""
    rows, text = tokens.rows, np.repeat(np.arange(len(tokens.lengths)), tokens.lengths)
    pairs = csr_matrix((size, size), dtype=np.float32)
    for distance in range(1, _WINDOW + 1):
        left, right = rows[:-distance], rows[distance:]
        near = (
            (text[:-distance] == text[distance:]) & (left != UNKNOWN) & (right != UNKNOWN) & (left != right)
        )
        left, right = left[near], right[near]
        pairs = pairs + csr_matrix((np.ones(len(left), np.float32), (left, right)), shape=pairs.shape)
    return (pairs + pairs.T).tocsr()


def _mutual_information(pairs: csr_matrix) -> csr_matrix:
    """Return log(p(word, neighbour) / (p(word) p(neighbour))) where it is positive, with smoothed p(neighbour)."""
    pairs = pairs.tocoo()
    total = np.bincount(pairs.row, pairs.data, pairs.shape[0])
    smoothed = total**_SMOOTHING
    expected = total[pairs.row] * smoothed[pairs.col] / smoothed.sum()
    information = np.log(pairs.data / expected)
    more = information > 0
    values = information[more].astype(np.float32)
    return csr_matrix((values, (pairs.row[more], pairs.col[more])), shape=pairs.shape)


def make_text_vectors(words: Float, tokens: TokenRows, frequent: float) -> TextVectors:
    """Weight words by how rare they are in some texts, and centre the vectors of these texts.

    The weight a / (a + p) for a word that is the share p of all tokens is that of Arora, Liang and Ma 2017.

    Args:
        words: `(V, K)`, the word vectors by the rows of the word table.
        tokens: The texts.
        frequent: a.
    """
    times = np.bincount(tokens.rows, minlength=len(words))
    weight = frequent / (frequent + times / max(1, len(tokens.rows)))
    weight[UNKNOWN] = 0
    largest = np.abs(words).max(axis=1)
    numbers = np.rint(words / np.maximum(largest, 1e-12)[:, None] * 127).astype(np.int8)
    scale = weight * largest
    scale /= max(scale.max(), 1e-12)  # within the range of float16; text vectors do not depend on it
    plain = TextVectors(numbers, scale.astype(np.float16), np.zeros(words.shape[1], np.float32))
    sums = plain.sum_words(tokens.rows, tokens.lengths)
    filled = sums.any(axis=1)
    center = unit_rows(sums[filled]).mean(axis=0) if filled.any() else plain.center
    return TextVectors(numbers, plain.scale, center.astype(np.float32))
