"""The fusion of the two parts against products of powers, one number at a time."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from grutext.inference.fusion import fuse, log_softmax
from grutext.model.spec import Calibration

SINGLE = Calibration(gru_scale=0.7, linear_scale=(1.9,), linear_shift=(0.0,), fusion=0.3)
BINARY = Calibration(gru_scale=0.7, linear_scale=(1.9,), linear_shift=(-0.4,), fusion=0.3)
SEVERAL = Calibration(
    gru_scale=0.7,
    linear_scale=(1.9, 0.5, 1.1),
    linear_shift=(-0.4, 0.2, 0.9),
    fusion=0.3,
    thresholds=(0.5,) * 3,
)


def softmax(scores: list[float]) -> list[float]:
    powers = [math.exp(score) for score in scores]
    return [power / math.fsum(powers) for power in powers]


def weighed_product(gru: list[float], linear: list[float], share: float) -> list[float]:
    """Return p_gru^a * p_linear^(1 - a), scaled to sum 1."""
    products = [d**share * w ** (1.0 - share) for d, w in zip(gru, linear, strict=True)]
    return [product / math.fsum(products) for product in products]


def check_fused(gru, linear, calibration, multilabel, expected) -> None:
    """Assert the fused probabilities."""
    found = fuse(gru, linear, calibration, multilabel)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.fixture
def gru(rng) -> np.ndarray:
    return rng.normal(scale=2.0, size=(6, 3)).astype(np.float32)


@pytest.fixture
def linear(rng) -> np.ndarray:
    return rng.normal(scale=1.5, size=(6, 3)).astype(np.float32)


def test_one_label_of_several(gru, linear):
    expected = [
        weighed_product(softmax([0.7 * x for x in d]), softmax([1.9 * x for x in w]), 0.3)
        for d, w in zip(gru.tolist(), linear.tolist(), strict=True)
    ]
    check_fused(gru, linear, SINGLE, False, expected)


def test_one_label_of_two(gru, linear):
    """The one margin speaks for the second label, and its opposite for the first."""
    gru, linear = gru[:, :2], linear[:, :1]
    expected = []
    for d, (w,) in zip(gru.tolist(), linear.tolist(), strict=True):
        margin = 1.9 * w - 0.4
        expected.append(weighed_product(softmax([0.7 * x for x in d]), softmax([-margin, margin]), 0.3))
    check_fused(gru, linear, BINARY, False, expected)
    alone = [[1 - p, p] for p in (1 / (1 + math.exp(-2 * (1.9 * w - 0.4))) for (w,) in linear.tolist())]
    check_fused(None, linear, BINARY, False, alone)


def test_several_labels_are_fused_independently(gru, linear):
    expected = [
        [
            1
            / (
                1
                + math.exp(
                    -(0.3 * 0.7 * d[c] + 0.7 * (SEVERAL.linear_scale[c] * w[c] + SEVERAL.linear_shift[c]))
                )
            )
            for c in range(3)
        ]
        for d, w in zip(gru.tolist(), linear.tolist(), strict=True)
    ]
    check_fused(gru, linear, SEVERAL, True, expected)


def test_several_labels_with_one_margin_column(gru):
    gru, calibration = (
        gru[:, :1],
        Calibration(linear_scale=(1.9,), linear_shift=(-0.4,), fusion=0.3, thresholds=(0.5,)),
    )
    expected = 1 / (1 + np.exp(-(0.3 * gru + 0.7 * (1.9 * gru - 0.4))))
    check_fused(gru, gru, calibration, True, expected)


def test_fused_scores_are_scaled_and_shifted_label_by_label(gru, linear):
    scale, shift = (0.5, 2.0, 1.3), (-0.7, 0.1, 0.4)
    odds = 0.3 * 0.7 * gru.astype(float) + 0.7 * (
        linear * np.array(SEVERAL.linear_scale) + np.array(SEVERAL.linear_shift)
    )
    several = replace(SEVERAL, scale=scale, shift=shift)
    expected = [
        [1 / (1 + math.exp(-(s * x + b))) for x, s, b in zip(row, scale, shift, strict=True)]
        for row in odds.tolist()
    ]
    check_fused(gru, linear, several, True, expected)
    fused = fuse(gru, linear, SINGLE, False).astype(float).tolist()
    powers = [[math.exp(b) * p**s for p, s, b in zip(row, scale, shift, strict=True)] for row in fused]
    expected = [[power / math.fsum(row) for power in row] for row in powers]
    np.testing.assert_allclose(
        fuse(gru, linear, replace(SINGLE, scale=scale, shift=shift), False), expected, rtol=2e-4, atol=1e-6
    )


def test_a_part_alone_counts_in_full(gru, linear):
    check_fused(gru, None, SINGLE, False, [softmax([0.7 * x for x in row]) for row in gru.tolist()])
    check_fused(None, linear, SINGLE, False, [softmax([1.9 * x for x in row]) for row in linear.tolist()])
    check_fused(gru, None, SEVERAL, True, 1 / (1 + np.exp(-0.7 * gru.astype(float))))
    margins = linear * np.array(SEVERAL.linear_scale) + np.array(SEVERAL.linear_shift)
    check_fused(None, linear, SEVERAL, True, 1 / (1 + np.exp(-margins)))


@pytest.mark.parametrize("fusion", [0.0, 1.0])
def test_a_part_without_weight_does_not_count(gru, linear, fusion):
    calibration = Calibration(0.7, (1.9,), (0.0,), fusion)
    one = gru if fusion else None
    other = None if fusion else linear
    check_fused(gru, linear, calibration, False, fuse(one, other, calibration, False))


@pytest.mark.parametrize("multilabel", [False, True])
def test_no_texts_give_no_rows(multilabel):
    nothing = np.zeros((0, 3), np.float32)
    assert fuse(nothing, nothing, SINGLE, multilabel).shape == (0, 3)


SCORES = arrays(np.float32, (4, 3), elements=st.floats(-(2.0**100), 2.0**100, width=32))


@pytest.mark.parametrize("fusion", [0.0, 0.3, 1.0])
@settings(max_examples=settings.default.max_examples * 2 // 5)  # fewer with --fast
@given(gru=SCORES, linear=SCORES)
def test_extreme_scores_give_probabilities(fusion, gru, linear):
    calibration = Calibration(0.7, (1.9,), (-0.4,), fusion)
    for parts in ((gru, linear), (gru, None), (None, linear)):
        for multilabel in (False, True):
            found = fuse(*parts, calibration, multilabel)
            assert np.all((found >= 0.0) & (found <= 1.0))
            if not multilabel:
                np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)
        two = fuse(parts[0] if parts[0] is None else gru[:, :2], parts[1] if parts[1] is None else linear[:, :1],
                   calibration, False)  # fmt: skip
        np.testing.assert_allclose(two.sum(axis=1), 1.0, atol=1e-6)


def test_no_part_vetoes_a_label_that_the_other_is_sure_of():
    """No log-probability is more than 60 below the highest, so that one part's certainty does not silence the other for good."""
    gru = np.array([[1e9, 0.0, 0.0]], np.float32)
    linear = np.array([[0.0, 3.0, 1.0]], np.float32)
    found = fuse(gru, linear, Calibration(fusion=0.01), False)
    weights = [math.exp(0.99 * w + 0.01 * d) for w, d in zip(linear[0].tolist(), (0, -60, -60), strict=True)]
    np.testing.assert_allclose(found, [[weight / sum(weights) for weight in weights]], rtol=1e-6)


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=st.floats(-700, 700)))
def test_log_softmax_is_the_logarithm_of_softmax(scores):
    for row, found in zip(scores.tolist(), log_softmax(scores).tolist(), strict=True):
        highest = max(row)
        total = math.fsum(math.exp(score - highest) for score in row)
        assert found == pytest.approx([score - highest - math.log(total) for score in row], abs=1e-9)


def test_log_softmax_does_not_overflow():
    found = log_softmax(np.array([[1e300, 0.0], [-1e300, -1e300], [0.0, -1e300]]))
    np.testing.assert_allclose(found, [[0.0, -1e300], [-math.log(2)] * 2, [0.0, -1e300]])
