"""Texts to numbers: every token has its type, every type its rows, and texts do not mix."""

import binascii
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grutext.config import TextConfig
from grutext.text import TOKENIZERS, TokenBatch, Vectorizer, Vocabulary, normalize
from grutext.text.subwords import hash_subwords

CONFIG = TextConfig(subword_min=2, subword_max=4, subword_buckets=97)
VOCABULARY = Vocabulary(["the", "a", "é", "天", "\ud800", "1"])


def reference_buckets(token: str, config: TextConfig) -> list[int]:
    """Return the hashed character n-grams of `<token>`, window by window."""
    characters = ["<", *token, ">"]
    buckets = []
    length = config.subword_min
    while length <= config.subword_max:
        for first, _ in enumerate(characters):
            window = characters[first : first + length]
            if len(window) < length:
                break
            raw = b"".join(character.encode("utf-8", "surrogatepass") for character in window)
            buckets.append(binascii.crc32(raw) % config.subword_buckets)
        length += 1
    return buckets


def buckets_of(token: str, config: TextConfig, compiled: bool) -> list[int]:
    """Return the buckets of a token that is hashed alone."""
    buckets, counts = hash_subwords([token], config, compiled)
    assert counts.tolist() == [len(buckets)]
    return buckets.tolist()


def tokens_of(batch: TokenBatch) -> list[list[str]]:
    """Return the tokens of each text back."""
    ends = np.cumsum(batch.lengths)
    return [
        [batch.types[i] for i in batch.ids[end - length : end]]
        for end, length in zip(ends, batch.lengths, strict=True)
    ]


@pytest.fixture(params=[False, True], ids=["numpy", "compiled"])
def compiled(request) -> bool:
    """Whether machine code hashes."""
    if request.param:
        pytest.importorskip("grutext.kernels.ngrams", exc_type=ImportError)
    return request.param


@given(token=..., shortest=st.integers(1, 5), more=st.integers(0, 4), buckets=st.sampled_from([1, 7, 50_000]))
def test_subword_buckets_equal_those_of_the_reference(
    token: str, shortest: int, more: int, buckets: int, compiled
):
    config = TextConfig(subword_min=shortest, subword_max=shortest + more, subword_buckets=buckets)
    assert buckets_of(token, config, compiled) == reference_buckets(token, config)


def test_subword_buckets_of_known_words(compiled):
    config = TextConfig(subword_min=3, subword_max=5, subword_buckets=50_000)
    grams = ["<ca", "cat", "at>", "<cat", "cat>", "<cat>"]
    assert buckets_of("cat", config, compiled) == [binascii.crc32(gram.encode()) % 50_000 for gram in grams]
    assert len(buckets_of("天", config, compiled)) == 1
    assert buckets_of("cat", replace(config, subword_max=0), compiled) == []


@given(
    tokens=st.lists(st.text(min_size=1), max_size=20),
    shortest=st.integers(1, 9),
    more=st.none() | st.integers(0, 4),
)
def test_buckets_are_the_same_for_tokens_hashed_alone_or_together(
    tokens: list[str], shortest: int, more: int | None, compiled
):
    longest = 0 if more is None else shortest + more
    config = replace(CONFIG, subword_min=shortest, subword_max=longest)
    buckets, counts = hash_subwords(tokens, config, compiled)
    expected = [reference_buckets(token, config) for token in tokens]
    assert counts.tolist() == [len(some) for some in expected]
    assert buckets.tolist() == [bucket for some in expected for bucket in some]
    assert (buckets.dtype, counts.dtype) == (np.int32, np.int32)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(texts=...)
