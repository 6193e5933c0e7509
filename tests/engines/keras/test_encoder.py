"""`GRUEncoder` as a citizen of Keras: functional models, saving, masks, numeric sequences, training."""

import numpy as np
import pytest

from grutext.errors import ConfigError
from grutext.model.spec import POOLINGS

pytestmark = pytest.mark.tf


def classifier(**options):
    from grutext.encoder import GRUEncoder
    from grutext.engines.keras.backend import keras

    ids = keras.Input((None,), dtype="int32")
    vectors = GRUEncoder(6, vocabulary_size=20, embedding_size=8, **options)(ids)
    return keras.Model(ids, keras.layers.Dense(3)(vectors))


def some_ids():
    ids = np.random.default_rng(0).integers(1, 20, (5, 9))
    ids[1, 4:], ids[3, :] = 0, 0
    return ids


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_saved_model_loads_and_gives_the_same(pooling, tmp_path):
    from grutext.engines.keras.backend import keras

    model = classifier(pooling=pooling, layers=2)
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(some_ids()), model(some_ids()), atol=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("bidirectional", [True, False])
def test_padding_changes_nothing(pooling, bidirectional):
    model = classifier(pooling=pooling, bidirectional=bidirectional)
    ids = some_ids()
    longer = np.pad(ids, ((0, 0), (0, 4)))
    np.testing.assert_allclose(model(longer), model(ids), atol=1e-6)
    assert not np.allclose(model(ids)[0], model(ids)[1])


@pytest.mark.parametrize("pooling", [*POOLINGS, None])
def test_without_a_mask_every_step_is_real(pooling):
    from grutext.encoder import GRUEncoder

    rng = np.random.default_rng(1)
    steps = rng.normal(size=(3, 5, 4)).astype(np.float32)
    encoder = GRUEncoder(6, convolution=3, pooling=pooling)
    encoder.build(steps.shape)
    encoder.set_weights([rng.normal(size=w.shape) for w in encoder.get_weights()])
    found = encoder(steps)
    np.testing.assert_allclose(found, encoder(steps, mask=np.ones((3, 5), bool)), atol=1e-6)
    assert not np.allclose(found, encoder(steps, mask=np.arange(5) < np.array([5, 4, 3])[:, None]))


def test_states_come_with_their_mask_into_the_next_layer():
    from grutext.encoder import GRUEncoder
    from grutext.engines.keras.backend import keras

    ids = keras.Input((None,), dtype="int32")
    states = GRUEncoder(6, vocabulary_size=20, pooling=None)(ids)
    assert states.shape == (None, None, 12)
    model = keras.Model(ids, GRUEncoder(4, pooling="mean")(states))
    np.testing.assert_allclose(model(np.pad(some_ids(), ((0, 0), (0, 3)))), model(some_ids()), atol=1e-6)


def test_it_learns_which_of_two_numeric_sequences_rises():
    """The tutorial's case: scaled numbers in, one Dense on top, squared error."""
    from grutext.encoder import GRUEncoder
    from grutext.engines.keras.backend import keras

    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(2)
    slopes = rng.uniform(-1, 1, 256)
    series = slopes[:, None, None] * np.linspace(0, 1, 12)[None, :, None] + rng.normal(0, 0.1, (256, 12, 1))
    inputs = keras.Input((None, 1))
    model = keras.Model(inputs, keras.layers.Dense(1)(GRUEncoder(8, pooling="last")(inputs)))
    model.compile(keras.optimizers.Adam(0.02), "mse", jit_compile=False)
    history = model.fit(series, slopes, epochs=12, batch_size=32, verbose=0)
    assert history.history["loss"][-1] < 0.02 < history.history["loss"][0]


def test_an_unknown_pooling_is_refused_by_name():
    from grutext.encoder import GRUEncoder

    with pytest.raises(ConfigError, match='no pooling "median"; it is one of last, max, mean, attention'):
        GRUEncoder(pooling="median")


@pytest.mark.parametrize("width", [3, 5])
def test_the_convolution_and_its_gradients_equal_those_of_tensorflow(width):
    from grutext.engines.keras.backend import tf
    from grutext.engines.keras.encoder import convolve

    rng = np.random.default_rng(6)
    shapes = ((4, 3, 5), (width, 5, 6), (6,))  # (T, N, E), with fewer steps than the widest window
    steps, kernel, bias, upstream = (
        tf.constant(rng.normal(size=shape), tf.float32) for shape in (*shapes, (4, 3, 6))
    )
    results = []
    for by_tensorflow in (False, True):
        with tf.GradientTape() as tape:
            tape.watch([steps, kernel, bias])
            if by_tensorflow:
                seen = tf.nn.conv1d(tf.transpose(steps, [1, 0, 2]), kernel, 1, "SAME") + bias
                seen = tf.transpose(seen, [1, 0, 2])
            else:
                seen = convolve(steps, kernel, bias)
            total = tf.reduce_sum(seen * upstream)
        results.append([seen, *tape.gradient(total, [steps, kernel, bias])])
    for mine, other in zip(*results, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)
