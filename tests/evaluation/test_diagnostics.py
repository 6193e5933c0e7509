"""The numbers behind reports, against scikit-learn, loops and worked examples."""

import itertools
import json

import numpy as np
import pytest

from grutext.evaluation import Decisions, diagnose
from grutext.evaluation.abstention import coverage_curve
from grutext.evaluation.calibration import expected_calibration_error, reliability_bins
from grutext.evaluation.intervals import bootstrap_intervals, wilson_interval
from grutext.evaluation.out_of_scope import measure_out_of_scope
from grutext.evaluation.ranking import POINTS, rank

metrics = pytest.importorskip("sklearn.metrics")

LABELS = ("ask", "buy", "cry")


def made(rng, n=300, labels=LABELS, unknown=0):
    """Decisions about n texts of which most are right; the first `unknown` have a label that the model does not know."""
    probabilities = rng.dirichlet(np.full(len(labels), 0.4), n).round(2)  # many equal ones
    right = np.where(rng.random(n) < 0.7, probabilities.argmax(axis=1), rng.integers(len(labels), size=n))
    truth = [("fly",) if i < unknown else (labels[c],) for i, c in enumerate(right)]
    return Decisions.compare(truth, probabilities, labels)


def made_several(rng, n=200):
    probabilities = rng.random((n, 3))
    actual = rng.random((n, 3)) < probabilities
    truth = [tuple(np.array(LABELS)[row]) for row in actual]
    return Decisions.compare(truth, probabilities, LABELS, multilabel=True)


@pytest.mark.parametrize("decimals", [1, 8])
def test_a_ranking_agrees_with_scikit_learn(rng, decimals):
    scores = rng.random(400).round(decimals)
    hits = rng.random(400) < scores
    found = rank(scores, hits)
    assert found.average_precision == pytest.approx(metrics.average_precision_score(hits, scores))
    assert found.roc_auc == pytest.approx(metrics.roc_auc_score(hits, scores))
    assert len(found.recall) == len(found.precision) <= POINTS
    precision, recall, _ = metrics.precision_recall_curve(hits, scores)
    assert set(zip(found.recall, found.precision, strict=True)) <= set(zip(recall, precision, strict=True))
    alarms, hit_rate, _ = metrics.roc_curve(hits, scores, drop_intermediate=False)
    points = list(zip(found.false_positive_rate, found.true_positive_rate, strict=True))
    assert set(points) <= set(zip(alarms, hit_rate, strict=True))
    assert points[0] == (0, 0)
    assert points[-1] == (1, 1)


def test_a_ranking_without_texts_of_one_kind_has_no_area():
    scores = np.array([0.2, 0.5])
    assert rank(scores, np.array([False, False])).average_precision is None
    found = rank(scores, np.array([True, True]))
    assert (found.average_precision, found.roc_auc) == (1.0, None)


@pytest.mark.long
@pytest.mark.parametrize("make", [made, made_several])
def test_bootstrap_intervals_agree_with_resampled_metrics(rng, make):
    decisions = make(rng, 60)
    draw, drawn = np.random.default_rng(1), []
    for _ in range(50):
        rows = draw.integers(60, size=60)
        actual, predicted = decisions.actual[rows], decisions.predicted[rows]
        occurring = np.flatnonzero((actual | predicted).any(axis=0))
        scores = [
            metrics.f1_score(actual, predicted, labels=occurring, average=average, zero_division=0)
            for average in ("macro", "micro", "weighted")
        ]
        right = (actual == predicted).all(axis=1).mean()
        drawn.append([right, decisions.text_losses[rows].mean(), *scores])
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    found = bootstrap_intervals(decisions, samples=50)
    for n, name in enumerate(("accuracy", "log_loss", "macro_f1", "micro_f1", "weighted_f1")):
        assert tuple(found[name]) == pytest.approx((low[n], high[n]), rel=1e-9), name


def test_bootstrap_intervals_are_the_same_in_every_run_and_hold_the_metric(rng):
    decisions = made(rng)
    found = bootstrap_intervals(decisions)
    assert found == bootstrap_intervals(decisions)
    assert found["accuracy"].low < decisions.correct.mean() < found["accuracy"].high
    # The standard error of a share of 300 texts is known.
    share = decisions.correct.mean()
    width = 2 * 1.96 * np.sqrt(share * (1 - share) / 300)
    assert found["accuracy"].high - found["accuracy"].low == pytest.approx(width, rel=0.12)


def test_the_wilson_interval_is_that_of_the_literature():
    low, high = wilson_interval(
        [81, 0, 0], [263, 20, 0]
    )  # 81 of 263: Newcombe, Statistics in Medicine 17, 1998
    assert low.round(4).tolist() == [0.2553, 0.0, 0.0]
    assert high.round(4).tolist() == [0.3662, 0.1611, 1.0]


