"""`compare` against scikit-learn on resampled texts, one after the other, and against SciPy's binomial test."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics

from grutext.data import Example
from grutext.errors import DataError
from grutext.evaluation import Predictions
from grutext.evaluation.comparison import compare, mcnemar_exact
from grutext.inference import Classifier

LABELS = ("ask", "buy", "cry")
TEXTS, SAMPLES = 40, 55  # more than are counted at once


def predictions_of(bundle, truth, probabilities):
    examples = [Example(f"text {n}", labels, "made.csv", n + 2) for n, labels in enumerate(truth)]
    return Predictions(Classifier(bundle), examples, np.asarray(probabilities, np.float32))


@pytest.fixture
def single(build_bundle, rng):
    """Three models, the second better than the first, the third with other labels, and a rare label that none knows."""
    truth = [(str(label),) for label in rng.choice([*LABELS, "fly"], TEXTS, p=[0.5, 0.3, 0.15, 0.05])]
    found = {}
    for name, skill, labels in (("old", 0.5, LABELS), ("new", 2.0, LABELS), ("other", 1.0, ("cry", "dig"))):
        logits = rng.normal(size=(TEXTS, len(labels)))
        logits += skill * np.array([[label == own for label in labels] for (own,) in truth])
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        found[name] = predictions_of(build_bundle(labels=labels), truth, shares)
    return found


@pytest.fixture
def several(build_bundle, rng):
    truth = [tuple(rng.choice(LABELS, rng.integers(0, 4), replace=False).tolist()) for _ in range(TEXTS)]
    known = {"old": rng.random((TEXTS, 3)), "new": rng.random((TEXTS, 3))}
    return {
        name: predictions_of(build_bundle(multilabel=True), truth, shares) for name, shares in known.items()
    }


def metrics_of(found, rows):
    """The metrics on some of the texts, each as often as it occurs in `rows`."""
    model, labels = found.model, sorted({*LABELS, "dig", "fly"})
    answers = model.decide(found.probabilities)
    sets = [{answers[n]} if isinstance(answers[n], str) else set(answers[n]) for n in rows]
    truth = [set(found.examples[n].labels) for n in rows]
    actual, predicted = ([[label in own for label in labels] for own in side] for side in (truth, sets))
    occurring = [
        n for n in range(len(labels)) if any(a[n] or p[n] for a, p in zip(actual, predicted, strict=True))
    ]

    def f1(average):
        return metrics.f1_score(actual, predicted, labels=occurring, average=average, zero_division=0)

    probability = [dict(zip(model.labels, found.probabilities[n].tolist(), strict=True)) for n in rows]
    if model.multilabel:
        agreed = [
            [p[label] if label in own else 1 - p[label] for label in LABELS]
            for p, own in zip(probability, truth, strict=True)
        ]
    else:
        agreed = [[p.get(label, 0.0) for label in own] for p, own in zip(probability, truth, strict=True)]
    values = {
        "accuracy": metrics.accuracy_score(actual, predicted),
        "macro_f1": f1("macro"),
        "log_loss": -np.log(np.maximum(agreed, 2.0**-23)).mean(),
    }
    return values | ({"micro_f1": f1("micro")} if model.multilabel else {})


@pytest.mark.long
@pytest.mark.parametrize("kind", ["single", "several"])
def test_metrics_and_intervals_are_those_of_scikit_learn_on_resampled_texts(kind, request):
    found = request.getfixturevalue(kind)
    comparison = compare(found, seed=3, samples=SAMPLES)
    assert comparison.multilabel == (kind == "several")
    rng = np.random.default_rng(3)
    drawn = [rng.integers(TEXTS, size=TEXTS) for _ in range(SAMPLES)]
    names = list(found)
    values = {name: metrics_of(own, range(TEXTS)) for name, own in found.items()}
    resampled = {name: [metrics_of(own, rows) for rows in drawn] for name, own in found.items()}
    for name in names:
        assert comparison.models[name] == pytest.approx(values[name], abs=1e-6), name
    assert [pair.model for pair in comparison.pairs] == names[1:]
    for pair in comparison.pairs:
        assert pair.against == names[0]
        assert set(pair.differences) == set(values[names[0]])
        for metric, difference in pair.differences.items():
            both = zip(resampled[pair.model], resampled[pair.against], strict=True)
            sample = sorted(mine[metric] - other[metric] for mine, other in both)
            assert difference.difference == pytest.approx(
                values[pair.model][metric] - values[pair.against][metric], abs=1e-6
            )
            assert [difference.low, difference.high] == pytest.approx(
                np.percentile(sample, [2.5, 97.5]).tolist(), abs=1e-6
            ), (pair.model, metric)


@pytest.mark.parametrize("kind", ["single", "several"])
def test_texts_that_only_one_model_labels_right_are_counted(kind, request):
    found = request.getfixturevalue(kind)
    (pair, *_) = compare(found, samples=5).pairs
    wins = losses = 0
    for n, example in enumerate(found["old"].examples):
        right = []
        for name in ("old", "new"):
            answer = found[name].model.decide(found[name].probabilities[n : n + 1])[0]
            right.append(({answer} if isinstance(answer, str) else set(answer)) == set(example.labels))
        wins += right == [False, True]
        losses += right == [True, False]
    assert (pair.only_model_right, pair.only_against_right) == (wins, losses)
    assert wins
    assert pair.p_value == pytest.approx(binomtest(wins, wins + losses).pvalue)


@pytest.mark.parametrize(
    ("first", "second"), [(0, 1), (5, 0), (8, 1), (3, 3), (12, 31), (600, 430), (2100, 1900)]
)
def test_mcnemars_test_is_a_binomial_test_of_the_texts_that_one_model_alone_labels_right(first, second):
    assert mcnemar_exact(first, second) == pytest.approx(binomtest(first, first + second).pvalue, rel=1e-9)
    assert mcnemar_exact(first, second) == mcnemar_exact(second, first)


def test_models_that_agree_on_every_text_do_not_differ(single):
    assert mcnemar_exact(0, 0) == 1.0
    comparison = compare({"old": single["old"], "again": single["old"]}, samples=20)
    (pair,) = comparison.pairs
    assert pair.p_value == 1.0
    for difference in pair.differences.values():
        assert (difference.difference, difference.low, difference.high) == (0, 0, 0)


def test_labels_that_a_model_does_not_know_are_listed(single):
    missing = compare(single, samples=5).missing
    assert missing == {"old": ("dig", "fly"), "new": ("dig", "fly"), "other": ("ask", "buy", "fly")}


def test_the_seed_decides_the_samples(single):
    one, same, other = (compare(single, seed, 20).pairs[0].differences for seed in (1, 1, 2))
    assert one == same
    assert one["macro_f1"].low != other["macro_f1"].low


def test_models_of_two_kinds_and_no_texts_are_errors(single, several, build_bundle):
    with pytest.raises(DataError, match="new gives several labels to a text and old gives one"):
        compare({"old": single["old"], "new": several["new"]})
    nothing = predictions_of(build_bundle(), [], np.zeros((0, 3)))
    with pytest.raises(DataError, match="no texts"):
        compare({"old": nothing, "new": nothing})
    double = predictions_of(build_bundle(), [("ask", "buy")], [[0.2, 0.3, 0.5]])
    with pytest.raises(DataError, match="give each text one label"):
        compare({"old": double, "new": double})
