import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from grutext.inference.fusion import fuse
from grutext.model.spec import Calibration
from grutext.training.calibration.fit import calibrate, cross_fit, logit_loss, loss, rescale


def scaled_loss(logits, targets, multilabel):
    return logit_loss(rescale(logits, targets, multilabel), targets, multilabel)


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
    assert calibrate(logits, None, targets, multilabel=False).gru_scale == pytest.approx(scale, rel=0.1)


def test_one_margin_of_two_classes_is_scaled_too():
    rng = np.random.default_rng(1)
    margin = rng.normal(size=(4000, 1)).astype(np.float32)
    positive = rng.random(4000) < 1 / (1 + np.exp(-2 * 1.7 * margin[:, 0]))
    targets = np.eye(2, dtype=np.float32)[positive.astype(int)]
    fitted = calibrate(None, margin, targets, multilabel=False)
    assert fitted.linear_scale[0] == pytest.approx(1.7, rel=0.1)
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


def several(n=6000, labels=6, seed=4):
    """Scores of several labels whose true log-odds are a line of the scores, another one for each label."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, labels)).astype(np.float32) - 1
    slopes, shifts = np.linspace(0.6, 3.0, labels), np.linspace(1.5, -2.0, labels)
    truth = 1 / (1 + np.exp(-(slopes * scores + shifts)))
    return scores, (rng.random(scores.shape) < truth).astype(np.float32), truth


@pytest.mark.long
@pytest.mark.parametrize("part", ["gru", "linear"])
def test_each_of_several_labels_gets_its_own_line(part):
    scores, targets, truth = several()
    parts = (scores, None) if part == "gru" else (None, scores)
    fitted = calibrate(*parts, targets, multilabel=True)
    assert len(fitted.scale) == len(fitted.shift) == 6
    assert fitted.thresholds == ()  # chosen later
    assert np.abs(fuse(*parts, fitted, True) - truth).mean() < 0.01
    one = LogisticRegression(C=1e6).fit(scores[:, :1], targets[:, 0]).predict_proba(scores[:, :1])[:, 1]
    np.testing.assert_allclose(fuse(*parts, fitted, True)[:, 0], one, atol=0.01)


@pytest.mark.long
def test_a_rare_label_is_calibrated_like_the_others():
    scores, targets, _ = several()
    scores[:, 1:], targets[:, 1:] = scores[:, 5:], targets[:, 5:]
    targets[:, 0] = 0
    targets[scores[:, 0].argmin(), 0] = 1  # its own line would fall where the others' rise
    fitted = calibrate(None, scores, targets, multilabel=True)
    assert fitted.scale[0] > 0.3 * fitted.scale[1]
    p = fuse(None, scores, fitted, True)
    assert p[:, 0].mean() < p[:, 1].mean()


@pytest.mark.long
@pytest.mark.parametrize("multilabel", [False, True])
def test_few_texts_leave_the_parts_in_about_equal_weights(multilabel):
    rng = np.random.default_rng(6)
    logits, targets = drawn(1.5, n=4000, classes=3)
    views = [(logits + rng.normal(size=logits.shape)).astype(np.float32) for _ in range(2)]
    for size, spread in ((30, 0.2), (4000, 0.05)):
        fusions = [
            calibrate(*(view[n : n + size] for view in views), targets[n : n + size], multilabel).fusion
            for n in range(0, min(4000 - size + 1, 10 * size), size)
        ]
        assert np.sqrt(np.mean((np.array(fusions) - 0.5) ** 2)) < spread


def test_cross_fitted_probabilities_do_not_know_their_own_labels():
    """Where scores tell nothing, fitting on the same texts looks better than chance, and this does not."""
    rng = np.random.default_rng(7)
    scores = rng.normal(size=(60, 4)).astype(np.float32)
    targets = np.eye(4, dtype=np.float32)[rng.integers(4, size=60)]
    own = fuse(scores, None, calibrate(scores, None, targets, False), False)
    fair = cross_fit(scores, None, targets, False)
    assert loss(fair, targets, False) > loss(own, targets, False)
    np.testing.assert_allclose(fair.sum(axis=1), 1, atol=1e-5)


def test_copies_of_a_text_are_calibrated_without_each_other():
    rng = np.random.default_rng(9)
    scores = np.repeat(rng.normal(size=(20, 3)), 4, axis=0).astype(np.float32)
    targets = np.repeat(np.eye(3, dtype=np.float32)[rng.integers(3, size=20)], 4, axis=0)
    together = cross_fit(scores, None, targets, False, np.arange(80).reshape(20, 4).tolist())
    np.testing.assert_array_equal(together[::4], together[1::4])
    alone = cross_fit(scores, None, targets, False)
    assert (alone[::4] != alone[1::4]).any()
    singly = [[n] for n in range(80)]
    np.testing.assert_array_equal(cross_fit(scores, None, targets, False, singly), alone)


@pytest.mark.long
@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("texts", [1, 2, 5])
def test_a_handful_of_texts_is_cross_fitted_too(texts, multilabel):
    scores = np.random.default_rng(8).normal(size=(texts, 3)).astype(np.float32)
    targets = np.eye(3, dtype=np.float32)[np.arange(texts) % 3]
    found = cross_fit(scores, scores, targets, multilabel)
    assert found.shape == (texts, 3)
    assert ((found > 0) & (found < 1)).all()


@pytest.mark.long
@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("texts", [1, 3, 10])
def test_few_texts_without_a_mistake_make_no_sure_model(texts, multilabel):
    targets = np.eye(3, dtype=np.float32)[np.arange(texts) % 3]
    margins = 0.6 * targets - 0.3
    fitted = calibrate(margins, margins, targets, multilabel)
    assert fuse(margins, margins, fitted, multilabel).max() < 1 - 0.05 / texts


def test_many_texts_without_a_mistake_do():
    targets = np.eye(3, dtype=np.float32)[np.arange(3000) % 3]
    margins = 0.6 * targets - 0.3
    assert fuse(margins, None, calibrate(margins, None, targets, False), False).max() > 0.99


def test_a_constant_added_to_the_log_odds_of_several_labels_changes_no_loss():
    rng = np.random.default_rng(9)
    logits = rng.normal(size=(500, 4)).astype(np.float32)
    targets = (rng.random((500, 4)) < 1 / (1 + np.exp(1 - 2 * logits))).astype(np.float32)
    plain = scaled_loss(logits, targets, True)
    assert scaled_loss(logits + 1.5, targets, True) == pytest.approx(plain, rel=1e-3)
    assert scaled_loss(rng.permutation(logits), targets, True) > 1.1 * plain


def test_no_dev_text_with_a_known_label_leaves_the_scales_alone():
    scores = np.ones((2, 3), np.float32)
    assert calibrate(scores, scores, np.zeros((2, 3), np.float32), False) == Calibration(fusion=0.5)


def test_a_faultless_part_keeps_a_finite_scale():
    targets = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    assert 1 < calibrate(targets, None, targets, False).gru_scale < 1e4
