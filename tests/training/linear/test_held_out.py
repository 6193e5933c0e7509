"""The measurement of what text vectors bring."""

import numpy as np
import pytest

from grutext.config import LinearConfig, TextConfig
from grutext.text import TextVectors, Vectorizer
from grutext.training.linear import held_out
from grutext.training.linear.fit import LinearTask
from grutext.training.linear.held_out import score_candidates
from grutext.training.linear.self_training import LabelledTexts, SemiSupervision

CONFIG = LinearConfig(word_max=1, char_max=0, min_count=1, regularization=0.5)
TEXTS = [f"w{n}{'ab'[n % 2]} same" for n in range(40)]  # each word occurs once; its last letter is its label
TARGETS = np.eye(2, dtype=np.float32)[np.arange(40) % 2]


def knows_labels(vocabulary):
    return np.array(
        [[0, 0]] + [[word.endswith("a"), word.endswith("b")] for word in vocabulary.tokens], np.int8
    )


def knows_nothing(vocabulary):
    return np.ones((vocabulary.rows, 2), np.int8)


def score(texts=TEXTS, targets=TARGETS, table=knows_labels, multilabel=False, **limits):
    """Return the scores of n-grams alone, and of vectors made by `table` beside them."""
    vectorizer = Vectorizer.fit(texts, TextConfig(min_count=1))
    words = table(vectorizer.vocabulary)
    scale = np.ones(len(words), np.float16)
    scale[0] = 0
    vectors = TextVectors(words, scale, np.zeros(words.shape[1], np.float32))
    task = LinearTask(vectorizer, CONFIG, multilabel, 1, np.ones(targets.shape[1], np.float32))
    labelled = LabelledTexts(texts, targets, np.ones(len(texts), np.float32))
    return score_candidates(labelled, task, [SemiSupervision(), SemiSupervision(vectors)], **limits)


@pytest.mark.parametrize("multilabel", [False, True])
def test_vectors_that_know_words_which_training_lacks_label_held_out_texts(multilabel):
    found = score(multilabel=multilabel)
    assert found.scores[1] == 1
    assert found.scores[0] < 0.7
    assert (found.texts, found.best) == (40, 1)


def test_vectors_that_are_all_the_same_bring_nothing():
    found = score(table=knows_nothing)
    assert found.scores[0] == found.scores[1]
    assert found.best == 0


def test_a_text_whose_label_no_other_has_is_not_held_out():
    targets = np.eye(3, dtype=np.float32)[[2, *(np.arange(39) % 2)]]
    found = score(["unlike any other", *TEXTS[:39]], targets)
    assert (found.scores[1], found.texts) == (1, 39)


def test_labels_that_are_probabilities_are_right_where_the_likeliest_is():
    found = score(targets=np.where(TARGETS > 0, np.float32(0.8), np.float32(0.2)))
    assert found.scores[1] == 1


def test_copies_of_a_text_are_held_out_together():
    copied = [f"{text}{end}" for text in TEXTS for end in ("", " ", "  ")]
    found = score(copied, TARGETS.repeat(3, axis=0))
    assert found.scores[0] < 0.7, "n-grams know the label of a text from its copy"
    assert (found.scores[1], found.texts) == (1, 120)


def test_a_label_that_only_copies_of_one_text_have_is_not_held_out():
    found = score([*TEXTS, "alone", "Alone"], np.eye(3, dtype=np.float32)[[*(np.arange(40) % 2), 2, 2]])
    assert found.texts == 40


def test_nothing_is_measured_where_each_label_has_one_text():
    assert score(TEXTS[:2], TARGETS[:2]) is None


@pytest.mark.parametrize(("enough", "texts"), [(1, 8), (9, 16), (100, 40)])
def test_of_many_texts_only_some_folds_are_held_out(monkeypatch, enough, texts):
    monkeypatch.setattr(held_out, "_ENOUGH", enough)
    assert score().texts == texts


def test_gives_up_when_the_time_is_too_short():
    assert score(seconds=0.0) is None
