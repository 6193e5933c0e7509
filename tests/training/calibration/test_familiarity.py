import numpy as np
import pytest

from grutext.inference.familiarity import familiarity
from grutext.model.spec import Calibration
from grutext.training.calibration.familiarity import fit_familiarity


def test_it_is_the_mean_of_two_standard_scores():
    rng = np.random.default_rng(0)
    top_scores, known = rng.normal(3, 2, 500).astype(np.float32), rng.uniform(0.5, 1, 500).astype(np.float32)
    fitted = Calibration(familiarity=fit_familiarity(top_scores, known))
    standard = [(m - m.mean()) / m.std() for m in (top_scores, known)]
    np.testing.assert_allclose(familiarity(top_scores, known, fitted), np.mean(standard, axis=0), atol=1e-4)


@pytest.mark.parametrize("count", [1, 20])
def test_dev_texts_that_are_all_alike_leave_it_finite(count):
    ones = np.ones(count, np.float32)
    fitted = Calibration(familiarity=fit_familiarity(ones, ones))
    found = familiarity(np.array([1, 0, 1], np.float32), np.array([1, 1, 0.5], np.float32), fitted)
    np.testing.assert_allclose(found, [0, -5, -25], atol=1e-4)