def test_the_bins_of_the_reliability_diagram_are_those_of_the_calibration_error(rng):
    confidence = np.append(rng.random(200), [0.0, 1.0, 0.2])
    correct = rng.random(203) < confidence
    bins = reliability_bins(confidence, correct)
    for own in bins:
        inside = (confidence > own.low) & (confidence <= own.high) | (own.low == confidence) & (own.low == 0)
        assert (own.number, own.right) == (inside.sum(), correct[inside].sum())
        if own.number:
            assert own.confidence == pytest.approx(confidence[inside].mean())
    error = sum(abs(own.right - own.confidence * own.number) for own in bins if own.number) / 203
    assert error == pytest.approx(expected_calibration_error(confidence, correct))


def test_coverage_answers_the_confident_texts_first_and_equal_ones_together():
    confidence = np.array([0.9, 0.5, 0.9, 0.7, 0.5])
    correct = np.array([True, False, False, True, True])
    found = coverage_curve(confidence, correct)
    assert [tuple(point) for point in found] == [(0.9, 0.4, 0.5), (0.7, 0.6, 1 / 3), (0.5, 1.0, 0.4)]
    assert len(coverage_curve(np.linspace(0, 1, 5000), np.ones(5000, bool))) == 100


def test_lengths_split_texts_into_groups_of_about_one_size(rng):
    decisions = made(rng, 200)
    lengths = rng.integers(1, 1000, size=200)
    found = diagnose(decisions, lengths).lengths
    assert len(found) == 10
    assert sum(own.texts for own in found) == 200
    for own in found:
        inside = (lengths >= own.shortest) & (lengths <= own.longest)
        assert own.texts == inside.sum()
        assert own.accuracy == pytest.approx(decisions.correct[inside].mean())
        assert own.interval.low <= own.accuracy <= own.interval.high
    assert all(a.longest < b.shortest for a, b in itertools.pairwise(found))
    assert [own.texts for own in diagnose(decisions, np.full(200, 7)).lengths] == [200]


def test_confusions_are_all_wrong_pairs_the_most_frequent_first(rng):
    decisions = made(rng)
    found = diagnose(decisions, np.ones(300)).confusions
    assert sum(pair.texts for pair in found) == (~decisions.correct).sum()
    assert [pair.texts for pair in found] == sorted((pair.texts for pair in found), reverse=True)
    pair = found[0]
    both = (
        decisions.actual[:, LABELS.index(pair.actual)] & decisions.predicted[:, LABELS.index(pair.predicted)]
    )
    assert pair.texts == both.sum()
    assert pair.actual != pair.predicted


def test_out_of_scope_texts_are_those_of_unknown_labels(rng):
    decisions = made(rng, 300, unknown=60)
    familiarity = np.where(np.arange(300) < 60, -3.0, 0.0) + rng.normal(size=300)
    found = measure_out_of_scope(decisions, familiarity)
    assert (found.labels, found.texts, found.in_scope) == (("fly",), 60, 240)
    assert found.accuracy == pytest.approx(decisions.correct[60:].mean())
    is_in = np.arange(300) >= 60
    assert found.detection["familiarity"].roc_auc == pytest.approx(metrics.roc_auc_score(is_in, familiarity))
    alarms, hits, _ = metrics.roc_curve(is_in, familiarity, drop_intermediate=False)
    assert found.detection["familiarity"].fpr95 == pytest.approx(alarms[hits >= 0.95].min())
    confidence = decisions.confidence
    assert found.detection["confidence"].roc_auc == pytest.approx(metrics.roc_auc_score(is_in, confidence))


def test_out_of_scope_may_be_a_label_that_the_model_knows(rng):
    decisions = made(rng, labels=("ask", "buy", "Out-of-scope"))
    found = measure_out_of_scope(decisions)
    assert found.labels == ("Out-of-scope",)
    inside = decisions.probabilities[:, :2].max(axis=1)
    expected = metrics.roc_auc_score(~decisions.actual[:, 2], inside)
    assert found.detection["confidence"].roc_auc == pytest.approx(expected)
    assert measure_out_of_scope(made(rng)) is None


def test_several_labels_have_no_confusions_and_no_coverage(rng):
    decisions = made_several(rng)
    found = diagnose(decisions, np.ones(200))
    assert (found.majority, found.confusions, found.coverage, found.histogram) == (None, [], [], [])
    assert sum(own.number for own in found.reliability) == 600
    expected = metrics.average_precision_score(decisions.actual, decisions.probabilities, average=None)
    assert [found.rankings[label].average_precision for label in LABELS] == pytest.approx(expected.tolist())
    micro = metrics.average_precision_score(decisions.actual, decisions.probabilities, average="micro")
    assert found.micro.average_precision == pytest.approx(micro)


def test_curves_of_many_labels_are_those_of_the_five_worst(rng):
    labels = [f"label {n}" for n in range(12)]
    found = diagnose(made(rng, labels=labels), np.ones(300)).rankings
    drawn = {label for label, ranking in found.items() if ranking.recall}
    worst = sorted(labels, key=lambda label: found[label].average_precision)[:5]
    assert drawn == set(worst)


def test_json_takes_the_numbers(rng):
    found = diagnose(made(rng, unknown=3), np.arange(300)).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
