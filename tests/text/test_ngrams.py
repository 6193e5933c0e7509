"""The counted n-grams and their weights against loops over Python integers."""

import binascii
import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grutext.config import LinearConfig, TextConfig
from grutext.text import NgramCounts, NgramFeatures, SparseRows, Vectorizer, Vocabulary, count_ngrams
from grutext.text.ngrams import CHARACTER_FAMILY

BASE, MIX, MODULUS = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 1 << 64
VECTORIZER = Vectorizer(TextConfig(), Vocabulary([]))
CORPUS = [
    "the cat sat on the mat, the cat",
    "",
    "a",
    "the cat",
    "   ",
    "天气",
    "aaaaaa",
    "Sat  on\tthe",
    "",
]
SHAPES = (
    st.builds(
        dict,
        word_max=st.integers(0, 3),
        char_min=st.integers(1, 3),
        char_max=st.sampled_from([0, 3, 4, 5]),
    )
    .filter(lambda shape: shape["word_max"] or shape["char_max"])
    .map(lambda shape: LinearConfig(**shape))
)


def reference_grams(text: str, config: LinearConfig) -> Counter:
    """Return the n-grams of one text as (family, symbols), symbol by symbol."""
    batch = VECTORIZER.vectorize([text])
    tokens = [batch.types[i] for i in batch.ids]
    spaced = list(" " + " ".join(batch.normalized[0].split()) + " ") if tokens else []
    grams: Counter = Counter()
    for family, symbols, shortest, longest in (
        ("word", tokens, 1, config.word_max),
        ("character", spaced, config.char_min, config.char_max),
    ):
        for end in range(1, len(symbols) + 1):
            for first in range(max(0, end - longest), end):
                if end - first >= shortest:
                    grams[family, tuple(symbols[first:end])] += 1
    return grams


def reference_key(family: str, symbols: tuple[str, ...]) -> int:
    """Return the key of an n-gram from its polynomial, in unbounded integers."""
    state = 0
    for place, symbol in enumerate(symbols, start=1):
        raw = symbol.encode("utf-8", "surrogatepass")
        number = ord(symbol) if family == "character" else binascii.crc32(raw)
        state += (number + place) * BASE ** (len(symbols) - place)
    state %= MODULUS
    key = ((state ^ (state >> 31)) * MIX % MODULUS) >> 32
    return key | (1 << 31) if family == "character" else key & ~(1 << 31)


def reference_counts(texts: list[str], config: LinearConfig) -> dict[tuple[int, int], int]:
    """Return (key, text) to count."""
    counts: dict[tuple[int, int], int] = defaultdict(int)
    for number, text in enumerate(texts):
        for gram, count in reference_grams(text, config).items():
            counts[reference_key(*gram), number] += count
    return dict(counts)


def count(texts: list[str], config: LinearConfig) -> NgramCounts:
    return count_ngrams(VECTORIZER.vectorize(texts), config)


