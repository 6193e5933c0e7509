"""Thresholds that hold what they promise, as often as they promise it."""

import math

import numpy as np
import pytest

from grutext.cli.abstention import best_offer
from grutext.training.calibration.abstention import ERRORS, RISK, choose_abstention, upper_bound


def draw(rng, size):
    """Draws confidences and whether the labels are right; a confidence c is right with a chance of c."""
    confidence = 0.5 + 0.5 * rng.beta(3.0, 0.6, size)
    return confidence, rng.random(size) < confidence


def world():
    """Return rising confidences, and the error rate of the texts from each on."""
    confidence, correct = draw(np.random.default_rng(0), 400_000)
    order = np.argsort(confidence)
    wrong = np.cumsum(~correct[order][::-1]) / np.arange(1, len(order) + 1)
    return confidence[order], wrong[::-1]


CONFIDENCES, WRONG = world()


def true_errors(threshold):
    return WRONG[min(np.searchsorted(CONFIDENCES, threshold), len(WRONG) - 1)]


def exceeded(choose, size, draws=400):
    """Return the share of dev sets that mislead about each of the rates."""
    rng = np.random.default_rng(1)
    misled = np.zeros(len(ERRORS))
    for _ in range(draws):
        for n, entry in enumerate(choose(*draw(rng, size))):
            if entry["threshold"] is not None:
                misled[n] += true_errors(entry["threshold"]) > entry["errors"]
    return misled / draws


def choose_naively(confidence, correct):
    """The lowest threshold whose errors on the dev set are few enough."""
    order = np.argsort(-confidence)
    errors = np.cumsum(~correct[order]) / np.arange(1, len(order) + 1)
    for rate in ERRORS:
        fits = np.flatnonzero(errors <= rate)
        yield {"errors": rate, "threshold": confidence[order][fits[-1]] if len(fits) else None}


@pytest.mark.long
@pytest.mark.parametrize("size", [150, 1000])
def test_a_dev_part_misleads_as_rarely_as_promised(size):
    # Two standard errors of the simulation itself: 2 sqrt(0.1 * 0.9 / 400) = 0.03.
    assert (exceeded(choose_abstention, size) <= 0.13).all()


@pytest.mark.long
@pytest.mark.parametrize("size", [150, 1000])
def test_nor_does_the_one_that_is_told(size):
    rng = np.random.default_rng(1)
    told = [best_offer(choose_abstention(*draw(rng, size))) for _ in range(400)]
    misled = [entry is not None and true_errors(entry["threshold"]) > entry["errors"] for entry in told]
    assert sum(entry is not None for entry in told) > 300
    assert 0.0 < np.mean(misled) <= 0.1 + 0.03


@pytest.mark.long
def test_nor_where_every_threshold_is_a_little_too_low():
    # The confidence tells nothing and the errors are just too many: whoever looks at all thresholds finds one.
    rng = np.random.default_rng(4)
    found = [
        choose_abstention(rng.random(1000), rng.random(1000) >= 0.0501)[2]["threshold"] for _ in range(400)
    ]
    assert 0.03 < np.mean([threshold is not None for threshold in found]) <= 0.13


def test_the_naive_choice_would_be_noticed():
    assert exceeded(choose_naively, 1000, draws=100).max() > 0.3


def test_a_large_dev_part_answers_nearly_as_many_texts_as_can_be():
    confidence, correct = draw(np.random.default_rng(2), 20_000)
    for entry in choose_abstention(confidence, correct)[1:]:
        best = max(
            c
            for c in np.linspace(0.05, 1, 20)
            if true_errors(np.quantile(confidence, 1 - c)) <= entry["errors"]
        )
        assert best - 0.1 < entry["coverage"] <= best + 0.051
        assert entry["coverage"] == pytest.approx((confidence >= entry["threshold"]).mean())


def test_the_bound_is_the_rate_at_which_so_few_errors_are_rare():
    errors, texts = np.array([0, 3, 17, 40]), np.array([22, 60, 300, 41])
    for bound, k, n in zip(upper_bound(errors, texts), errors.tolist(), texts.tolist(), strict=True):
        chance = sum(math.comb(n, i) * bound**i * (1 - bound) ** (n - i) for i in range(k + 1))
        assert chance == pytest.approx(RISK)
    assert upper_bound(np.array(5), np.array(5)) == 1.0


@pytest.mark.parametrize("rate", ERRORS)
def test_a_faultless_model_answers_all_texts_from_so_many_on(rate):
    fewest = math.ceil(math.log(RISK) / math.log(1 - rate))  # (1 - rate)^n <= RISK
    for size in (fewest - 1, fewest):
        entry = next(
            e
            for e in choose_abstention(np.linspace(0.30006, 1, size), np.ones(size, bool))
            if e["errors"] == rate
        )
        held = size == fewest
        assert entry == {"errors": rate, "coverage": float(held), "threshold": 0.0 if held else None}


@pytest.mark.parametrize("size", [1, 2, 7])
@pytest.mark.parametrize("right", [True, False])
def test_a_tiny_dev_part_promises_nothing(size, right):
    chosen = choose_abstention(np.full(size, 0.9, np.float32), np.full(size, right))
    assert [entry["threshold"] for entry in chosen] == [None] * len(ERRORS)
    assert [entry["coverage"] for entry in chosen] == [0.0] * len(ERRORS)


def test_texts_that_tie_are_answered_together():
    confidence = np.repeat([0.9, 0.6], [600, 400]).astype(np.float32)
    correct = np.ones(1000, bool)
    correct[600::2] = False  # half of the less confident ones
    chosen = choose_abstention(confidence, correct)
    assert {entry["coverage"] for entry in chosen} == {0.6}
    for entry in chosen:
        assert 0.6 < entry["threshold"] <= confidence[0]
    half_wrong = np.arange(1000) % 2 == 0
    assert choose_abstention(np.full(1000, 0.9), half_wrong)[-1]["threshold"] is None


def test_a_threshold_answers_exactly_the_texts_that_were_counted():
    confidence, correct = draw(np.random.default_rng(3), 777)
    for entry in choose_abstention(confidence.astype(np.float32), correct):
        if entry["threshold"]:
            assert (confidence.astype(np.float32) >= entry["threshold"]).mean() == entry["coverage"]
            assert entry["threshold"] == round(entry["threshold"], 4)
