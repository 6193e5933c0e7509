"""Word vectors and text vectors that are learned from texts."""

import math
from collections import Counter

import numpy as np
import pytest

from grutext.config import TextConfig
from grutext.text import Vectorizer
from grutext.training.linear import text_vectors as module
from grutext.training.linear.text_vectors import (
    TokenRows,
    learn_text_vectors,
    learn_words,
    make_text_vectors,
    weigh_word_vectors,
)

ANIMALS, TOOLS = ["cat", "dog", "cow"], ["saw", "axe", "nail"]


def made_texts(count=300, seed=3):
    """Sentences in which animals eat and sleep, and tools cut and break; each word occurs with all of its kind's verbs."""
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(count):
        nouns, verbs = (ANIMALS, ["eats", "sleeps"]) if rng.random() < 0.5 else (TOOLS, ["cuts", "breaks"])
        texts.append(f"the {rng.choice(nouns)} {rng.choice(verbs)} now")
    return texts


TEXTS = made_texts()
VECTORIZER = Vectorizer.fit(TEXTS, TextConfig())


def information(texts, window):
    """The table of mutual information by pairs of rows, with dictionaries."""
    pairs = Counter()
    for text in texts:
        batch = VECTORIZER.vectorize([text])
        rows = batch.rows[batch.ids].tolist()
        for i, left in enumerate(rows):
            for j, right in enumerate(rows):
                if 0 < abs(i - j) <= window and left and right and left != right:
                    pairs[left, right] += 1
    total = Counter()
    for (left, _), times in pairs.items():
        total[left] += times
    smoothed = {word: times**0.75 for word, times in total.items()}
    everything = sum(smoothed.values())
    found = {}
    for (left, right), times in pairs.items():
        value = math.log(times * everything / (total[left] * smoothed[right]))
        if value > 0:
            found[left, right] = value
    return found


@pytest.mark.parametrize("window", [1, 2, 10])
def test_counts_neighbours_within_texts_and_knows_which_are_more_frequent_than_by_chance(monkeypatch, window):
    monkeypatch.setattr(module, "_WINDOW", window)
    texts = ["", "the cat eats the dog", "unknown cow", "axe", *TEXTS[:20]]
    size = VECTORIZER.vocabulary.rows
    pairs = module._count_pairs(TokenRows.read(texts, VECTORIZER), size)
    table = module._mutual_information(pairs).toarray()
    expected = np.zeros_like(table)
    for place, value in information(texts, window).items():
        expected[place] = value
    assert np.count_nonzero(expected) > 10
    np.testing.assert_allclose(table, expected, rtol=1e-5)


def test_words_in_the_same_surroundings_have_like_vectors():
    tokens = TokenRows.read(TEXTS, VECTORIZER)
    words = learn_words(tokens, VECTORIZER.vocabulary.rows, 4, seed=1)
    row = VECTORIZER.vocabulary.row
    unit = words / np.maximum(np.linalg.norm(words, axis=1, keepdims=True), 1e-9)
    likeness = unit @ unit.T
    same = min(likeness[row(a), row(b)] for kind in (ANIMALS, TOOLS) for a in kind for b in kind)
    other = max(likeness[row(a), row(b)] for a in ANIMALS for b in TOOLS)
    assert same > 0.8
    assert other < 0.4
    assert not words[0].any()


def test_the_decomposition_approximates_the_table():
    tokens, size = TokenRows.read(TEXTS, VECTORIZER), VECTORIZER.vocabulary.rows
    table = module._mutual_information(module._count_pairs(tokens, size)).toarray()
    words = learn_words(tokens, size, 3, seed=1)
    left, singular, _ = np.linalg.svd(table)
    exact = (left * singular)[:, :3]
    np.testing.assert_allclose(words @ words.T, exact @ exact.T, atol=1e-3)


