"""`GRUEncoder` in Keras: functional models, saving, masks, numeric sequences, training, wrong input."""

import re
import subprocess
import sys

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
    model.compile(keras.optimizers.Adam(0.02), "mse")
    history = model.fit(series, slopes, epochs=12, batch_size=32, verbose=0)
    assert history.history["loss"][-1] < 0.02 < history.history["loss"][0]


def test_an_unknown_pooling_is_refused_by_name():
    from grutext.encoder import GRUEncoder

    with pytest.raises(
        ConfigError, match='no pooling "median"; it must be one of last, max, mean, attention'
    ):
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


IDS, NUMBERS = {"vocabulary_size": 20}, {"embedding_size": 4}


@pytest.mark.parametrize(
    ("options", "shape", "dtype", "error", "said"),
    [
        (IDS, (2, 3), "float32", TypeError, r"expects token ids: integers of shape \(N, T\), not float32 of .*begin a Sequential model with keras.Input"),
        (IDS, (2, 3), "bool", TypeError, r"expects token ids: integers of shape \(N, T\), not bool of"),
        (IDS, (2, 3), "string", TypeError, "not string of .*turn texts into ids first"),
        (IDS, (3,), "int32", ValueError, r"expects token ids: .* not an input of shape \(3,\)"),
        (IDS, (2, 3, 4), "int32", ValueError, r"expects token ids: .* not an input of shape \(2, 3, 4\)"),
        (NUMBERS, (2, 3), "float32", ValueError, r"expects numbers .* not an input of shape \(2, 3\); with voc"),
        (NUMBERS, (2, 3, 4, 5), "float32", ValueError, r"expects numbers .*\(2, 3, 4, 5\)"),
        (NUMBERS, (2, 3, 4), "string", TypeError, "expects numbers .* not string of .*turn texts into ids first"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("symbolic", [False, True], ids=["array", "symbol"])
def test_input_of_the_wrong_kind_is_refused_with_what_the_layer_takes(
    options, shape, dtype, error, said, symbolic
):
    from grutext.encoder import GRUEncoder
    from grutext.engines.keras.backend import keras

    array = np.full(shape, "a") if dtype == "string" else np.ones(shape, dtype)
    inputs = keras.Input(shape[1:], dtype=dtype) if symbolic else array
    if symbolic:  # the number of sequences is open
        said = said.replace(r"\(2, ", r"\(None, ").replace(r"\(3,\)", r"\(None,\)")
    with pytest.raises(error, match=said):
        GRUEncoder(6, **options)(inputs)


def test_a_built_layer_refuses_input_of_the_wrong_kind_too():
    from grutext.encoder import GRU, GRUEncoder

    ids = GRUEncoder(6, vocabulary_size=20)
    ids(some_ids())
    with pytest.raises(TypeError, match=r"integers of shape .* not float32"):
        ids(some_ids().astype(np.float32))
    with pytest.raises(ValueError, match=r"expected ndim=3, found ndim=2. Full shape received: \(5, 9\)"):
        GRU(6)(some_ids())
    with pytest.raises(ValueError, match="where F is known"):
        GRUEncoder(6).build((None, None, None))


@pytest.mark.long
def test_a_fresh_process_loads_a_saved_model_after_the_import_that_the_error_names(tmp_path):
    from grutext.engines.keras.backend import keras

    model = classifier()
    model.save(tmp_path / "model.keras")
    load = "import keras; model = keras.models.load_model('model.keras'); print(model.output_shape)"

    def run(code):
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    refused = run(load)
    assert refused.returncode == 1
    (name,) = set(re.findall(r"'registered_name': '(grutext\.[^']+)'", refused.stderr))
    assert name == "grutext.encoder>GRUEncoder"
    assert "'module': 'grutext.encoder'" in refused.stderr
    loaded = run(f"import {name.partition('>')[0]}; {load}")
    assert loaded.stdout.split("\n")[-2] == str((None, 3)), loaded.stderr
    assert keras.models.load_model(tmp_path / "model.keras").output_shape == (None, 3)
