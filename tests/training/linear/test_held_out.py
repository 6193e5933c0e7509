"""The measurement of what text vectors bring."""

from dataclasses import replace

import numpy as np
import pytest

from grutext.config import LinearConfig, TextConfig
from grutext.text import TextVectors, Vectorizer
from grutext.training.linear import held_out
from grutext.training.linear.fit import LinearTask
from grutext.training.linear.held_out import measure_gain


def make_task(texts, config, table, multilabel=False):
    vectorizer = Vectorizer.fit(texts, TextConfig(min_count=1))
    words = table(vectorizer.vocabulary)
    scale = np.ones(len(words), np.float16)
    scale[0] = 0
    vectors = TextVectors(words, scale, np.zeros(words.shape[1], np.float32))
    return LinearTask(vectorizer, config, multilabel, 1, np.ones(2, np.float32), vectors)


CONFIG = LinearConfig(word_max=1, char_max=0, min_count=1, regularization=0.5)
TEXTS = [f"w{n}{'ab'[n % 2]} same" for n in range(40)]  # each word occurs once; its last letter is its label
TARGETS = np.eye(2, dtype=np.float32)[np.arange(40) % 2]


def knows_labels(vocabulary):
    return np.array(
        [[0, 0]] + [[word.endswith("a"), word.endswith("b")] for word in vocabulary.tokens], np.int8
    )


def knows_nothing(vocabulary):
    return np.ones((vocabulary.rows, 2), np.int8)


@pytest.mark.parametrize("multilabel", [False, True])
def test_vectors_that_know_words_which_training_lacks_label_held_out_texts(multilabel):
    task = make_task(TEXTS, CONFIG, knows_labels, multilabel)
    gain = measure_gain(TEXTS, TARGETS, task)
    assert gain.together == 1
    assert gain.without < 0.7
    assert gain.texts == 40


def test_vectors_that_are_all_the_same_bring_nothing():
    gain = measure_gain(TEXTS, TARGETS, make_task(TEXTS, CONFIG, knows_nothing))
    assert gain.together == gain.without


def test_more_than_two_labels_of_which_one_is_in_a_single_text():
    targets = np.eye(3, dtype=np.float32)[[2, *(np.arange(39) % 2)]]
    texts = ["unlike any other", *TEXTS[:39]]
    task = replace(make_task(texts, CONFIG, knows_labels), class_weights=np.ones(3, np.float32))
    gain = measure_gain(texts, targets, task)
    assert (gain.together, gain.texts) == (1, 39)


def test_nothing_is_measured_where_each_label_has_one_text():
    assert measure_gain(TEXTS[:2], TARGETS[:2], make_task(TEXTS, CONFIG, knows_labels)) is None


@pytest.mark.parametrize(("enough", "texts"), [(1, 8), (9, 16), (100, 40)])
def test_of_many_texts_only_some_folds_are_held_out(monkeypatch, enough, texts):
    monkeypatch.setattr(held_out, "_ENOUGH", enough)
    assert measure_gain(TEXTS, TARGETS, make_task(TEXTS, CONFIG, knows_labels)).texts == texts


def test_gives_up_when_the_time_is_too_short():
    assert measure_gain(TEXTS, TARGETS, make_task(TEXTS, CONFIG, knows_labels), seconds=0.0) is None