def test_rare_words_weigh_more_and_unknown_ones_nothing():
    words = np.ones((5, 3), np.float32)
    words[3] = [0.0, -4.0, 2.0]
    tokens = TokenRows(np.array([1, 1, 1, 2, 3, 0, 0], np.int32), np.array([4, 0, 3], np.int32))
    vectors = make_text_vectors(words, tokens, 1e-3)
    table = vectors.words * vectors.scale.astype(float)[:, None]
    share = np.array([2, 3, 1, 1, 0]) / 7
    weight = 1e-3 / (1e-3 + share)
    expected = words * weight[:, None]
    expected[0] = 0
    np.testing.assert_allclose(table / table[4, 0], expected / expected[4, 0], rtol=0.01, atol=1e-4)
    sums = np.array([3 * expected[1] + expected[2], expected[3]])
    mean = (sums / np.linalg.norm(sums, axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(vectors.center, mean, atol=0.01)


def test_the_same_texts_and_seed_give_the_same_bytes_whatever_the_threads():
    from threadpoolctl import threadpool_limits

    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            vectors = learn_text_vectors(TEXTS, VECTORIZER, 5, seed=1)
        found.append((vectors.words.tobytes(), vectors.scale.tobytes(), vectors.center.tobytes()))
    assert found[0] == found[1]


def test_no_vectors_without_neighbours():
    assert learn_text_vectors(["cat", "", "unknown words"], VECTORIZER, 5, seed=1) is None
    assert learn_text_vectors([], VECTORIZER, 5, seed=1) is None


def test_vectors_are_as_narrow_as_the_vocabulary_is_small():
    assert learn_text_vectors(TEXTS, VECTORIZER, 500, seed=1).words.shape == (13, 12)


def test_with_little_time_fewer_texts_are_read(monkeypatch):
    read = []
    counted = module._count_pairs
    monkeypatch.setattr(
        module, "_count_pairs", lambda tokens, size: read.append(tokens) or counted(tokens, size)
    )
    monkeypatch.setattr(module, "_RUN_CHARACTERS", 100)
    learn_text_vectors(TEXTS, VECTORIZER, 5, seed=1, seconds=200 / module._TOKENS_A_SECOND)
    learn_text_vectors(TEXTS, VECTORIZER, 5, seed=1)
    assert 200 <= len(read[0].rows) < 250
    assert len(read[1].lengths) == len(TEXTS)


def test_given_vectors_stand_beside_the_learned_ones_and_weigh_as_much():
    rows = VECTORIZER.vocabulary.rows
    given = np.zeros((rows, 3), np.float32)
    given[1:-1] = 1e3 * np.random.default_rng(1).normal(size=(rows - 2, 3))
    made = learn_text_vectors(TEXTS, VECTORIZER, 4, seed=1, given=given)
    words = made.words * made.scale[:, None].astype(np.float64)
    learned = learn_words(TokenRows.read(TEXTS, VECTORIZER), rows, 4, seed=1)
    assert words.shape == (rows, 7)
    for part, table in ((words[:, :4], learned), (words[:, 4:], given)):
        unit, expected = (
            x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (part, table)
        )
        np.testing.assert_allclose(unit, expected, atol=0.1)
    # Before words are weighted, the two tables have the same mean square of the lengths of their rows.
    shares = [np.sum(np.square(x)) / np.count_nonzero(x.any(axis=1)) for x in (learned, given)]
    ratio = np.linalg.norm(words[1:-1, 4:], axis=1) / np.linalg.norm(words[1:-1, :4], axis=1)
    lengths = np.linalg.norm(given[1:-1], axis=1) / np.linalg.norm(learned[1:-1], axis=1)
    np.testing.assert_allclose(ratio, lengths * np.sqrt(shares[0] / shares[1]), rtol=0.05)


def test_given_vectors_are_weighted_less_by_rarity():
    given = np.ones((VECTORIZER.vocabulary.rows, 2), np.float32)
    made = weigh_word_vectors(given, TEXTS, VECTORIZER, seed=1)
    tokens = [token for text in TEXTS for token in text.split()]
    the, cat = (0.01 / (0.01 + tokens.count(word) / len(tokens)) for word in ("the", "cat"))
    scale = made.scale.astype(np.float64)
    row = VECTORIZER.vocabulary.row
    assert scale[row("the")] / scale[row("cat")] == pytest.approx(the / cat, rel=2e-3)
    assert scale[0] == 0
    blank = weigh_word_vectors(0 * given, TEXTS, VECTORIZER, seed=1)
    assert not blank.transform(VECTORIZER.vectorize(TEXTS[:3])).any()
