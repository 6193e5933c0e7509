"""`evaluate` against scikit-learn called in another way, and against cases computed by hand."""

import json
import math
import sys

import numpy as np
import pytest
from sklearn import metrics

from grutext.errors import DataError, MissingExtraError
from grutext.evaluation import Report, evaluate

LABELS = ("ask", "buy", "cry", "die")


@pytest.fixture
def single() -> tuple[list[tuple[str, ...]], np.ndarray]:
    """120 texts of four labels, one of them (`die`) neither true nor ever predicted."""
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(120, 4))
    logits[:, 3] = -9.0
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = [(LABELS[rng.choice(3, p=[0.6, 0.3, 0.1])],) for _ in range(120)]
    return truth, probabilities.astype(np.float32)


@pytest.fixture
def several() -> tuple[list[tuple[str, ...]], np.ndarray, np.ndarray]:
    """90 texts with 0 to 3 of four labels, probabilities, and a threshold for each label."""
    rng = np.random.default_rng(4)
    truth = [tuple(sorted(rng.choice(LABELS[:3], size=rng.integers(0, 4), replace=False))) for _ in range(90)]
    return truth, rng.random((90, 4)).astype(np.float32), np.array([0.3, 0.5, 0.8, 2.0])


def test_single_label_scores_are_those_of_scikit_learn_on_the_names(single) -> None:
    truth, probabilities = single
    names = [labels[0] for labels in truth]
    predicted = [LABELS[index] for index in probabilities.argmax(axis=1)]
    report = evaluate(truth, probabilities, LABELS)
    assert report.n == 120
    assert report.accuracy == pytest.approx(metrics.accuracy_score(names, predicted))
    for average in ("macro", "micro", "weighted"):
        expected = metrics.f1_score(names, predicted, average=average)
        assert getattr(report, f"{average}_f1") == pytest.approx(expected), average
    assert report.micro_f1 == report.accuracy
    assert report.log_loss == pytest.approx(
        metrics.log_loss(names, probabilities, labels=list(LABELS)), rel=1e-5
    )
    assert report.confusion == tuple(map(tuple, metrics.confusion_matrix(names, predicted, labels=LABELS)))
    table = metrics.classification_report(names, predicted, labels=LABELS, output_dict=True, zero_division=0)
    for label in LABELS:
        score = report.per_label[label]
        assert [score.precision, score.recall, score.f1, score.support] == pytest.approx(
            [table[label][key] for key in ("precision", "recall", "f1-score", "support")]
        ), label


def test_several_label_scores_are_those_of_scikit_learn_on_sets(several) -> None:
    truth, probabilities, thresholds = several
    predicted = [
        {label for label, value, limit in zip(LABELS, row, thresholds, strict=True) if value >= limit}
        for row in probabilities
    ]
    true_positives = sum(len(set(a) & b) for a, b in zip(truth, predicted, strict=True))
    named = sum(len(a) + len(b) for a, b in zip(truth, predicted, strict=True))
    report = evaluate(truth, probabilities, LABELS, multilabel=True, thresholds=thresholds)
    assert report.micro_f1 == pytest.approx(2 * true_positives / named)
    one_by_one = [
        metrics.f1_score([label in a for a in truth], [label in b for b in predicted]) for label in LABELS[:3]
    ]
    assert report.macro_f1 == pytest.approx(np.mean(one_by_one))
    assert [report.per_label[label].f1 for label in LABELS[:3]] == pytest.approx(one_by_one)
    assert report.per_label["die"].support == 0
    support = [sum(label in a for a in truth) for label in LABELS[:3]]
    assert report.weighted_f1 == pytest.approx(np.average(one_by_one, weights=support))
    right = sum(set(a) == b for a, b in zip(truth, predicted, strict=True))
    assert report.accuracy == pytest.approx(right / 90)
    assert report.to_dict()["subset_accuracy"] == report.accuracy
    assert report.confusion is None
    by_label = [
        metrics.log_loss(
            [label in a for a in truth], probabilities[:, index].astype(float), labels=[False, True]
        )
        for index, label in enumerate(LABELS)
    ]
    assert report.log_loss == pytest.approx(np.mean(by_label))


def test_without_thresholds_labels_apply_from_a_half_on() -> None:
    report = evaluate([("a",), ("b",)], [[0.5, 0.4], [0.49, 0.51]], ("a", "b"), multilabel=True)
    assert report.accuracy == 1.0


