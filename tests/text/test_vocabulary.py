"""Which tokens get a row of their own, and which."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grutext.text import UNKNOWN, Vocabulary
from grutext.text.vocabulary import build_vocabulary


def test_the_most_frequent_come_first_and_ties_go_by_code_point():
    texts = [["b", "az", "é", "b"], [], ["Z", "az", "c", "c", "c", "ya", "ya"], ["é", "\ud800", "\ud800"]]
    assert build_vocabulary(texts, 1, 99).tokens == ("c", "az", "b", "ya", "é", "\ud800", "Z")


def test_the_order_of_the_texts_does_not_matter():
    texts = [["x", "y"], ["z", "y", "x"], ["w"]]
    assert build_vocabulary(texts[::-1], 1, 99).tokens == build_vocabulary(texts, 1, 99).tokens


def test_rare_tokens_have_no_row():
    texts = [["a", "b", "c"], ["a", "b"], ["a"]]
    assert [build_vocabulary(texts, least, 99).tokens for least in (1, 2, 3, 4)] == [
        ("a", "b", "c"),
        ("a", "b"),
        ("a",),
        (),
    ]


def test_the_vocabulary_has_at_most_the_maximal_size():
    texts = [["a", "b", "c", "b"]]
    assert build_vocabulary(texts, 1, 2).tokens == ("b", "a")


def test_unknown_tokens_share_row_zero():
    vocabulary = Vocabulary(["the", "cat"])
    assert UNKNOWN == 0
    assert [vocabulary.row(token) for token in ("the", "cat", "dog", "", "The", "\ud800")] == [
        1,
        2,
        0,
        0,
        0,
        0,
    ]
    assert vocabulary.rows == 3


def test_an_empty_vocabulary_has_the_unknown_row():
    vocabulary = build_vocabulary([[], []], 1, 99)
    assert (vocabulary.tokens, vocabulary.rows, vocabulary.row("a")) == ((), 1, UNKNOWN)


@given(
    texts=st.lists(st.lists(st.sampled_from("abcdefgé天"))),
    least=st.integers(1, 4),
    most=st.integers(1, 6),
)
def test_no_token_without_a_row_is_more_frequent_than_one_with(texts, least, most):
    counts = Counter(token for tokens in texts for token in tokens)
    vocabulary = build_vocabulary(texts, least, most)
    kept = [counts[token] for token in vocabulary.tokens]
    left_out = [count for token, count in counts.items() if not vocabulary.row(token)]
    assert kept == sorted(kept, reverse=True)
    assert all(count >= least for count in kept)
    assert len(kept) == min(most, sum(count >= least for count in counts.values()))
    assert not kept or max(left_out, default=0) <= max(kept[-1], least - 1)
    assert [vocabulary.row(token) for token in vocabulary.tokens] == list(range(1, vocabulary.rows))


@pytest.mark.parametrize(
    "known",
    [
        [],
        ["a"],
        ["a", "a", "b", "c"],
        ["a", "ab", "abc", "天", "天气", "\ud800", "👍"],
        [f"w{n}" for n in range(3000)],
    ],
    ids=["empty", "one", "twice", "alike", "many"],
)
def test_the_compiled_lookup_finds_the_same_rows(known):
    pytest.importorskip("grutext.kernels.tokens", exc_type=ImportError)
    vocabulary = Vocabulary(known)
    tokens = [*known[::-1], "", "b", "ab", "abd", "气", "w", "w30000", "\udfff", "👎", *known[:3]]
    expected = vocabulary.rows_of(tokens)
    found = vocabulary.rows_of(tokens, compiled=True)
    assert found.tolist() == expected.tolist() == [vocabulary.row(token) for token in tokens]
    assert found.dtype == expected.dtype
    assert vocabulary.rows_of([], compiled=True).shape == (0,)
