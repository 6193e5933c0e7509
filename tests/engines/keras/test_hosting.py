"""The layers as Keras hosts them: its layer checks, dropout, export, `TimeDistributed`, XLA, several devices."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tf

ROOT = Path(__file__).parents[3]
SEQUENCES, STEPS, SIZE, UNITS = 4, 6, 3, 5
MASK = np.arange(STEPS) < np.array([6, 1, 0, 4])[:, None]


def some_numbers():
    return np.random.default_rng(1).normal(size=(SEQUENCES, STEPS, SIZE)).astype(np.float32)


def some_ids():
    return np.random.default_rng(2).integers(1, 9, (SEQUENCES, STEPS)) * MASK


def built(layer, shape=(None, None, SIZE)):
    """The layer with random weights and biases."""
    layer.build(shape)
    draw = np.random.default_rng(3)
    layer.set_weights([draw.normal(size=weight.shape, scale=0.5) for weight in layer.get_weights()])
    return layer


def check_layer(layer, init_kwargs, shape, output_shape, **kwargs):
    """Run Keras' checks of a layer: its config, shapes, a training step, mixed precision."""
    testing = pytest.importorskip("keras.src.testing", reason="this installation of Keras has no test case")
    testing.TestCase().run_layer_test(
        layer, init_kwargs=init_kwargs, input_shape=shape, expected_output_shape=output_shape,
        supports_masking=True, **kwargs,
    )  # fmt: skip


GENERATORS = "ignore:`shuffle=True` was passed:UserWarning"  # Keras' checks pass a generator to `fit`


@pytest.mark.slow
@pytest.mark.filterwarnings(GENERATORS)
def test_the_encoder_passes_the_checks_of_keras():
    from grutext.encoder import GRUEncoder

    options = {
        "units": UNITS, "convolution": 3, "dropout": 0.2, "recurrent_dropout": 0.3, "seed": 1,
        "kernel_initializer": "he_normal", "kernel_regularizer": "l2", "bias_regularizer": "l1",
        "recurrent_constraint": "max_norm", "reset_after": False, "pooling": "attention",
    }  # fmt: skip
    check_layer(
        GRUEncoder, options, (2, 4, SIZE), (2, 2 * UNITS), call_kwargs={"training": True},
        expected_num_losses=4, expected_num_trainable_weights=2 + 2 * 3 + 3,
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.filterwarnings(GENERATORS)
def test_the_encoder_of_ids_passes_the_checks_of_keras():
    from grutext.encoder import GRUEncoder

    check_layer(
        GRUEncoder, {"units": UNITS, "vocabulary_size": 9, "pooling": None, "bidirectional": False}, (2, 4),
        (2, 4, UNITS), input_dtype="int32", expected_mask_shape=(2, 4), expected_num_trainable_weights=4,
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.filterwarnings(GENERATORS)
@pytest.mark.parametrize("name", ["LastPooling", "AttentionPooling", "MaxMeanPooling"])
def test_the_poolings_pass_the_checks_of_keras(name):
    from grutext import encoder

    check_layer(
        getattr(encoder, name), {}, (2, 4, 6), (2, 12 if name == "MaxMeanPooling" else 6),
        run_training_check=name == "AttentionPooling",
    )  # fmt: skip


OPTIONS = [
    {"activation": "relu"},
    {"recurrent_activation": "hard_sigmoid"},
    {"activation": None, "recurrent_activation": None, "use_bias": False},
    {"recurrent_dropout": 0.4, "seed": 3},
    {"dropout": 0.4, "seed": 3},
    {"dropout": 0.4, "implementation": 1, "use_cudnn": False, "seed": 3},
    {"unroll": True},
    {"use_bias": False},
    {"use_bias": False, "reset_after": False},
    {"zero_output_for_mask": True},
]
OWN = [{}, *OPTIONS[4:5], *OPTIONS[7:]]


@pytest.mark.parametrize("options", OPTIONS, ids="-".join)
@pytest.mark.parametrize("backwards", [False, True], ids=["forward", "backward"])
def test_every_argument_means_what_it_means_in_keras(options, backwards):
    from grutext.encoder import GRU
    from grutext.engines.keras.backend import keras

    results = []
    for layer in (GRU, keras.layers.GRU):
        made = built(
            layer(UNITS, return_sequences=True, return_state=True, go_backwards=backwards, **options)
        )
        results.append(made(some_numbers(), mask=MASK, training=True))
        assert layer is keras.layers.GRU or made.runs_own_recurrence(training=True) == (options in OWN)
    for mine, other in zip(*results, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)


def test_numbers_may_be_integers_and_a_mask_may_have_an_axis_of_one():
    from grutext.encoder import GRU

    numbers, gru = some_numbers().round().astype(np.int32), built(GRU(UNITS))
    expected = gru(numbers.astype(np.float32), mask=MASK)
    np.testing.assert_allclose(gru(numbers, mask=MASK[:, :, None]), expected, atol=1e-6)


def test_a_stateful_gru_goes_on_from_batch_to_batch():
    from grutext.encoder import GRU

    whole = built(GRU(UNITS))(some_numbers())
    stateful = built(GRU(UNITS, stateful=True), (SEQUENCES, None, SIZE))
    stateful(some_numbers()[:, :2])
    np.testing.assert_allclose(stateful(some_numbers()[:, 2:]), whole, atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"dropout": 0.5}, {"recurrent_dropout": 0.5}], ids=lambda o: next(iter(o))
)
def test_the_encoder_drops_out_in_training_only_and_by_its_seed(options):
    from grutext.encoder import GRUEncoder

    plain = built(GRUEncoder(UNITS))
    one, other = (built(GRUEncoder(UNITS, seed=4, **options)) for _ in range(2))
    numbers = some_numbers()
    expected = np.asarray(plain(numbers, mask=MASK))
    np.testing.assert_allclose(one(numbers, mask=MASK), expected, atol=1e-6)
    dropped = np.asarray(one(numbers, mask=MASK, training=True))
    np.testing.assert_allclose(other(numbers, mask=MASK, training=True), dropped, atol=1e-6)
    assert np.abs(dropped - expected).max() > 0.01
    assert not dropped[2].any()
    assert np.abs(np.asarray(one(numbers, mask=MASK, training=True)) - dropped).max() > 0.01