def test_one_label_is_decided_by_thresholds_and_its_own_confidence_counts() -> None:
    rows = [[0.7, 0.3], [0.9, 0.1], [0.6, 0.4]]  # divided: [1, 1.5], [1.29, 0.5], [0.86, 2]
    truth = [("b",), ("a",), ("a",)]
    report = evaluate(truth, rows, ("a", "b"), thresholds=(0.7, 0.2))
    assert report.confusion == ((1, 1), (0, 1))
    # the confidences 0.3 (right), 0.9 (right), 0.4 (wrong) lie in bins of their own
    assert report.ece == pytest.approx((0.7 + 0.1 + 0.4) / 3)
    assert evaluate(truth, rows, ("a", "b"), thresholds=()) == evaluate(truth, rows, ("a", "b"))


def test_labels_that_the_model_does_not_know_are_errors_named_and_counted() -> None:
    truth = [("a",), ("x",), ("x",), ("b",), ("w",)]
    report = evaluate(truth, [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [1.0, 0.0]], ("b", "a")[::-1])
    assert report.unknown == {"w": 1, "x": 2}
    assert report.labels == ("a", "b", "w", "x")
    assert report.confusion == ((1, 0, 0, 0), (0, 1, 0, 0), (1, 0, 0, 0), (1, 1, 0, 0))
    assert report.accuracy == pytest.approx(2 / 5)
    # a: precision 1/3, recall 1; b: precision 1/2, recall 1; w and x: 0
    assert report.macro_f1 == pytest.approx((1 / 2 + 2 / 3 + 0 + 0) / 4)
    assert report.per_label["x"].support == 2
    names = [labels[0] for labels in truth]
    assert report.macro_f1 == pytest.approx(
        metrics.f1_score(names, ["a", "a", "b", "b", "a"], average="macro")
    )


def test_unknown_labels_among_several_are_never_predicted() -> None:
    report = evaluate([("a", "x"), ("a",)], [[0.9, 0.2], [0.9, 0.2]], ("a", "b"), multilabel=True)
    assert report.unknown == {"x": 1}
    assert report.accuracy == 0.5
    assert report.micro_f1 == pytest.approx(2 * 2 / (3 + 2))
    assert report.macro_f1 == pytest.approx((1 + 0) / 2)  # b occurs nowhere


def test_certain_mistakes_and_unknown_labels_cost_much_but_not_infinitely_much() -> None:
    report = evaluate([("b",), ("x",), ("a",)], [[1.0, 0.0], [0.5, 0.5], [1.0, 0.0]], ("a", "b"))
    worst = -math.log(np.finfo(np.float32).eps)
    assert report.log_loss == pytest.approx(2 * worst / 3)
    several = evaluate([("b",), ()], [[1.0, 0.0], [0.0, 0.0]], ("a", "b"), multilabel=True)
    assert several.log_loss == pytest.approx(2 * worst / 4)
    for text in (
        json.dumps(report.to_dict(), allow_nan=False),
        json.dumps(several.to_dict(), allow_nan=False),
    ):
        assert json.loads(text)["n"] > 0


def test_texts_without_labels_and_predictions_without_labels_give_zeros_not_errors() -> None:
    report = evaluate([(), ()], [[0.1], [0.2]], ("a",), multilabel=True)
    assert (report.accuracy, report.macro_f1, report.micro_f1, report.weighted_f1) == (1.0, 0.0, 0.0, 0.0)


def test_the_json_keys_that_others_rely_on(single) -> None:
    values = evaluate(*single, LABELS).to_dict()
    assert list(values) == [
        "n", "multilabel", "accuracy", "macro_f1", "micro_f1", "weighted_f1", "log_loss", "ece", "labels",
        "per_label", "confusion", "unknown",
    ]  # fmt: skip
    assert list(values["per_label"]["ask"]) == ["precision", "recall", "f1", "support"]
    assert json.loads(json.dumps(values)) == values


def test_a_label_named_twice_in_one_text_counts_once() -> None:
    assert evaluate([("a", "a"), ("x", "x")], [[0.9], [0.9]], ("a",)).unknown == {"x": 1}


@pytest.mark.parametrize("truth", [[("a", "b")], [()]])
def test_a_single_label_model_refuses_texts_without_exactly_one_label(truth) -> None:
    with pytest.raises(DataError, match="gives one label to a text"):
        evaluate(truth, [[0.5, 0.5]], ("a", "b"))


def test_no_texts_and_wrong_shapes_are_refused() -> None:
    with pytest.raises(DataError, match="no texts"):
        evaluate([], np.zeros((0, 2)), ("a", "b"))
    with pytest.raises(ValueError, match="shape"):
        evaluate([("a",)], [[0.1, 0.2, 0.7]], ("a", "b"))


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match=r"grutext\[train\]"):
        evaluate([("a",)], [[0.1, 0.9]], ("a", "b"))


def test_a_report_cannot_be_changed(single) -> None:
    report = evaluate(*single, LABELS)
    assert isinstance(report, Report)
    with pytest.raises(AttributeError):
        report.accuracy = 1.0  # type: ignore[misc]
