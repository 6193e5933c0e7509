"""TensorFlow's training steps against a reference in float64 NumPy whose gradients are finite differences."""

import numpy as np
import pytest
from support.reference_training import ReferenceTraining

from grutext.config import Config

pytestmark = pytest.mark.tf

WORDS, BUCKETS, CLASSES = 6, 7, 3
SIZES = {"gru.units": 2, "gru.embedding_size": 3, "text.subword_buckets": BUCKETS, "training.table_rate": 3.0}
STILL = {
    "training.embedding_dropout": 0.0,
    "training.pooled_dropout": 0.0,
    "training.adversarial_radius": 0.0,
}
OWN = {"training.adversarial_radius": 0.4, "training.adversarial_direction": "own"}
SHARED = {"training.adversarial_radius": 0.4, "training.adversarial_direction": "shared"}
DROPPED = {"training.embedding_dropout": 0.3, "training.pooled_dropout": 0.4}
LABEL_WEIGHTS = np.array([0.5, 1.0, 2.0], np.float32)
RATE = 0.01

# Five types, of which two have one word and one has no subwords; 5 is padding, and the third text is empty.
TOKENS = {
    "ids": [[0, 1, 2, 3, 1], [4, 1, 5, 5, 5], [5, 5, 5, 5, 5], [3, 3, 0, 5, 5]],
    "lengths": [5, 2, 0, 3],
    "word_rows": [0, 2, 3, 5],
    "type_words": [3, 0, 1, 2, 1],
    "bucket_rows": [1, 2, 4, 6],
    "type_buckets": [0, 1, 1, 3, 2, 0],
    "type_of_bucket": [0, 0, 1, 3, 3, 4],
}
TARGETS = {
    "softmax": [[0, 1, 0], [0.7, 0.1, 0.2], [0, 0, 1], [0, 1, 0]],
    "sigmoid": [[0, 1, 1], [0.6, 0, 0.3], [0, 0, 0], [0, 0, 1]],
}
CONTEXTS = {
    "contexts": [
        [5, 5, 5, 5, 0, 2, 3, 1, 5, 5],
        [5, 5, 0, 1, 2, 1, 5, 5, 5, 5],
        [5, 5, 5, 5, 5, 5, 5, 5, 5, 5],
        [4, 4, 0, 3, 1, 2, 2, 0, 1, 3],
    ],
    "predicted_types": [1, 2, 4],
    "predicted": [1, 0, 2, 1],
}


def batch_of(config, **others):
    """The tokens, without subwords where the configuration has none, and other entries."""
    batch = {name: np.array(values, np.int32) for name, values in (TOKENS | others).items()}
    if not config.text.subword_max:
        batch |= {name: batch[name][:0] for name in ("bucket_rows", "type_buckets", "type_of_bucket")}
    return batch


def with_random_weights(network):
    """Sets all weights, biases too, to random values, and the shared directions, if there are any."""
    rng = np.random.default_rng(3)
    network.assign({name: rng.normal(size=a.shape, scale=0.7) for name, a in network.arrays().items()})
    state = network.state()
    if "directions" in state:
        state["directions"] = rng.normal(size=state["directions"].shape).astype(np.float32)
        network.resume(state)


def check_weights(network, reference, before):
    arrays = network.arrays()
    assert arrays.keys() == reference.weights.keys()
    for name, array in reference.weights.items():
        np.testing.assert_allclose(arrays[name], array, atol=2e-5, err_msg=name)
        assert np.abs(array - before[name]).max() > 0.5 * RATE, f"{name} has not moved"
    for name in set(arrays) & {"embedding/words", "embedding/subwords"}:
        rows = {"embedding/words": [1, 4], "embedding/subwords": [0, 3, 5]}[name]
        np.testing.assert_array_equal(arrays[name][rows], before[name][rows], "rows that no batch uses")


