"""Convert texts to the numbers that the embedding and the n-gram features are computed from.

A batch of texts is stored as its distinct tokens (types) and, text after text, the index of each token's type. What
depends on the type alone (its vocabulary row, its hashed character n-grams) is computed once per type, and nothing
is padded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grutext.config import TextConfig
from grutext.text.normalize import normalize
from grutext.text.subwords import hash_subwords
from grutext.text.tokenizers import TOKENIZERS
from grutext.text.tokenizing import tokenize_compiled, tokenize_texts
from grutext.text.vocabulary import Vocabulary, rank_tokens

Int32 = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """N tokenised texts: S tokens of M distinct types, which have K character n-grams.

    Attributes:
        normalized: The N texts after normalisation.
        types: The M distinct tokens, in order of first occurrence.
        ids: `(S,) int32`, the type of each token, one text after the other.
        lengths: `(N,) int32`, the number of tokens of each text; 0 for an empty text.
        rows: `(M,) int32`, the row of each type in the word table.
        buckets: `(K,) int32`, the rows of the n-grams in the subword table, type after type.
        bucket_counts: `(M,) int32`, the number of n-grams of each type.
    """

    normalized: list[str]
    types: Sequence[str]
    ids: Int32
    lengths: Int32
    rows: Int32
    buckets: Int32
    bucket_counts: Int32


def count_tokens(texts: Iterable[str], config: TextConfig) -> Counter[str]:
    """Return how often each token occurs in texts."""
    tokenize = TOKENIZERS[config.tokenizer]
    return Counter(token for text in texts for token in tokenize(normalize(text, config.case)))


class Vectorizer:
    """Converts texts to a `TokenBatch`, for training and inference alike.

    Args:
        config: Tokenizer and subword settings.
        vocabulary: The tokens with a row in the word table.
        compiled: Whether to use the compiled kernels of `grutext.kernels`.
    """

    def __init__(self, config: TextConfig, vocabulary: Vocabulary, compiled: bool = False) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self._compiled = compiled

    @classmethod
    def fit(cls, texts: Iterable[str], config: TextConfig) -> Vectorizer:
        """Build a vectorizer with the vocabulary of the training texts `texts`."""
        return cls.of_counts(count_tokens(texts, config), config)

    @classmethod
    def of_counts(cls, counts: Mapping[str, int], config: TextConfig) -> Vectorizer:
        """Build a vectorizer with the vocabulary of training texts in which each token occurs so often."""
        return cls(config, rank_tokens(counts, config.min_count, config.max_vocabulary))

    def vectorize(self, texts: Sequence[str]) -> TokenBatch:
        """Tokenise `texts`, which may have any length.

        >>> vectorizer = Vectorizer(TextConfig(), Vocabulary(["the", "cat"]))
        >>> batch = vectorizer.vectorize(["The cat, the dog", ""])
        >>> batch.types, batch.ids.tolist(), batch.lengths.tolist(), batch.rows.tolist()
        (['the', 'cat', ',', 'dog'], [0, 1, 2, 0, 3], [5, 0], [1, 2, 0, 0])
        """
        normalized = [normalize(text, self.config.case) for text in texts]
        tokenize = tokenize_compiled if self._compiled else tokenize_texts
        types, ids, lengths = tokenize(normalized, self.config.tokenizer)
        buckets, bucket_counts = hash_subwords(types, self.config, self._compiled)
        return TokenBatch(
            normalized=normalized,
            types=types,
            ids=ids,
            lengths=lengths,
            rows=self.vocabulary.rows_of(types, self._compiled),
            buckets=buckets,
            bucket_counts=bucket_counts,
        )