def check_counts(texts: list[str], config: LinearConfig) -> None:
    """Assert that the counts are the reference's, each pair once, sorted by text and then by key."""
    found = count(texts, config)
    pairs = list(zip(found.texts.tolist(), found.keys.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    counted = {(key, text): times for (text, key), times in zip(pairs, found.counts.tolist(), strict=True)}
    assert counted == reference_counts(texts, config)
    assert len(found.starts) == len(texts) + 1
    assert (found.starts[0], found.starts[-1]) == (0, len(pairs))
    assert (found.keys.dtype, found.starts.dtype, found.counts.dtype) == (np.uint32, np.int64, np.int32)


@given(texts=..., config=SHAPES)
def test_counts_equal_those_of_the_reference(texts: list[str], config: LinearConfig):
    check_counts(texts, config)


@pytest.mark.parametrize(
    ("word_max", "char_min", "char_max"),
    [(1, 2, 0), (2, 2, 0), (4, 2, 0), (0, 1, 1), (0, 2, 5), (0, 4, 4), (0, 60, 64), (1, 1, 1), (2, 2, 5)],
)
def test_counts_equal_the_reference_for_words_characters_and_both(word_max, char_min, char_max):
    check_counts(CORPUS, LinearConfig(word_max=word_max, char_min=char_min, char_max=char_max))


@pytest.mark.parametrize("texts", [[], [""], ["", " \n", "\u3000"]])
def test_no_text_and_empty_texts_have_no_ngrams(texts):
    found = count(texts, LinearConfig())
    assert (len(found.keys), len(found.counts), found.starts.tolist()) == (0, 0, [0] * (len(texts) + 1))


def test_no_ngram_spans_two_texts():
    config = LinearConfig(word_max=2, char_max=0)
    found = count(["new", "york"], config)
    assert found.counts.tolist() == [1, 1]
    bigram = reference_key("word", ("new", "york"))
    assert bigram not in found.keys
    assert bigram in count(["new york"], config).keys


def test_white_space_is_collapsed_and_added_at_both_ends():
    config = LinearConfig(word_max=0, char_min=3, char_max=3)
    keys = {reference_key("character", tuple(gram)) for gram in (" a ", "a b", " b ")}
    assert set(count(["\n a \t\u3000 b"], config).keys.tolist()) == keys


def test_the_top_bit_of_a_key_is_its_family():
    words = count(CORPUS, LinearConfig(char_max=0)).keys
    characters = count(CORPUS, LinearConfig(word_max=0)).keys
    assert words.max() < CHARACTER_FAMILY <= characters.min()


def test_different_ngrams_have_different_keys():
    config = LinearConfig(word_max=3, char_min=1, char_max=5)
    texts = [*CORPUS, "b a", "a b", "ab", "ba", "a a", "a a a", "\0", "\0\0", "\0 \0"]
    grams = {gram for text in texts for gram in reference_grams(text, config)}
    assert len(np.unique(count(texts, config).keys)) == len(grams)


@given(texts=...)
def test_counts_the_same_for_any_batch_size(texts: list[str]):
    found = count(texts, LinearConfig())
    for number, text in enumerate(texts):
        alone, mine = count([text], LinearConfig()), found.texts == number
        assert found.keys[mine].tolist() == alone.keys.tolist()
        assert found.counts[mine].tolist() == alone.counts.tolist()


def test_counts_all_of_a_long_text():
    text = "ab " * 33_333 + "x"
    found = count([text], LinearConfig(word_max=2, char_min=2, char_max=3))
    counted = dict(zip(found.keys.tolist(), found.counts.tolist(), strict=True))
    assert counted == {
        reference_key("word", ("ab",)): 33_333,
        reference_key("word", ("x",)): 1,
        reference_key("word", ("ab", "ab")): 33_332,
        reference_key("word", ("ab", "x")): 1,
        reference_key("character", tuple(" a")): 33_333,
        reference_key("character", tuple("ab")): 33_333,
        reference_key("character", tuple("b ")): 33_333,
        reference_key("character", tuple(" x")): 1,
        reference_key("character", tuple("x ")): 1,
        reference_key("character", tuple(" ab")): 33_333,
        reference_key("character", tuple("ab ")): 33_333,
        reference_key("character", tuple("b a")): 33_332,
        reference_key("character", tuple("b x")): 1,
        reference_key("character", tuple(" x ")): 1,
    }


def reference_rows(texts: list[str], known: dict[int, float], config: LinearConfig) -> list[dict[int, float]]:
    """Return each text's values by key: (1 + log count) * scale, to length 1 in each family."""
    rows: list[dict[int, float]] = [{} for _ in texts]
    for (key, number), times in reference_counts(texts, config).items():
        if key in known:
            rows[number][key] = (1.0 + math.log(times)) * known[key]
    for row in rows:
        for family in (0, 1):
            members = [key for key in row if key >> 31 == family]
            length = math.sqrt(sum(row[key] ** 2 for key in members))
            for key in members:
                row[key] /= length
    return rows


def check_rows(rows: SparseRows, keys: np.ndarray, expected: list[dict[int, float]]) -> None:
    """Assert that sparse rows hold the expected values, columns ascending within each text."""
    assert len(rows.starts) == len(expected) + 1
    assert (rows.starts[0], rows.starts[-1]) == (0, len(rows.columns))
    for number, row in enumerate(expected):
        entries = slice(rows.starts[number], rows.starts[number + 1])
        columns = rows.columns[entries]
        assert np.all(np.diff(columns) > 0)
        assert [int(keys[column]) for column in columns] == sorted(row)
        np.testing.assert_allclose(rows.values[entries], [row[key] for key in sorted(row)], rtol=1e-6)
    assert (rows.starts.dtype, rows.columns.dtype, rows.values.dtype) == (np.int64, np.int32, np.float32)


@given(texts=..., config=SHAPES, share=st.floats(0, 1), seed=st.integers(0, 99))
def test_features_equal_those_of_the_reference(texts: list[str], config, share, seed):
    draw = np.random.default_rng(seed)
    texts = [*CORPUS[:3], *texts, *CORPUS[3:]]
    keys = np.unique(count(texts, config).keys)
    keys = np.union1d(keys[draw.random(len(keys)) < share], draw.integers(0, 1 << 32, 5)).astype(np.uint32)
    scale = draw.uniform(0.1, 3.0, len(keys))
    expected = reference_rows(texts, dict(zip(keys.tolist(), scale.tolist(), strict=True)), config)
    rows = NgramFeatures(keys, scale).transform(count(texts, config))
    check_rows(rows, keys, expected)


def test_each_family_of_a_text_has_unit_norm():
    config = LinearConfig()
    found = count(CORPUS, config)
    keys = np.unique(found.keys)
    rows = NgramFeatures(keys, np.linspace(0.5, 2.0, len(keys))).transform(found)
    owners = np.repeat(np.arange(len(CORPUS)), np.diff(rows.starts))
    for family in (keys[rows.columns] < CHARACTER_FAMILY, keys[rows.columns] >= CHARACTER_FAMILY):
        squares = np.bincount(owners[family], rows.values[family] ** 2, len(CORPUS))
        np.testing.assert_allclose(squares, [bool(text.strip()) for text in CORPUS], atol=1e-6)


def test_ignores_unknown_ngrams_so_that_rows_may_be_empty():
    found = count(CORPUS, LinearConfig())
    nothing = NgramFeatures(np.zeros(0, np.uint32), np.zeros(0, np.float32))
    rows = nothing.transform(found)
    assert rows.starts.tolist() == [0] * (len(CORPUS) + 1)
    key = reference_key("word", ("mat",))
    rows = NgramFeatures(np.array([key], np.uint32), np.ones(1)).transform(found)
    assert (rows.columns.tolist(), rows.values.tolist()) == ([0], [1.0])
    assert rows.starts.tolist() == [0] + [1] * len(CORPUS)


def test_texts_without_any_ngram_at_the_end_have_empty_rows():
    found = count(["a", "", ""], LinearConfig())
    keys = np.unique(found.keys)
    rows = NgramFeatures(keys, np.ones(len(keys))).transform(found)
    assert rows.starts.tolist() == [0, len(keys), len(keys), len(keys)]


def test_a_feature_of_weight_zero_is_zero_and_not_nan():
    found = count(["a b"], LinearConfig())
    keys = np.unique(found.keys)
    rows = NgramFeatures(keys, np.zeros(len(keys))).transform(found)
    assert rows.values.tolist() == [0.0] * len(keys)


def test_clips_counts_at_a_million():
    keys = np.array([5, 7], np.uint32)
    counts = NgramCounts(np.array([0, 2]), keys, np.array([1 << 30, 1], np.int32))
    rows = NgramFeatures(keys, np.ones(2)).transform(counts)
    most = 1.0 + math.log((1 << 20) - 1)
    assert rows.columns.tolist() == [0, 1]
    np.testing.assert_allclose(rows.values, np.array([most, 1.0]) / math.hypot(most, 1.0), rtol=1e-6)


def test_counts_an_ngram_separately_in_adjacent_texts():
    """The last n-gram of one text is the first one of the next, and texts without any lie between them."""
    found = count(["b b", "", "b", "b"], LinearConfig(word_max=1, char_max=0))
    assert found.starts.tolist() == [0, 1, 1, 2, 3]
    assert (len(set(found.keys.tolist())), found.counts.tolist()) == (1, [2, 1, 1])


@given(texts=..., config=SHAPES)
def test_features_of_repeated_texts_in_all_scripts_equal_the_reference(texts: list[str], config):
    texts = [text * (1 + number % 3) for number, text in enumerate(texts)] + ["", *CORPUS]
    known = {
        key: 0.5 + key % 1000 / 500 for (key, _), _ in reference_counts(texts, config).items() if key % 3
    }
    keys = np.array(sorted(known), np.uint32)
    rows = NgramFeatures(keys, np.array([known[key] for key in keys.tolist()])).transform(
        count(texts, config)
    )
    check_rows(rows, keys, reference_rows(texts, known, config))