@pytest.mark.parametrize(
    ("head", "settings"),
    [
        ("softmax", {"gru.pooling": "max+mean"} | OWN),
        ("softmax", {"gru.pooling": "attention", "gru.reset_after": False, "gru.layers": 2}),
        ("sigmoid", {"gru.pooling": "attention", "training.clip_norm": 0.02} | DROPPED),
        ("softmax", {"gru.pooling": "last", "gru.convolution": 0, "text.subword_max": 0} | SHARED),
        ("sigmoid", {"gru.pooling": "last", "gru.reset_after": False} | OWN | DROPPED),
        ("sigmoid", {"gru.pooling": "max+mean", "gru.reset_after": False, "gru.bidirectional": False} | SHARED),
    ],
    ids=["own", "before", "clipped", "shared", "dropped", "forward"],
)  # fmt: skip
def test_training_steps_equal_those_of_the_reference(head, settings):
    from grutext.engines.keras.backend import tf
    from grutext.engines.keras.network import KerasNetwork

    config = Config().override(SIZES | STILL | settings)
    network = KerasNetwork(config, WORDS, CLASSES, head, LABEL_WEIGHTS)
    with_random_weights(network)
    before, directions = network.arrays(), network.state().get("directions")
    reference = ReferenceTraining(config, before, head, LABEL_WEIGHTS, directions)
    weights = np.array([1.0, 0.4, 2.5, 1.7], np.float32)
    batch = batch_of(config) | {"targets": np.array(TARGETS[head], np.float32), "weights": weights}
    vectors, pooled = (5, 4, 3), (4, before["head/kernel"].shape[0])
    options = config.training
    for step in (1, 2):
        dropout = [
            network._dropout(tf.ones(shape), rate, np.int32(step), salt).numpy().astype(np.float64)
            for shape, rate, salt in (
                (vectors, options.embedding_dropout, 0),
                (pooled, options.pooled_dropout, 1),
                (pooled, options.pooled_dropout, 2),
            )
        ]
        assert all((mask == 0).any() == bool(options.pooled_dropout) for mask in dropout)
        expected = reference.train_step(batch, step, RATE, dropout)
        assert network.train_step(batch, step, RATE) == pytest.approx(expected, rel=1e-5)
    check_weights(network, reference, before)
    assert network.steps == 2
    if directions is not None:
        np.testing.assert_allclose(network.state()["directions"], reference.directions, atol=1e-5)
        assert np.abs(reference.directions - directions).max() > 0.1


@pytest.mark.parametrize(
    "settings", [{}, {"gru.layers": 2, "text.subword_max": 0}], ids=["default", "without subwords"]
)
def test_pretraining_steps_equal_those_of_the_reference(settings):
    from grutext.engines.keras.cbow import KerasCBOW

    config = Config().override(SIZES | STILL | settings)
    network = KerasCBOW(config, WORDS)
    with_random_weights(network)
    before = network.arrays()
    reference = ReferenceTraining(config, before)
    batch = batch_of(config, **CONTEXTS)
    for step in (1, 2):
        expected = reference.train_step(batch, step, RATE)
        assert network.train_step(batch, step, RATE) == pytest.approx(expected, rel=1e-5)
    check_weights(network, reference, before)


@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_dropout_zeroes_a_share_of_the_values_and_keeps_their_mean(rate):
    from grutext.engines.keras.backend import tf
    from grutext.engines.keras.network import KerasNetwork

    network = KerasNetwork(Config().override(SIZES), WORDS, CLASSES, "softmax")
    found = [
        network._dropout(tf.ones((400, 500)), rate, np.int32(step), salt).numpy()
        for step, salt in ((1, 0), (1, 1), (2, 0), (1, 0))
    ]
    for values in found:
        assert set(np.unique(values).tolist()) == {0.0, np.float32(1 / (1 - rate))}
        assert (values == 0).mean() == pytest.approx(rate, abs=0.005)
    assert (found[0] == found[3]).all()
    for other in found[1:3]:
        assert abs(np.corrcoef(found[0].ravel(), other.ravel())[0, 1]) < 0.02
