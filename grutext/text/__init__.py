"""Convert strings to tokens, ids and features, by one implementation for training and inference."""

from grutext.text.copies import KnownTexts, text_key
from grutext.text.lookup import KeyIndex
from grutext.text.ngrams import (
    CHARACTER_FAMILY,
    MAX_COUNT,
    NgramCounts,
    NgramFeatures,
    SparseRows,
    count_ngrams,
    fold_spaces,
    list_ngrams,
)
from grutext.text.normalize import normalize
from grutext.text.spans import WordSpans, find_words
from grutext.text.text_vectors import LEAST_DISTANCE, TextVectors, unit_rows
from grutext.text.tokenizers import TOKENIZERS, is_unspaced
from grutext.text.vectorizer import TokenBatch, Vectorizer, count_tokens
from grutext.text.vocabulary import UNKNOWN, Vocabulary

__all__ = [
    "CHARACTER_FAMILY",
    "LEAST_DISTANCE",
    "MAX_COUNT",
    "TOKENIZERS",
    "UNKNOWN",
    "KeyIndex",
    "KnownTexts",
    "NgramCounts",
    "NgramFeatures",
    "SparseRows",
    "TextVectors",
    "TokenBatch",
    "Vectorizer",
    "Vocabulary",
    "WordSpans",
    "count_ngrams",
    "count_tokens",
    "find_words",
    "fold_spaces",
    "is_unspaced",
    "list_ngrams",
    "normalize",
    "text_key",
    "unit_rows",
]
