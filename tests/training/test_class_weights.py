"""Factors on the losses: their sums by hand, and what they do to both parts."""

import numpy as np
import pytest

from grutext.config import LinearConfig, TextConfig
from grutext.inference.linear_part import LinearPart
from grutext.text import Vectorizer
from grutext.training.class_weights import MOST, class_weights, is_balanced

ONE = np.eye(3, dtype=np.float32)[[0] * 60 + [1] * 36 + [2] * 4]


def test_each_label_has_the_same_share_of_the_loss():
    weights = class_weights(ONE.sum(axis=0), len(ONE), True, multilabel=False)
    np.testing.assert_allclose(weights * ONE.sum(axis=0), 100 / 3, rtol=1e-6)
    assert weights.dtype == np.float32


def test_having_a_label_counts_as_much_as_not_having_it():
    targets = np.zeros((40, 2), np.float32)
    targets[:8, 0] = targets[:30, 1] = 1
    np.testing.assert_allclose(
        class_weights(targets.sum(axis=0), len(targets), True, multilabel=True), [32 / 8, 10 / 30]
    )


@pytest.mark.parametrize("multilabel", [False, True])
def test_factors_stay_within_bounds_and_a_label_without_texts_is_no_division_by_zero(multilabel):
    targets = np.zeros((5000, 3), np.float32)
    targets[:, 0] = 1
    targets[0] = [0, 1, 0]
    weights = class_weights(targets.sum(axis=0), len(targets), True, multilabel)
    assert (weights >= 1 / MOST).all()
    assert (weights <= MOST).all()
    assert weights[1] == weights[2] == MOST


def test_without_balance_all_texts_count_the_same():
    assert class_weights(ONE.sum(axis=0), len(ONE), False, False).tolist() == [1, 1, 1]


def test_what_auto_stands_for():
    cases = [(multilabel, gru) for multilabel in (False, True) for gru in (False, True)]
    assert [is_balanced("auto", *case) for case in cases] == [False, False, False, True]
    assert all(is_balanced("balanced", *case) for case in cases)
    assert not any(is_balanced("none", *case) for case in cases)


@pytest.mark.parametrize("multilabel", [False, True])
def test_the_linear_part_leans_to_a_label_that_counts_more(multilabel):
    from grutext.training.linear.fit import LinearTask, fit_linear

    texts = ["grey cat", "grey dog", "grey cow"] * 4
    targets = np.eye(3, dtype=np.float32)[[0, 1, 2] * 2 + [0, 0, 0] * 2]
    config = LinearConfig(word_max=1, char_max=0, regularization=0.5)
    vectorizer = Vectorizer.fit(texts, TextConfig())
    margins = []
    for factor in (1.0, 8.0):
        weights = np.array([1.0, factor, 1.0], np.float32)
        fit = fit_linear(texts, targets, LinearTask(vectorizer, config, multilabel, 1, weights))
        margins.append(LinearPart(config, fit.arrays).margins(vectorizer.vectorize(["grey dog"]))[0])
    assert margins[1][1] > margins[0][1] + 0.1
    if multilabel:
        np.testing.assert_allclose(margins[1][[0, 2]], margins[0][[0, 2]], atol=1e-3)


@pytest.mark.tf
def test_the_losses_are_weighed_text_by_text_and_decision_by_decision():
    from grutext.engines.keras.losses import LOSSES

    rng = np.random.default_rng(0)
    logits = rng.normal(size=(5, 3)).astype(np.float32)
    weights = np.array([0.5, 2.0, 7.0], np.float32)
    labels = [0, 1, 2, 2, 1]
    targets = np.eye(3, dtype=np.float32)[labels]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = LOSSES["softmax"](logits, targets, 0.0, weights)
    np.testing.assert_allclose(found, [-weights[c] * np.log(row[c]) for row, c in zip(p, labels)], rtol=1e-5)

    targets[0] = [1, 0, 1]
    odds = 1 / (1 + np.exp(-logits.astype(float)))
    found = LOSSES["sigmoid"](logits, targets, 0.0, weights)
    expected = [
        sum(-w * np.log(q) if y else -np.log(1 - q) for q, y, w in zip(*cells, weights))
        for cells in zip(odds, targets)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
