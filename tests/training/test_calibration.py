import numpy as np
import pytest

from grutext.model.spec import Calibration
from grutext.runtime.probabilities import fuse
from grutext.training.calibration import calibrate, loss, micro_f1, scaled_loss


def drawn(scale, n=4000, classes=4, seed=0):
    """Logits whose true probabilities are softmax(logits * scale), and labels drawn from those."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, classes)) * 2
    p = np.exp(logits * scale)
    p /= p.sum(axis=1, keepdims=True)
    labels = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return logits.astype(np.float32), np.eye(classes, dtype=np.float32)[labels]


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found(scale):
    logits, targets = drawn(scale)
    assert calibrate(logits, None, targets, multilabel=False).deep_scale == pytest.approx(scale, rel=0.1)


def test_one_margin_of_two_classes_is_scaled_too():
    rng = np.random.default_rng(1)
    margin = rng.normal(size=(4000, 1)).astype(np.float32)
    positive = rng.random(4000) < 1 / (1 + np.exp(-2 * 1.7 * margin[:, 0]))
    targets = np.eye(2, dtype=np.float32)[positive.astype(int)]
    fitted = calibrate(None, margin, targets, multilabel=False)
    assert fitted.wide_scale[0] == pytest.approx(1.7, rel=0.1)
    assert fitted.fusion == 0.0


def test_a_part_that_knows_nothing_gets_no_weight():
    logits, targets = drawn(1.0)
    noise = np.random.default_rng(2).normal(size=logits.shape).astype(np.float32)
    assert calibrate(logits, noise, targets, multilabel=False).fusion >= 0.9
    assert calibrate(noise, logits, targets, multilabel=False).fusion <= 0.1


def test_fusing_two_views_is_likelier_than_either():
    rng = np.random.default_rng(3)
    logits, targets = drawn(1.5, classes=5)
    views = [(logits + rng.normal(size=logits.shape)).astype(np.float32) for _ in range(2)]
    both = calibrate(*views, targets, multilabel=False)
    fused = loss(fuse(*views, both, False), targets, False)
    assert fused < min(scaled_loss(view, targets, False) for view in views) - 0.01
    assert 0.3 <= both.fusion <= 0.7


def test_several_labels_get_odds_and_a_threshold():
    rng = np.random.default_rng(4)
    scores = (rng.normal(size=(3000, 6)) - 1).astype(np.float32)
    targets = (rng.random(scores.shape) < 1 / (1 + np.exp(-(2 * scores - 0.5)))).astype(np.float32)
    fitted = calibrate(None, scores, targets, multilabel=True)
    assert fitted.wide_scale[0] == pytest.approx(2, rel=0.1)
    assert fitted.wide_shift[0] == pytest.approx(-0.5, abs=0.1)
    probabilities = fuse(None, scores, fitted, True)
    chosen = micro_f1(probabilities >= fitted.thresholds[0], targets)
    assert len(fitted.thresholds) == 6
    assert chosen >= max(micro_f1(probabilities >= t, targets) for t in (0.2, 0.5, 0.8))


def test_no_dev_text_with_a_known_label_leaves_the_scales_alone():
    scores = np.ones((2, 3), np.float32)
    assert calibrate(scores, scores, np.zeros((2, 3), np.float32), False) == Calibration(fusion=0.5)


def test_a_faultless_part_keeps_a_finite_scale():
    targets = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    assert 1 < calibrate(targets, None, targets, False).deep_scale < 1e4