def test_a_batch_contains_what_its_texts_contain(tokenizer, texts: list[str]):
    config = replace(CONFIG, tokenizer=tokenizer)
    batch = Vectorizer(config, VOCABULARY).vectorize(texts)
    tokenized = [TOKENIZERS[tokenizer](normalize(text)) for text in texts]
    assert batch.normalized == [normalize(text) for text in texts]
    assert tokens_of(batch) == tokenized
    assert batch.lengths.tolist() == [len(tokens) for tokens in tokenized]
    assert batch.types == list(dict.fromkeys(token for tokens in tokenized for token in tokens))
    assert batch.rows.tolist() == [VOCABULARY.row(token) for token in batch.types]
    assert np.all((batch.rows >= 0) & (batch.rows < VOCABULARY.rows))
    assert np.all((batch.buckets >= 0) & (batch.buckets < config.subword_buckets))
    grams = [reference_buckets(token, config) for token in batch.types]
    assert batch.bucket_counts.tolist() == [len(some) for some in grams]
    assert batch.buckets.tolist() == [bucket for some in grams for bucket in some]
    arrays = (batch.ids, batch.lengths, batch.rows, batch.buckets, batch.bucket_counts)
    assert {array.dtype for array in arrays} == {np.dtype(np.int32)}
    assert {array.ndim for array in arrays} == {1}


@pytest.mark.parametrize("case", ["fold", "keep", "auto"])
@given(texts=...)
def test_kernels_read_case_like_numpy(case, texts: list[str]):
    config = replace(CONFIG, case=case)
    ours = Vectorizer(config, VOCABULARY, compiled=True).vectorize(texts)
    theirs = Vectorizer(config, VOCABULARY).vectorize(texts)
    assert ours.normalized == theirs.normalized == [normalize(text, case) for text in texts]
    assert tokens_of(ours) == tokens_of(theirs)
    for name in ("ids", "lengths", "rows", "buckets", "bucket_counts"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_case_is_kept_in_vocabulary_and_tokens_or_not():
    texts = ["The cat", "the CAT"]
    kept = Vectorizer.fit(texts, TextConfig(min_count=1, case="keep"))
    assert set(kept.vocabulary.tokens) == {"The", "the", "cat", "CAT"}
    assert kept.vectorize(["THE cat"]).rows.tolist() == [0, kept.vocabulary.row("cat")]
    folded = Vectorizer.fit(texts, TextConfig(min_count=1, case="fold"))
    assert set(folded.vocabulary.tokens) == {"the", "cat"}


@given(texts=...)
def test_vectorizes_the_same_for_any_batch_size(texts: list[str]):
    vectorizer = Vectorizer(CONFIG, VOCABULARY)
    batch = vectorizer.vectorize(texts)
    one_by_one = [vectorizer.vectorize([text]) for text in texts]
    assert tokens_of(batch) == [tokens_of(alone)[0] for alone in one_by_one]
    row_of = dict(zip(batch.types, batch.rows.tolist(), strict=True))
    for alone in one_by_one:
        assert [row_of[token] for token in alone.types] == alone.rows.tolist()


@pytest.mark.long
@pytest.mark.parametrize("tokenizer", ["word", "character"])
def test_vectorizes_all_of_a_long_text(tokenizer, long_texts):
    config = TextConfig(tokenizer=tokenizer)
    batch = Vectorizer(config, VOCABULARY).vectorize(long_texts[::3])
    for normalized, tokens in zip(batch.normalized, tokens_of(batch), strict=True):
        assert "".join(tokens) == "".join(normalized.split())


def test_the_vocabulary_comes_from_the_training_texts_alone():
    vectorizer = Vectorizer.fit(["The cat, the dog", "A cat"], TextConfig(min_count=2, max_vocabulary=1))
    assert vectorizer.vocabulary.tokens == ("cat",)
    vectorizer = Vectorizer.fit(["The cat, the dog", "A cat"], TextConfig(min_count=2))
    vectorizer.vectorize(["bird bird bird"])
    assert vectorizer.vocabulary.tokens == ("cat", "the")


def test_texts_may_come_from_a_generator():
    vectorizer = Vectorizer.fit(
        (text for text in ["天气 天"]), TextConfig(tokenizer="character", min_count=1)
    )
    assert vectorizer.vocabulary.tokens == ("天", "气")


def test_hashes_the_same_subwords_for_any_block_size(monkeypatch):
    tokens = ["cat", "天气", "a", "extraordinarily", "é\ud800", "x" * 40, "ok"]
    together = hash_subwords(tokens, TextConfig())
    monkeypatch.setattr("grutext.text.subwords._BLOCK", 2)
    for whole, cut in zip(together, hash_subwords(tokens, TextConfig()), strict=True):
        np.testing.assert_array_equal(whole, cut)
