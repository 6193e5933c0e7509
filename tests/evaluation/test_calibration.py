"""The expected calibration error, by hand and by loops."""

import numpy as np
import pytest

from grutext.evaluation import evaluate, expected_calibration_error


def ece_by_loops(confidence: list[float], correct: list[bool], bins: int) -> float:
    """The definition of Guo et al. 2017, read aloud."""
    total = 0.0
    for m in range(1, bins + 1):
        inside = [
            i for i, c in enumerate(confidence) if (m - 1) / bins < c <= m / bins or (m == 1 and c == 0.0)
        ]
        if inside:
            accuracy = sum(correct[i] for i in inside) / len(inside)
            mean = sum(confidence[i] for i in inside) / len(inside)
            total += len(inside) / len(confidence) * abs(accuracy - mean)
    return total


@pytest.mark.parametrize("seed", range(5))
def test_ece_equals_its_definition(seed) -> None:
    rng = np.random.default_rng(seed)
    confidence = rng.beta(3, 1, size=200)
    correct = rng.random(200) < confidence**2
    expected = ece_by_loops(confidence.tolist(), correct.tolist(), 15)
    assert expected > 0.05
    assert expected_calibration_error(confidence, correct) == pytest.approx(expected)


def test_ece_of_three_decisions_by_hand() -> None:
    # 0.95 and 1.0 share the last bin: accuracy 1/2, confidence 0.975; 0.4 is wrong and alone.
    value = expected_calibration_error(np.array([0.95, 1.0, 0.4]), np.array([True, False, False]))
    assert value == pytest.approx(2 / 3 * 0.475 + 1 / 3 * 0.4)


def test_the_edge_of_a_bin_belongs_to_the_lower_bin() -> None:
    # With two bins, 0.5 and 0.2 share the first one: (1 + 0) - (0.5 + 0.2), over two decisions.
    value = expected_calibration_error(np.array([0.5, 0.2]), np.array([True, False]), bins=2)
    assert value == pytest.approx(0.3 / 2)
    assert expected_calibration_error(np.array([0.0, 1.0]), np.array([False, True])) == 0.0


def test_one_label_is_judged_by_the_confidence_of_the_top_class() -> None:
    report = evaluate([("a",), ("b",), ("x",)], [[0.8, 0.2], [0.7, 0.3], [0.1, 0.9]], ("a", "b"))
    expected = ece_by_loops([0.8, 0.7, 0.9], [True, False, False], 15)
    assert report.ece == pytest.approx(expected)


def test_several_labels_are_judged_by_every_decision() -> None:
    report = evaluate([("a", "b"), ()], [[0.8, 0.2], [0.7, 0.3]], ("a", "b"), multilabel=True)
    expected = ece_by_loops([0.8, 0.2, 0.7, 0.3], [True, True, False, False], 15)
    assert report.ece == pytest.approx(expected)
