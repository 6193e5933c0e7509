"""Targets that process a text or a cell of labels: for any text, the results have the properties that grutext guarantees."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np

from fuzzing.readers import check_error
from grutext.config import LinearConfig, TextConfig
from grutext.data.label_cells import LabelReader, parse_list
from grutext.data.labels import MISSING, clean_label, label_key, merge_spellings
from grutext.data.records import Record
from grutext.errors import DataError
from grutext.kernels import why_unavailable
from grutext.text import TOKENIZERS, TokenBatch, Vectorizer, Vocabulary, count_ngrams, list_ngrams, normalize

_VOCABULARY = Vocabulary(["the", "cat", "é", "天"])
_CONFIG = TextConfig(subword_buckets=97)
_COMPILED = why_unavailable("tokens") is None and why_unavailable("ngrams") is None


def read_text(data: bytes) -> str:
    """Decode bytes as UTF-8; invalid ones become lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def check_normalize(data: bytes) -> None:
    """Normalise a text, with and without its case; a second time must change nothing."""
    for case in ("fold", "keep"):
        once = normalize(read_text(data), case)
        assert normalize(once, case) == once
    assert normalize(once) == normalize(read_text(data))


def check_tokenizers(data: bytes) -> None:
    """Split a text with every tokenizer: only white space may be dropped, and no token may be empty."""
    text = normalize(read_text(data))
    kept = "".join(char for char in text if not char.isspace())
    for name, tokenize in TOKENIZERS.items():
        tokens = tokenize(text)
        assert all(tokens), name
        assert name == "pair" or "".join(tokens) == kept, name
    assert len(TOKENIZERS["pair"](text)) == len(TOKENIZERS["word"](text))


def check_vectorizer(data: bytes) -> None:
    """Vectorize the lines of a text: all numbers must be in range and consistent."""
    texts = read_text(data).split("\n")
    for tokenizer in TOKENIZERS:
        batch = Vectorizer(_config(tokenizer), _VOCABULARY).vectorize(texts)
        assert len(batch.lengths) == len(texts)
        assert batch.lengths.sum() == len(batch.ids)
        assert len(set(batch.types)) == len(batch.types) == len(batch.rows) == len(batch.bucket_counts)
        assert set(batch.ids.tolist()) == set(range(len(batch.types)))
        assert all(0 <= row < _VOCABULARY.rows for row in batch.rows.tolist())
        assert batch.bucket_counts.sum() == len(batch.buckets)
        assert all(0 <= bucket < _CONFIG.subword_buckets for bucket in batch.buckets.tolist())
        if _COMPILED:
            _check_same(batch, Vectorizer(_config(tokenizer), _VOCABULARY, compiled=True).vectorize(texts))


def check_ngrams(data: bytes) -> None:
    """Count the n-grams of the lines of a text: they must be the same for any batch size."""
    texts = read_text(data).split("\n")[:8]
    vectorizer, config = Vectorizer(_CONFIG, _VOCABULARY), LinearConfig()
    together = count_ngrams(vectorizer.vectorize(texts), config)
    assert np.all(np.diff(together.texts << 32 | together.keys.astype(np.int64)) > 0)
    assert np.all(together.counts > 0)
    if _COMPILED:
        batch = vectorizer.vectorize(texts)
        (bounds, keys), (starts, others) = list_ngrams(batch, config), list_ngrams(batch, config, True)
        assert np.array_equal(bounds, starts)
        for begin, end in pairwise(bounds):
            assert np.array_equal(np.sort(keys[begin:end]), np.sort(others[begin:end]))
    for number, text in enumerate(texts):
        alone = count_ngrams(vectorizer.vectorize([text]), config)
        here = together.texts == number
        assert np.array_equal(alone.keys, together.keys[here])
        assert np.array_equal(alone.counts, together.counts[here])


def check_label_cell(data: bytes) -> None:
    """Read a text as a cell of labels: what Python and JSON write is read back, and labels are clean and different."""
    text = read_text(data)
    parts = text.split("\n")
    for spelled in (
        json.dumps(parts),
        repr(parts),
        repr((*parts, parts[0])),
        f"frozenset({{{repr(parts)[1:-1]}}})",
    ):
        found = parse_list(spelled)
        assert found is not None, spelled
        assert found[: len(parts)] == parts, spelled
    for separator in (None, ";"):
        for columns in (["label"], ["label", "other"]):
            try:
                read = LabelReader(columns, separator, MISSING).read(
                    Record(1, dict.fromkeys(columns, text), "file")
                )
            except DataError as error:
                check_error(error)
                continue
            labels = read.labels or ()
            assert len(set(labels)) == len(labels)
            assert all(label and clean_label(label) == label for label in labels)
    key = label_key(text)
    assert label_key(key) == key == label_key(clean_label(text))
    assert all(
        label_key(old) == label_key(new) for old, new in merge_spellings(dict.fromkeys(parts, 1)).items()
    )


def _check_same(ours: TokenBatch, theirs: TokenBatch) -> None:
    assert list(ours.types) == list(theirs.types)
    assert np.array_equal(ours.ids, theirs.ids)
    assert np.array_equal(ours.lengths, theirs.lengths)
    assert np.array_equal(ours.rows, theirs.rows)
    assert np.array_equal(ours.buckets, theirs.buckets)
    assert np.array_equal(ours.bucket_counts, theirs.bucket_counts)


def _config(tokenizer: str) -> TextConfig:
    return TextConfig(tokenizer=tokenizer, subword_buckets=_CONFIG.subword_buckets)
