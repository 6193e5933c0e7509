"""Texts to numbers: what the embedding and the n-gram features are computed from.

A batch of texts is kept as its distinct tokens (types) and, text after text, the index of each
token's type. What a type needs (its vocabulary row, its hashed character n-grams) is so computed
once, however often it occurs, and nothing is padded before it must be.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import numpy as np
from numpy.typing import NDArray

from grutext.config import TextConfig
from grutext.text.normalize import normalize
from grutext.text.tokenizers import TOKENIZERS
from grutext.text.vocabulary import Vocabulary, build_vocabulary

Int32 = NDArray[np.int32]
_SHORT = 40  # characters


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Tokenised texts; S tokens in all, M distinct ones, K n-grams of distinct ones.

    Attributes:
        normalized: The N texts after normalisation.
        types: The M distinct tokens, in order of first occurrence.
        ids: `(S,) int32`, the type of each token, one text after the other.
        lengths: `(N,) int32`, tokens in each text; 0 for an empty one.
        rows: `(M,) int32`, the type's row in the word table.
        buckets: `(K,) int32`, rows in the subword table, type after type.
        bucket_counts: `(M,) int32`, how many of `buckets` belong to each type.
    """

    normalized: list[str]
    types: list[str]
    ids: Int32
    lengths: Int32
    rows: Int32
    buckets: Int32
    bucket_counts: Int32


class Vectorizer:
    """Turns texts into a `TokenBatch`; used by training and runtime alike.

    Args:
        config: Tokenizer and subword settings.
        vocabulary: The tokens with an embedding row.
    """

    def __init__(self, config: TextConfig, vocabulary: Vocabulary) -> None:
        self.config = config
        self.vocabulary = vocabulary

    @classmethod
    def fit(cls, texts: Iterable[str], config: TextConfig) -> Vectorizer:
        """Builds a vectorizer whose vocabulary comes from `texts`, the training part."""
        tokenize = TOKENIZERS[config.tokenizer]
        tokenized = (tokenize(normalize(text)) for text in texts)
        return cls(config, build_vocabulary(tokenized, config.min_count, config.max_vocabulary))

    def vectorize(self, texts: Sequence[str]) -> TokenBatch:
        """Gives the tokens of `texts`, of any length, as numbers.

        >>> vectorizer = Vectorizer(TextConfig(), Vocabulary(["the", "cat"]))
        >>> batch = vectorizer.vectorize(["The cat, the dog", ""])
        >>> batch.types, batch.ids.tolist(), batch.lengths.tolist(), batch.rows.tolist()
        (['the', 'cat', ',', 'dog'], [0, 1, 2, 0, 3], [5, 0], [1, 2, 0, 0])
        """
        tokenize = TOKENIZERS[self.config.tokenizer]
        normalized = [normalize(text) for text in texts]
        type_of: defaultdict[str, int] = defaultdict(count().__next__)  # numbers new tokens
        ids: list[int] = []
        lengths = np.zeros(len(normalized), np.int32)
        for n, text in enumerate(normalized):
            tokens = tokenize(text)
            lengths[n] = len(tokens)
            ids.extend(map(type_of.__getitem__, tokens))
        types = list(type_of)
        buckets = [_pack_buckets(token, self.config) for token in types]
        return TokenBatch(
            normalized=normalized,
            types=types,
            ids=np.array(ids, np.int32),
            lengths=lengths,
            rows=np.array([self.vocabulary.row(token) for token in types], np.int32),
            buckets=np.frombuffer(b"".join(buckets), np.int32),
            bucket_counts=np.array([len(some) for some in buckets], np.int32) // 4,  # bytes of an int32
        )


def subword_buckets(token: str, config: TextConfig) -> list[int]:
    """Gives the rows of the subword table that a token's character n-grams are hashed to.

    The token is put between `<` and `>`, as in fastText (arXiv 1607.04606, section 3.2), so that
    beginnings and ends differ from middles; the hash is CRC-32 of the n-gram's UTF-8 bytes.
    """
    marked = f"<{token}>"
    size = len(marked)
    return [
        zlib.crc32(marked[start : start + n].encode("utf-8", "surrogatepass")) % config.subword_buckets
        for n in range(config.subword_min, config.subword_max + 1)
        for start in range(size - n + 1)
    ]


def _pack_buckets(token: str, config: TextConfig) -> bytes:
    """Gives the buckets as the bytes of an int32 array; those of a short token are remembered."""
    return (_remember_buckets if len(token) <= _SHORT else _compute_buckets)(token, config)


def _compute_buckets(token: str, config: TextConfig) -> bytes:
    return np.array(subword_buckets(token, config), np.int32).tobytes()


# Texts share most of their words, and hashing these anew for each batch would take half of the time. Long
# tokens are rare, and left out so that the memory is bounded: 5 MB if all of them were as long as may be.
_remember_buckets = lru_cache(maxsize=1 << 13)(_compute_buckets)
