import numpy as np
import pytest

from grutext.training.calibration.familiarity import REFUSED, choose_familiarity


@pytest.mark.parametrize("texts", [1, 3, 19, 20, 21, 49, 50, 51, 1000])
def test_no_more_dev_texts_are_refused_than_asked_for(texts):
    familiar = np.random.default_rng(texts).normal(size=texts).astype(np.float32)
    rounded = np.round(familiar.astype(np.float64), 4)
    for entry, rate in zip(choose_familiarity(familiar), REFUSED, strict=True):
        refused = int((rounded < entry["threshold"]).sum())
        assert refused == int(rate * texts)
        assert entry["coverage"] == pytest.approx(1 - refused / texts)
        assert entry["refused"] == rate


def test_texts_of_the_same_familiarity_are_answered_together():
    familiar = np.array([-3.0] + [0.0] * 99, np.float32)
    assert choose_familiarity(familiar) == [
        {"refused": 0.02, "coverage": 0.99, "threshold": 0.0},
        {"refused": 0.05, "coverage": 0.99, "threshold": 0.0},
    ]
    assert choose_familiarity(np.zeros(10, np.float32))[1]["coverage"] == 1.0
