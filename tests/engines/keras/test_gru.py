"""The GRU layer against `keras.layers.GRU` with the same weights: outputs, states, all gradients."""

import itertools

import numpy as np
import pytest

pytestmark = pytest.mark.tf

TEXTS, STEPS, INPUTS, UNITS = 5, 7, 4, 3
RAGGED = np.arange(STEPS) < np.array([7, 1, 4, 0, 6])[:, None]
MASKS = {
    "none": None,
    "ragged": RAGGED,
    "left": RAGGED[:, ::-1],
    "gaps": np.random.default_rng(1).random((TEXTS, STEPS)) < 0.6,
}
OPTIONS = [
    {"reset_after": after, "go_backwards": backwards, "return_sequences": sequences, "return_state": state}
    for after, backwards, sequences, state in itertools.product([True, False], repeat=4)
]


def name_of(options):
    return "-".join(name for name, chosen in options.items() if chosen) or "plain"


def outputs_and_gradients(layer, mask, with_state):
    """Return the outputs of a layer, and the gradients of a random weighting of them."""
    from grutext.engines.keras.backend import tf

    rng = np.random.default_rng(2)
    inputs = tf.constant(rng.normal(size=(TEXTS, STEPS, INPUTS)), tf.float32)
    start = tf.constant(rng.normal(size=(TEXTS, UNITS)), tf.float32)
    layer.build(inputs.shape)
    layer.set_weights([rng.normal(size=w.shape, scale=0.6) for w in layer.get_weights()])
    with tf.GradientTape() as tape:
        tape.watch([inputs, start])
        said = layer(inputs, mask=mask, initial_state=start if with_state else None, training=True)
        said = list(said) if isinstance(said, (tuple, list)) else [said]
        total = tf.add_n([tf.reduce_sum(part * rng.normal(size=part.shape)) for part in said])
    sources = [inputs, *([start] if with_state else []), *(w.value for w in layer.trainable_weights)]
    return said, tape.gradient(total, sources)


@pytest.mark.parametrize("options", OPTIONS, ids=name_of)
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("with_state", [True, False], ids=["state", "zeros"])
def test_outputs_and_gradients_equal_those_of_keras(options, mask, with_state):
    from grutext.encoder import GRU
    from grutext.engines.keras.backend import keras

    theirs = keras.layers.GRU(UNITS, use_cudnn=False, **options)
    ours, ours_gradients = outputs_and_gradients(GRU(UNITS, **options), mask, with_state)
    by_keras, keras_gradients = outputs_and_gradients(theirs, mask, with_state)
    for mine, other in zip(ours, by_keras, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)
    for mine, other in zip(ours_gradients, keras_gradients, strict=True):
        np.testing.assert_allclose(mine, other, atol=3e-5)


@pytest.mark.parametrize("options", OPTIONS[:4], ids=name_of)
def test_a_saved_model_with_masks_and_states_loads_and_gives_the_same(options, tmp_path):
    from grutext.encoder import GRU
    from grutext.engines.keras.backend import keras

    ids, start = keras.Input((None,), dtype="int32"), keras.Input((UNITS,))
    vectors = keras.layers.Embedding(9, INPUTS, mask_zero=True)(ids)
    model = keras.Model([ids, start], GRU(UNITS, **options)(vectors, initial_state=start))
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    data = [rng.integers(1, 9, (TEXTS, STEPS)) * RAGGED, rng.normal(size=(TEXTS, UNITS))]
    for mine, other in zip(model.predict(data, verbose=0), loaded.predict(data, verbose=0), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_weights_that_a_model_of_keras_saved_can_be_loaded(tmp_path):
    from grutext.encoder import GRU
    from grutext.engines.keras.backend import keras

    theirs, ours = (
        keras.Sequential([keras.Input((None, INPUTS)), layer(UNITS), keras.layers.Dense(2)])
        for layer in (keras.layers.GRU, GRU)
    )
    theirs.save_weights(tmp_path / "model.weights.h5")
    ours.load_weights(tmp_path / "model.weights.h5")
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_it_trains_within_a_graph_whose_gradient_is_taken_outside():
    from grutext.encoder import GRU
    from grutext.engines.keras.backend import tf

    layer = GRU(UNITS)
    inputs = tf.constant(np.random.default_rng(4).normal(size=(TEXTS, STEPS, INPUTS)), tf.float32)
    layer(inputs)
    gradients = []

    def call(values):
        return layer(values, mask=RAGGED, training=True)

    for run in (call, tf.function(call)):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(run(inputs))
        gradients.append(tape.gradient(loss, layer.trainable_weights[0].value))
    np.testing.assert_allclose(*gradients, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_stays_near(policy):
    from grutext.encoder import GRU

    inputs = np.random.default_rng(5).normal(size=(TEXTS, STEPS, INPUTS))
    full, half = GRU(UNITS), GRU(UNITS, dtype=policy)
    full.build(inputs.shape)
    half.build(inputs.shape)
    half.set_weights(full.get_weights())
    near = np.asarray(half(inputs, mask=RAGGED)).astype(np.float32)
    np.testing.assert_allclose(near, full(inputs, mask=RAGGED), atol=0.03)
