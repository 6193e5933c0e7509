"""Tokens and n-grams in machine code against the regular expressions and NumPy."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grutext.config import LinearConfig, TextConfig
from grutext.text import TOKENIZERS, Vectorizer, Vocabulary, list_ngrams, normalize
from grutext.text.tokenizing import kinds_of_characters, tokenize_compiled, tokenize_texts

kinds = pytest.importorskip("grutext.kernels.tokens", exc_type=ImportError)

# Few kinds, so that drawn texts have "3.50", "isn't" and runs; a single odd character would end the loop's part in a text.
PLAIN = "ab'é_19.,:!?- \n天気ไ\ud800"
ODD = "ี๒\u0301👍\u200d\u20e3"
TEXTS = st.lists(
    st.one_of(
        st.text(st.sampled_from(PLAIN), max_size=24),
        st.text(st.sampled_from(PLAIN + ODD), max_size=24),
        st.from_type(str),
    ),
    max_size=6,
)


def check_tokens(texts: list[str], tokenizer: str) -> None:
    """Assert that compiled kernels cut and number texts as Python does."""
    expected, found = tokenize_texts(texts, tokenizer), tokenize_compiled(texts, tokenizer)
    assert list(found[0]) == expected[0]
    for ours, theirs in zip(found[1:], expected[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(texts=TEXTS)
def test_compiled_tokens_equal_those_of_the_tokenizer(tokenizer, texts: list[str]):
    check_tokens(texts, tokenizer)
    check_tokens([normalize(text) for text in texts], tokenizer)


@pytest.mark.long
@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_splits_every_character_from_its_neighbours_like_the_tokenizer(tokenizer):
    characters = map(chr, [*range(0x10000), *range(0x1F000, 0x20010), *range(0xE0000, 0xE0080)])
    check_tokens(
        [f"a{character}b{character * 2}1{character}2 {character}天" for character in characters], tokenizer
    )


@pytest.mark.long
def test_distinguishes_many_types():
    texts = [" ".join(map(str, range(first, first + 40_000))) for first in (20_000, 0, 10_000)]
    check_tokens(texts, "word")
    assert len(tokenize_compiled(texts, "word")[0]) == 60_000


def hash_words(words: np.ndarray) -> np.ndarray:
    """The hash of each row of letters, as the loop has it."""
    keys = np.full(len(words), 0x811C9DC5, np.uint32)
    for letters in words.T:
        keys = (keys ^ letters) * np.uint32(0x01000193)
    return keys ^ (keys >> np.uint32(15))


@pytest.mark.long
def test_falls_back_to_python_for_words_crafted_to_collide(rng):
    words = rng.integers(ord("a"), ord("z") + 1, (4_000_000, 8), np.uint32)
    words = words[hash_words(words) % 4096 == 7]
    assert len(words) > 900
    found = [row.tobytes().decode("utf-32-le") for row in words]
    check_tokens([" ".join(found), found[3]], "word")
    letters, bounds = words.ravel(), 8 * np.arange(len(words) + 1)
    assert len(kinds.number_tokens(letters, bounds)[0]) < 500
    assert len(kinds.number_tokens(letters[:800], bounds[:101])[0]) == 100


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize("text", ["天气👍", "天 气ี天", "天气\u0301 气", "a'b 3.5\u20e3"])
def test_texts_with_odd_characters_go_through_the_tokenizer(tokenizer, text):
    check_tokens([text], tokenizer)
    check_tokens(["天气", text, "天气"], tokenizer)


def test_accepts_no_texts_and_texts_without_tokens():
    for texts in ([], [""], ["", " \n", "", "a", ""]):
        for tokenizer in TOKENIZERS:
            check_tokens(texts, tokenizer)


def test_plain_texts_of_many_scripts_do_not_need_the_tokenizer(monkeypatch):
    monkeypatch.setitem(TOKENIZERS, "word", None)
    texts = ["don't pay 3.50!!", "где моя посылка?", "天气 很好。", "straße", "안녕하세요", "١٢ مرحبا"]
    types, _, lengths = tokenize_compiled(texts, "word")
    assert types[:4] == ["don't", "pay", "3.50", "!!"]
    assert lengths.tolist() == [4, 4, 5, 1, 1, 2]
    with pytest.raises(TypeError):
        tokenize_compiled(["cafe\u0301"], "word")


def test_characters_have_the_kinds_that_the_kernel_expects():
    table = kinds_of_characters("word")
    for characters, kind in (
        (" \t\x1c\u3000", kinds.SPACE),
        ("aZé_жش²", kinds.LETTER),
        ("09١", kinds.DIGIT),
        ("天アก", kinds.UNSPACED),
        (".!?-", kinds.REPEATED),
        ("',:\0\ud800。", kinds.OTHER),
        ("\u0301ี๒\u200d\ufe0f☀", kinds.ODD),
    ):
        assert {table[ord(character)] for character in characters} == {kind}, characters
    assert not re.search(r"\w", "".join(chr(code) for code in np.flatnonzero(table == kinds.OTHER)))
    assert set(kinds_of_characters("character")) == {kinds.SPACE, kinds.OTHER, kinds.ODD}


@pytest.mark.parametrize("word_max", [0, 1, 2, 3])
@pytest.mark.parametrize(("char_min", "char_max"), [(1, 0), (1, 3), (2, 5), (3, 3)])
@given(texts=TEXTS)
def test_compiled_ngrams_equal_those_of_numpy(word_max, char_min, char_max, texts: list[str]):
    batch = Vectorizer(TextConfig(), Vocabulary([])).vectorize(texts)
    enabled = word_max > 0 or char_max > 0
    config = LinearConfig(enabled=enabled, word_max=word_max, char_min=char_min, char_max=char_max)
    (ours, our_keys), (theirs, their_keys) = (
        list_ngrams(batch, config, compiled) for compiled in (True, False)
    )
    np.testing.assert_array_equal(ours, theirs)
    assert our_keys.dtype == their_keys.dtype
    for begin, end in itertools.pairwise(ours):
        np.testing.assert_array_equal(np.sort(our_keys[begin:end]), np.sort(their_keys[begin:end]))
