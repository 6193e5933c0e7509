"""A linear part that labels texts itself, and learns from them."""

from dataclasses import replace

import numpy as np
import pytest

from grutext.config import LinearConfig, TextConfig
from grutext.inference.linear_part import LinearPart
from grutext.text import TextVectors, Vectorizer
from grutext.training.linear import self_training
from grutext.training.linear.fit import LinearTask, fit_linear
from grutext.training.linear.self_training import (
    LabelledTexts,
    SemiSupervision,
    choose_confident,
    fit_semi_supervised,
)

CONFIG = LinearConfig(word_max=1, char_max=0, min_count=1, regularization=0.5)
TEXTS = ["good fine", "good nice", "bad poor", "bad awful"]
TARGETS = np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]
POOL = ["good superb", "good superb fine", "bad lousy", "lousy bad poor", "superb good", "bad lousy", "table"]
WEIGHTS = np.array([1, 2, 1, 1], np.float32)
LABELLED = LabelledTexts(TEXTS, TARGETS, WEIGHTS)


def make_task(multilabel=False):
    vectorizer = Vectorizer.fit([*TEXTS, *POOL], TextConfig(min_count=1))
    return LinearTask(vectorizer, CONFIG, multilabel, 1, np.ones(2, np.float32))


def margins(fit, texts):
    return LinearPart(CONFIG, fit.arrays).margins(make_task().vectorizer.vectorize(texts))


@pytest.mark.parametrize("columns", [1, 2])
def test_the_surest_texts_of_each_label_are_chosen_by_its_share(monkeypatch, columns):
    monkeypatch.setattr(self_training, "_KEPT", 0.5)
    one = np.array([[5.0], [-1.0], [3.0], [-2.0], [4.0], [-0.5], [1.0], [2.0]], np.float32)
    two = one if columns == 1 else np.hstack([-one, one]) + np.float32(7)
    places, labels = choose_confident(two, np.array([0.25, 0.75]))
    assert list(zip(places.tolist(), labels.tolist(), strict=True)) == [(0, 1), (2, 1), (3, 0), (4, 1)]


def test_the_lead_over_the_second_label_decides_among_many():
    rows = np.array([[9.0, 8.9, 0.0], [2.0, 0.0, 0.0], [3.0, 2.5, 0.0], [0.0, 0.0, 1.0]], np.float32)
    places, labels = choose_confident(rows, np.array([0.5, 0.3, 0.2]))
    assert (places.tolist(), labels.tolist()) == ([1], [0])


def test_words_of_texts_that_it_labelled_itself_are_learned():
    task, semi = make_task(), SemiSupervision(pool=POOL)
    alone, together = (fit_semi_supervised(LABELLED, task, s) for s in (SemiSupervision(), semi))
    assert np.ptp(margins(alone, ["superb", "lousy"])) == 0
    superb, lousy = margins(together, ["superb", "lousy"])[:, 0]
    assert superb < -0.1 < 0.1 < lousy
    assert together.rows == len(TEXTS)


def test_texts_that_it_labelled_itself_weigh_as_much_as_the_others(monkeypatch):
    seen = []
    monkeypatch.setattr(
        self_training,
        "fit_linear",
        lambda *given, **named: seen.append((given, named)) or fit_linear(*given, **named),
    )
    fit_semi_supervised(LABELLED, make_task(), SemiSupervision(pool=POOL))
    (texts, targets, _), named = seen[1]
    chosen = len(texts) - len(TEXTS)
    assert set(texts[len(TEXTS) :]) <= set(POOL) - {"table"}
    assert targets[len(TEXTS) :].sum(axis=0).tolist() == [chosen / 2, chosen / 2]
    np.testing.assert_allclose(named["weights"], [*WEIGHTS, *[WEIGHTS.sum() / chosen] * chosen])


def test_without_a_pool_or_with_several_labels_it_is_the_plain_fit():
    rng = np.random.default_rng(1)
    rows = make_task().vectorizer.vocabulary.rows
    numbers = rng.integers(-127, 128, (rows, 3)).astype(np.int8)
    vectors = TextVectors(numbers, np.ones(rows, np.float16), np.zeros(3, np.float32))
    for multilabel, semi in ((False, SemiSupervision(vectors)), (True, SemiSupervision(vectors, POOL))):
        found = fit_semi_supervised(LABELLED, make_task(multilabel), semi).arrays
        expected = fit_linear(
            TEXTS, TARGETS, replace(make_task(multilabel), vectors=vectors), weights=WEIGHTS
        ).arrays
        assert found.keys() == expected.keys()
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array)


def test_a_pool_of_which_nothing_is_sure_changes_nothing_but_weights():
    fit = fit_semi_supervised(LABELLED, make_task(), SemiSupervision(pool=["table"]))
    assert margins(fit, ["good", "bad"]).argmax() == 1
