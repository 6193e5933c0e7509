"""Dropout and losses in compiled kernels. Adam and the shifts are compared with TensorFlow in tests/engines/numba."""

import numpy as np
import pytest

kernels = pytest.importorskip("grutext.kernels.training", exc_type=ImportError)


def dropped(size=200_000, rate=0.3, seed=5, first=0):
    values = np.ones(size, np.float32)
    kernels.drop(values, rate, seed, first)
    return values


def test_dropout_zeroes_a_share_and_keeps_the_mean():
    values = dropped()
    assert np.unique(values).tolist() == [0.0, np.float32(1) / np.float32(1 - np.float32(0.3))]
    assert np.mean(values == 0) == pytest.approx(0.3, abs=0.005)
    # Neighbours, and places a row or a power of two apart, know nothing of one another.
    hidden = (values == 0).astype(float)
    for apart in (1, 2, 3, 64, 128, 255, 256, 4096, 65_536):
        assert abs(np.corrcoef(hidden[apart:], hidden[:-apart])[0, 1]) < 0.015, apart


def test_seed_and_place_decide_what_dropout_zeroes():
    assert (dropped() == dropped()).all()
    assert (dropped(1000, first=500) == dropped(1500)[500:]).all()
    for seed in (4, 6, 5 + (1 << 31)):
        hidden, other = dropped(seed=seed) == 0, dropped() == 0
        assert abs(np.corrcoef(hidden, other)[0, 1]) < 0.015


def test_dropout_zeroes_the_same_places_whatever_the_values():
    values = np.random.default_rng(1).normal(size=1000).astype(np.float32)
    expected = values * dropped(1000)
    kernels.drop(values, 0.3, 5, 0)
    np.testing.assert_array_equal(values, expected)


@pytest.mark.tf
@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_losses_and_their_gradients_are_those_of_tensorflow(head, scale):
    from grutext.engines.keras.backend import tf
    from grutext.engines.keras.losses import LOSSES

    rng = np.random.default_rng(3)
    logits = (rng.normal(size=(7, 4)) * scale).astype(np.float32)
    targets = np.eye(4, dtype=np.float32)[rng.integers(4, size=7)]
    targets[2] = 0  # a text without a label
    if head == "sigmoid":
        targets[3] = 1
    targets[4] = [0.1, 0.2, 0.3, 0.4]  # labels that are not certain
    weights, text_weights = (
        np.array([0.3, 1.0, 2.0, 1.5], np.float32),
        rng.uniform(0, 3, 7).astype(np.float32),
    )
    with tf.GradientTape() as tape:
        tensor = tf.constant(logits)
        tape.watch(tensor)
        losses = LOSSES[head](tensor, tf.constant(targets), 0.1, tf.constant(weights))
        total = tf.reduce_sum(text_weights * losses)
    found, gradient = getattr(kernels, f"{head}_loss")(logits, targets, text_weights, weights, 0.1)
    assert found == pytest.approx(float(total), rel=1e-5)
    np.testing.assert_allclose(gradient, tape.gradient(total, tensor), atol=1e-5)
