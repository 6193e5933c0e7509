"""Keras, NumPy and Numba compute the same: both conventions, both directions, every pooling, ragged and empty texts."""

import itertools

import numpy as np
import pytest

from grutext.config import GRUConfig
from grutext.inference.encoder import Encoder
from grutext.kernels import why_unavailable
from grutext.model.spec import POOLINGS, encoder_spec

pytestmark = pytest.mark.tf

LENGTHS = np.array([3, 7, 0, 1, 4], np.int32)
EMBEDDING, UNITS = 5, 3
CONFIGS = [
    GRUConfig(
        embedding_size=EMBEDDING,
        units=UNITS,
        layers=layers,
        bidirectional=bidirectional,
        reset_after=reset_after,
        pooling=pooling,
        convolution=convolution,
    )
    for layers, bidirectional, reset_after, pooling, convolution in itertools.product(
        (1, 2), (False, True), (False, True), POOLINGS, (0, 3)
    )
]


def name_of(config: GRUConfig) -> str:
    direction = "both" if config.bidirectional else "forward"
    convention = "after" if config.reset_after else "before"
    return f"{config.layers}-{direction}-{convention}-{config.pooling}-conv{config.convolution}"


def random_weights(config: GRUConfig, rng: np.random.Generator) -> dict:
    """Every array random, biases too: freshly built layers have zero biases and hide mistakes."""
    return {
        name: rng.normal(size=shape, scale=0.6).astype(np.float32)
        for name, (shape, _) in encoder_spec(config).items()
    }


def padded(vectors: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> tuple:
    """Lays tokens out as (N, T, E) with garbage in the padding, which nothing may read."""
    steps = int(lengths.max())
    values = rng.normal(size=(len(lengths), steps, vectors.shape[1]), scale=100.0).astype(np.float32)
    mask = np.arange(steps) < lengths[:, None]
    values[mask] = vectors
    return values, mask


@pytest.mark.parametrize("config", CONFIGS, ids=name_of)
def test_keras_encoder_equals_numpy_encoder(config):
    from grutext.engines.keras.encoder import GRUEncoder
    from grutext.engines.keras.weights import assign, encoder_variables

    rng = np.random.default_rng(11)
    weights = random_weights(config, rng)
    vectors = rng.normal(size=(int(LENGTHS.sum()), EMBEDDING)).astype(np.float32)
    inputs, mask = padded(vectors, LENGTHS, rng)
    layer = GRUEncoder(
        UNITS,
        layers=config.layers,
        bidirectional=config.bidirectional,
        reset_after=config.reset_after,
        pooling=config.pooling,
        convolution=config.convolution,
    )
    layer.build(inputs.shape)
    variables = encoder_variables(layer)
    assert sorted(variables) == sorted(encoder_spec(config))
    assign(variables, weights)

    by_keras = np.asarray(layer(inputs, mask=mask))
    for compiled in (False, True) if why_unavailable("inference") is None else (False,):
        encoder = Encoder(config, weights, compiled)
        by_numpy = encoder.encode(vectors, np.arange(len(vectors), dtype=np.int32), LENGTHS)
        np.testing.assert_allclose(by_keras, by_numpy, atol=1e-5)
        for n, end in enumerate(np.cumsum(LENGTHS)):  # a single text is laid out otherwise
            ids = np.arange(end - LENGTHS[n], end, dtype=np.int32)
            alone = encoder.encode(vectors, ids, LENGTHS[n : n + 1])
            np.testing.assert_allclose(by_keras[n : n + 1], alone, atol=1e-5)
    assert not by_keras[2].any(), "an empty text pools to zeros"
    assert np.abs(by_keras[0]).max() > 0.01


def test_the_tables_of_poolings_have_the_same_names_everywhere():
    from grutext.engines.keras.pooling import POOLINGS as KERAS
    from grutext.engines.numpy.pooling import POOLINGS as NUMPY

    assert list(KERAS) == list(POOLINGS)
    assert list(NUMPY) == list(POOLINGS)


@pytest.mark.parametrize("multilabel", [False, True])
def test_the_trained_network_equals_prediction_from_text_to_logits(multilabel):
    from dataclasses import replace

    from grutext.config import Config
    from grutext.engines.keras.network import KerasNetwork
    from grutext.inference.gru_part import GRUPart
    from grutext.text import Vectorizer
    from grutext.training.gru.batches import VectorizedCorpus

    texts = ["the cat sat", "", "a dog, a cat and the unknown zebra!", "天气很好", "cat"]
    config = Config().override({"gru.units": 6, "gru.embedding_size": 10, "text.subword_buckets": 50})
    vectorizer = Vectorizer.fit(texts, replace(config.text, min_count=2))
    tokens = vectorizer.vectorize(texts)
    classes = 3
    network = KerasNetwork(
        config, vectorizer.vocabulary.rows, classes, "sigmoid" if multilabel else "softmax"
    )
    rng = np.random.default_rng(5)
    network.assign({name: rng.normal(size=a.shape, scale=0.5) for name, a in network.arrays().items()})
    corpus = VectorizedCorpus(tokens, np.zeros((len(texts), classes), np.float32))
    part = GRUPart(config.gru, network.arrays())

    by_keras = network.logits(corpus.batch(np.arange(len(texts)), tokens.rows))

    np.testing.assert_allclose(by_keras, part.logits(part.encode(tokens)), atol=1e-5)
