"""Numba's encoder pass against TensorFlow: pooled vectors and all gradients, of ragged texts and an empty one."""

import itertools

import numpy as np
import pytest

from grutext.config import GRUConfig
from grutext.kernels.compiling import BLOCK_ROWS
from grutext.model.spec import encoder_spec, pooled_width

kernels = pytest.importorskip("grutext.kernels.training", exc_type=ImportError)
SIZE, UNITS, TEXTS = 5, 3, 6
CONFIGS = [
    GRUConfig(
        embedding_size=SIZE, units=UNITS, layers=layers, bidirectional=both, pooling=pooling, convolution=convolution
    )
    for layers, both, pooling, convolution in itertools.product(
        (1, 2), (False, True), ("max", "mean", "max+mean"), (0, 3, 7)
    )
]  # fmt: skip
STEPS = [1, 4, BLOCK_ROWS // TEXTS + 9]  # fewer than the convolution is wide, and more than a block has


def drawn(config, steps, rng):
    """Random weights and biases; texts with gaps and garbage where there is no token."""
    weights = {name: rng.normal(size=shape, scale=0.4).astype(np.float32)
               for name, (shape, _) in encoder_spec(config).items()}  # fmt: skip
    mask = rng.random((steps, TEXTS)) < [0.9, 0.5, 0.0, 1.0, 1.0, 0.2]
    vectors = np.where(mask[:, :, None], 1.0, 50.0) * rng.normal(size=(steps, TEXTS, SIZE))
    return weights, vectors.astype(np.float32), mask


@pytest.mark.tf
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize(
    "config", CONFIGS, ids=lambda c: f"{c.layers}-{c.bidirectional}-{c.pooling}-{c.convolution}"
)
def test_pooled_vectors_and_gradients_equal_those_of_tensorflow(config, steps):
    from grutext.engines.keras.backend import tf
    from grutext.engines.keras.encoder import GRUEncoder
    from grutext.engines.keras.weights import assign, encoder_variables
    from grutext.engines.numba.encoder import EncoderPass

    rng = np.random.default_rng(1)
    weights, vectors, mask = drawn(config, steps, rng)
    upstream = rng.normal(size=(TEXTS, pooled_width(config))).astype(np.float32)
    layer = GRUEncoder(
        UNITS, layers=config.layers, bidirectional=config.bidirectional, pooling=config.pooling,
        convolution=config.convolution,
    )  # fmt: skip
    layer.build((None, None, SIZE))
    variables = encoder_variables(layer)
    assign(variables, weights)
    watched = [tf.constant(vectors), *(variable.value for variable in variables.values())]
    with tf.GradientTape() as tape:
        tape.watch(watched[0])
        pooled = layer.encode(watched[0], tf.constant(mask))
    expected = tape.gradient(pooled, watched, output_gradients=tf.constant(upstream))

    encoder = EncoderPass(config, weights, vectors, mask)
    gradients = {name: np.full_like(array, np.nan) for name, array in weights.items()}
    found = encoder.backpropagate(upstream, gradients)
    np.testing.assert_allclose(encoder.pooled, pooled, atol=1e-5)
    assert not encoder.pooled[2].any(), "an empty text pools to zeros"
    expected = [np.asarray(array) for array in expected]
    for name, mine, theirs in zip(["steps", *gradients], [found, *gradients.values()], expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5 * max(1.0, np.abs(theirs).max()), err_msg=name)
    assert np.abs(found[:, 3:5]).max() > 1e-3
    assert not found[~mask].any()


@pytest.mark.parametrize("backward", [False, True])
def test_a_skipped_step_repeats_the_state_before_it_to_the_last_bit(backward):
    rng = np.random.default_rng(2)
    weights, vectors, mask = drawn(CONFIGS[0], 9, rng)
    three = [weights[f"gru/0/forward/{kind}"] for kind in ("kernel", "recurrent_kernel", "bias")]
    states, gates, inner = kernels.run_forward(vectors, mask, *three, backward)
    order = list(range(9))[:: -1 if backward else 1]
    before = np.zeros((TEXTS, UNITS), np.float32)
    for t in order:
        assert (states[t][~mask[t]] == before[~mask[t]]).all()
        assert (states[t][mask[t]] != before[mask[t]]).all()
        before = states[t]
    assert not gates[~mask].any()
    assert not inner[~mask].any()
