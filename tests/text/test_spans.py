"""The words of a text are whole pieces of its original characters, and every token and normalised character is in one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grutext.config import TextConfig
from grutext.text import TOKENIZERS, find_words, normalize

ODD = [
    *"½ßﬁ№ｶﾞ각¨\u0301\u0308\u09be\u1161\u11a8\u0345\u200d\ufe0f\ud800İΣς\u2019'",
    "👍🏽",
    "👩\u200d🚀",
    "🇩🇪",
    "1\ufe0f\u20e3",
]
texts = st.lists(
    st.one_of(st.sampled_from(ODD), st.sampled_from(" \n aB.3天气"), st.characters()), max_size=12
)


def words_of(text, tokenizer="word", case="fold"):
    found = find_words(text, normalize(text, case), TextConfig(tokenizer=tokenizer, case=case))
    return [text[start:end] for start, end in found.spans]


@pytest.mark.parametrize(
    ("text", "tokenizer", "words"),
    [
        ("The CAT, don't!!", "word", ["The", "CAT", ",", "don't", "!!"]),
        (" Straße \n №1", "word", ["Straße", "№1"]),
        ("½ ok", "word", ["½", "ok"]),  # three tokens
        ("cafe\u0301 isn\u2019t e\u0301", "word", ["cafe\u0301", "isn\u2019t", "e\u0301"]),
        ("ok 👩🏽\u200d🚀👍", "word", ["ok", "👩🏽\u200d🚀", "👍"]),
        ("3 天气很好 ok", "word", ["3", "天", "气", "很", "好", "ok"]),
        ("3 天气很好 ok", "pair", ["3", "天", "气", "很", "好", "ok"]),
        ("né ｶﾞ", "character", ["n", "é", "ｶﾞ"]),
        ("한국어", "word", ["한국어"]),
        (
            "\u1112\u1161\u11ab!",
            "character",
            ["\u1112\u1161\u11ab", "!"],
        ),  # three jamo, one normalised character
        (" \n", "word", []),
        ("", "word", []),
    ],
)
def test_words_are_original_characters(text, tokenizer, words):
    assert words_of(text, tokenizer) == words


@given(parts=texts, tokenizer=st.sampled_from(sorted(TOKENIZERS)), case=st.sampled_from(["fold", "keep"]))
def test_every_token_and_every_character_but_white_space_is_in_a_word(parts, tokenizer, case):
    text = "".join(parts)
    normalized = normalize(text, case)
    found = find_words(text, normalized, TextConfig(tokenizer=tokenizer, case=case))
    ends = [0, *(end for _, end in found.spans)]
    assert all(before <= start < end for before, (start, end) in zip(ends, found.spans, strict=False))
    assert ends[-1] <= len(text)
    assert len(found.of_tokens) == len(TOKENIZERS[tokenizer](normalized))
    inside = found.of_characters >= 0
    assert inside.tolist() == [not character.isspace() for character in normalized]
    for word, (start, end) in enumerate(found.spans):
        own = "".join(c for c, w in zip(normalized, found.of_characters, strict=True) if w == word)
        assert "".join(normalize(text[start:end], case).split()) == own


def test_a_pair_gives_half_to_each_of_its_characters():
    found = find_words("天气很 ok", "天气很 ok", TextConfig(tokenizer="pair"))
    assert found.of_tokens.tolist() == [[0, 1], [1, 2], [2, 2], [3, 3]]
    assert found.sum_tokens(np.array([1.0, 10.0, 100.0, 1000.0])).tolist() == [0.5, 5.5, 105.0, 1000.0]


def test_tokens_that_share_a_character_are_one_word():
    found = find_words("½a", "1⁄2a", TextConfig())
    assert found.spans == ((0, 2),)
    assert found.sum_tokens(np.arange(len(found.of_tokens), dtype=float)).tolist() == [
        sum(range(len(found.of_tokens)))
    ]
    assert found.of_characters.tolist() == [0, 0, 0, 0]