def test_the_recurrence_of_keras_within_the_encoder_gives_the_same():
    from grutext.encoder import GRUEncoder

    ours, theirs = GRUEncoder(UNITS, layers=2, pooling=None), GRUEncoder(UNITS, layers=2, pooling=None)
    for gru in theirs.grus:
        gru.unroll = True
    assert not theirs.grus[0].runs_own_recurrence(training=False)
    np.testing.assert_allclose(
        built(theirs)(some_numbers(), mask=MASK), built(ours)(some_numbers(), mask=MASK), atol=1e-5
    )


def test_ids_are_skipped_where_the_mask_says_so_too():
    from grutext.encoder import GRUEncoder

    encoder = GRUEncoder(UNITS, vocabulary_size=9)
    ids = some_ids()
    mask = np.arange(STEPS) < 3
    np.testing.assert_allclose(
        encoder(ids, mask=np.broadcast_to(mask, ids.shape)), encoder(ids * mask), atol=1e-6
    )


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("pooling", ["max+mean", "attention"])
def test_an_encoder_in_half_precision_stays_near(policy, pooling):
    from grutext.encoder import GRUEncoder

    full, half = (built(GRUEncoder(UNITS, convolution=3, pooling=pooling, dtype=p)) for p in (None, policy))
    near = half(some_numbers(), mask=MASK)
    assert near.dtype == policy.removeprefix("mixed_")
    assert all(weight.dtype == "float32" for weight in half.weights)
    near = np.asarray(near).astype(np.float32)
    np.testing.assert_allclose(near, full(some_numbers(), mask=MASK), atol=0.05)


@pytest.mark.long
@pytest.mark.parametrize("length", [pytest.param(2, marks=pytest.mark.slow), None], ids=["fixed", "open"])
def test_time_distributed_encodes_the_sentences_of_a_document(length):
    from grutext.encoder import GRUEncoder
    from grutext.engines.keras.backend import keras

    encoder = GRUEncoder(UNITS, vocabulary_size=9)
    documents = np.stack([some_ids(), some_ids()[::-1]], axis=1)  # (N, 2, T)
    inputs = keras.Input((length, STEPS), dtype="int32")
    model = keras.Model(inputs, GRUEncoder(4)(keras.layers.TimeDistributed(encoder)(inputs)))
    vectors = model.layers[1](documents)
    for n in range(2):
        np.testing.assert_allclose(vectors[:, n], encoder(documents[:, n]), atol=1e-6)
    model.compile("sgd", "mse")
    before = encoder.get_weights()[0]
    model.fit(documents, np.ones((SEQUENCES, 16)), verbose=0)
    assert np.abs(encoder.get_weights()[0] - before).max() > 1e-6


@pytest.mark.long
def test_an_exported_model_answers_the_same(tmp_path):
    from grutext.encoder import GRU, GRUEncoder
    from grutext.engines.keras.backend import keras, tf

    ids = keras.Input((None,), dtype="int32")
    states = GRUEncoder(UNITS, vocabulary_size=9, embedding_size=3, pooling=None, dropout=0.2)(ids)
    states = GRU(UNITS, return_sequences=True, recurrent_dropout=0.2)(states)
    model = keras.Model(ids, keras.layers.Dense(2)(GRUEncoder(4, convolution=3)(states)))
    model.export(tmp_path / "exported", verbose=False)
    served = tf.saved_model.load(tmp_path / "exported")
    for given in (tf.constant(ids, tf.int32) for ids in (some_ids(), some_ids()[:2, :5])):
        np.testing.assert_allclose(served.serve(given), model(given), atol=1e-6)


@pytest.mark.long
def test_a_sequential_model_compiles_without_a_word_about_xla_and_learns():
    from grutext.encoder import GRU, GRUEncoder
    from grutext.engines.keras.backend import keras

    model = keras.Sequential([GRU(UNITS, return_sequences=True), GRUEncoder(UNITS), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    assert not model.jit_compile
    losses = model.fit(some_numbers(), np.ones(SEQUENCES), epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


TWO_DEVICES = """
import json, sys
import numpy as np
from grutext.encoder import GRUEncoder
from grutext.engines.keras.backend import keras, tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
rng = np.random.default_rng(5)
ids, targets = rng.integers(0, 9, (16, 7)), rng.normal(size=(16, 2))

def learned(strategy):
    keras.utils.set_random_seed(3)
    with strategy.scope():
        encoder = GRUEncoder(5, vocabulary_size=9, embedding_size=4)
        model = keras.Sequential([keras.Input((None,), dtype="int32"), encoder, keras.layers.Dense(2)])
        model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(ids, targets, batch_size=8, epochs=3, shuffle=False, verbose=0)
    return [weight.tolist() for weight in model.get_weights()]

mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
print(json.dumps([mirrored.num_replicas_in_sync, learned(mirrored), learned(tf.distribute.get_strategy())]))
"""


@pytest.mark.slow
def test_two_devices_learn_what_one_learns():
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    replicas, mirrored, alone = json.loads(done.stdout.splitlines()[-1])
    assert replicas == 2
    for mine, other in zip(mirrored, alone, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)
