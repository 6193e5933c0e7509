import numpy as np
import pytest

from grutext.evaluation import selective_risk

CONFIDENCE = np.array([0.9, 0.5, 0.7, 0.7, 0.2])
CORRECT = np.array([True, False, True, False, True])


@pytest.mark.parametrize(
    ("threshold", "errors", "coverage"),
    [(0.0, 0.4, 1.0), (0.5, 0.5, 0.8), (0.7, 1 / 3, 0.6), (0.71, 0.0, 0.2), (0.95, None, 0.0)],
)
def test_errors_are_counted_among_the_answered_texts_only(threshold, errors, coverage):
    found = selective_risk(CONFIDENCE, CORRECT, threshold)
    assert found == {"errors": pytest.approx(errors), "coverage": coverage, "threshold": threshold}
