"""Strings to tokens, ids and features; one implementation for training and runtime."""

from grutext.text.ngrams import NgramCounts, NgramFeatures, SparseRows, count_ngrams, find_keys
from grutext.text.normalize import normalize
from grutext.text.tokenizers import TOKENIZERS, is_unspaced
from grutext.text.vectorizer import TokenBatch, Vectorizer
from grutext.text.vocabulary import UNKNOWN, Vocabulary

__all__ = [
    "TOKENIZERS",
    "UNKNOWN",
    "NgramCounts",
    "NgramFeatures",
    "SparseRows",
    "TokenBatch",
    "Vectorizer",
    "Vocabulary",
    "count_ngrams",
    "find_keys",
    "is_unspaced",
    "normalize",
]
