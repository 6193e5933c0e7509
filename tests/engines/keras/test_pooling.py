"""The poolings as layers of a Keras model, against loops over the real steps of each sequence."""

import numpy as np
import pytest

from grutext.model.spec import POOLINGS

pytestmark = pytest.mark.tf

SEQUENCES, STEPS, SIZE = 4, 6, 4
MASK = np.arange(STEPS) < np.array([6, 1, 0, 4])[:, None]
GAPS = MASK & (np.arange(STEPS) != 2)


def layer_of(name):
    from grutext.engines.keras import pooling

    layer = pooling.POOLINGS[name]()
    layer.build((None, None, SIZE))
    draw = np.random.default_rng(1)
    layer.set_weights([draw.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


def expected(name, states, weights):
    """The vector of one sequence from its real steps, `(T, S)`."""
    if not len(states):
        return np.zeros(SIZE * POOLINGS[name])
    if name == "last":
        return np.concatenate([states[-1, : SIZE // 2], states[0, SIZE // 2 :]])
    if name == "attention":
        kernel, bias, query = weights
        shares = np.exp(np.tanh(states @ kernel + bias) @ query)
        return shares @ states / shares.sum()
    parts = {"max": states.max(axis=0), "mean": states.mean(axis=0)}
    return np.concatenate([parts[part] for part in name.split("+")])


@pytest.mark.parametrize("name", POOLINGS)
@pytest.mark.parametrize("mask", [MASK, GAPS, MASK[:, ::-1], None], ids=["ragged", "gaps", "left", "none"])
def test_a_pooling_equals_the_loops(name, mask):
    states = np.random.default_rng(2).normal(size=(SEQUENCES, STEPS, SIZE)).astype(np.float32)
    layer = layer_of(name)
    found = np.asarray(layer(states, mask=mask))
    assert found.shape == layer.compute_output_shape(states.shape)
    for n in range(SEQUENCES):
        real = states[n] if mask is None else states[n, mask[n]]
        np.testing.assert_allclose(found[n], expected(name, real, layer.get_weights()), atol=1e-5)


@pytest.mark.parametrize("name", POOLINGS)
def test_the_encoder_pools_as_the_layer_behind_it_does(name):
    from grutext.encoder import GRUEncoder

    ids = np.random.default_rng(3).integers(1, 9, (SEQUENCES, STEPS)) * MASK
    whole = GRUEncoder(SIZE // 2, pooling=name, vocabulary_size=9, embedding_size=3)
    states = GRUEncoder(SIZE // 2, pooling=None, vocabulary_size=9, embedding_size=3)
    pooling = layer_of(name)
    for layer in (whole, states):
        layer(ids)
    states.set_weights(whole.get_weights()[: len(states.get_weights())])
    whole.pool.set_weights(pooling.get_weights())
    np.testing.assert_allclose(whole(ids), pooling(states(ids), mask=ids != 0), atol=1e-6)


def test_it_takes_the_mask_of_the_layer_before_it():
    from grutext.encoder import LastPooling
    from grutext.engines.keras.backend import keras

    ids = np.random.default_rng(4).integers(1, 9, (SEQUENCES, STEPS)) * MASK
    model = keras.Sequential(
        [
            keras.layers.Embedding(9, 3, mask_zero=True),
            keras.layers.GRU(SIZE, return_sequences=True, zero_output_for_mask=True),
            LastPooling(bidirectional=False),
        ]
    )
    states = model.layers[1](model.layers[0](ids), mask=ids != 0)
    lengths = MASK.sum(axis=1)
    ends = [states[n, length - 1] if length else np.zeros(SIZE) for n, length in enumerate(lengths)]
    np.testing.assert_allclose(model(ids), ends, atol=1e-6)
