"""`Predictions` against loops over single texts."""

import math
from dataclasses import replace

import numpy as np
import pytest

from grutext.data import Example
from grutext.evaluation import Predictions
from grutext.inference import Classifier


def predictions_of(bundle, labels_of_texts, texts):
    examples = [
        Example(text, labels, "made.csv", n + 2)
        for n, (text, labels) in enumerate(zip(texts, labels_of_texts, strict=True))
    ]
    return Predictions.of(Classifier(bundle), examples)


@pytest.fixture
def single(build_bundle, texts):
    truth = [(label,) for label in ("ask", "buy", "cry", "ask", "fly", "buy", "cry", "ask")]
    return predictions_of(build_bundle(), truth, texts)


@pytest.fixture
def several(build_bundle, texts):
    truth = [("ask",), (), ("buy", "ask"), ("cry",), ("fly",), ("ask", "buy", "cry"), ("cry",), ()]
    return predictions_of(build_bundle(multilabel=True), truth, texts)


def loss_of(found, n):
    """The loss of one text, from its probabilities one by one."""
    probability = dict(zip(found.model.labels, found.probabilities[n].tolist(), strict=True)) | {"fly": 0.0}
    labels = found.examples[n].labels
    if not found.model.multilabel:
        return -math.log(max(probability[labels[0]], 2.0**-23))
    agreed = [value if name in labels else 1 - value for name, value in probability.items()]
    return sum(-math.log(min(1.0, max(value, 2.0**-23))) for value in agreed) / len(agreed)


@pytest.mark.parametrize("name", ["single", "several"])
def test_wrong_ones_come_first_of_these_the_most_confident_or_the_highest_loss(name, request):
    found = request.getfixturevalue(name)
    answers = found.model.predict([example.text for example in found.examples])
    sets = [{answer} if isinstance(answer, str) else set(answer) for answer in answers]
    right = [own == set(example.labels) for own, example in zip(sets, found.examples, strict=True)]
    confident = found.probabilities.max(axis=1).tolist()
    several = found.model.multilabel

    def rank(n):
        return right[n], 0 if several or right[n] else -round(confident[n], 6), -loss_of(found, n)

    expected = sorted(range(len(right)), key=rank)
    rows = found.worst_first()
    assert [row.example.row - 2 for row in rows] == expected
    assert [row.is_right for row in rows] == [right[n] for n in expected]
    assert [set(row.labels) for row in rows] == [sets[n] for n in expected]
    assert [row.loss for row in rows] == pytest.approx([loss_of(found, n) for n in expected], rel=1e-5)
    assert {True, False} == set(right)


def test_the_confidence_is_that_of_the_answer(single):
    answers = single.model.answer([row.example.text for row in single.worst_first()])
    assert [row.confidence for row in single.worst_first()] == [one.confidence for one in answers]


@pytest.mark.parametrize("name", ["single", "several"])
def test_the_mean_of_the_losses_is_the_log_loss_of_the_report(name, request):
    found = request.getfixturevalue(name)
    assert found.report.unknown == {"fly": 1}
    mean = np.mean([row.loss for row in found.worst_first()])
    assert mean == pytest.approx(found.report.log_loss, rel=1e-9)
    assert found.decisions.correct.mean() == found.report.accuracy


@pytest.mark.parametrize("outside", ["oos", "fly"])
def test_familiarity_is_measured_whether_the_model_knows_the_label_of_out_of_scope_texts_or_not(
    build_bundle, texts, outside
):
    pytest.importorskip("sklearn")
    bundle = build_bundle(labels=("ask", "oos", "cry"))
    calibration = replace(bundle.calibration, familiarity=(-1.0, 0.5, 1.0))
    truth = [("ask",), ("cry",), (outside,), *[("ask",)] * (len(texts) - 3)]
    found = predictions_of(replace(bundle, calibration=calibration), truth, texts).diagnose().out_of_scope
    assert (found.labels, found.texts) == (("oos",) if outside == "oos" else ("oos", "fly"), 1)
    assert set(found.detection) == {"confidence", "familiarity"}
