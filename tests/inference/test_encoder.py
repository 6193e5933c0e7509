"""The NumPy encoder against the oracle, which loops over single numbers."""

import itertools
import tracemalloc

import numpy as np
import pytest

from grutext.config import GRUConfig, TextConfig
from grutext.engines.layers import BatchLayout
from grutext.engines.numba import layers as numba_layers
from grutext.engines.numba.layers import NumbaLayers
from grutext.engines.numpy import gru, pooling, workspace
from grutext.engines.numpy.layers import NumpyLayers
from grutext.inference import gru_part
from grutext.inference.encoder import Encoder
from grutext.inference.gru_part import GRUPart
from grutext.model.spec import POOLINGS, encoder_spec, pooled_width
from grutext.text import Vectorizer, Vocabulary


def configs(**fixed) -> list[GRUConfig]:
    """Return every combination of the settings that decide over the arithmetic; E, U and T differ."""
    names = {
        "layers": (1, 2),
        "bidirectional": (False, True),
        "reset_after": (False, True),
        "pooling": POOLINGS,
        "convolution": (0, 3),
    }
    choices = {name: (fixed[name],) if name in fixed else values for name, values in names.items()}
    return [
        GRUConfig(embedding_size=5, units=3, **dict(zip(choices, values, strict=True)))
        for values in itertools.product(*choices.values())
    ]


def name_of(config: GRUConfig) -> str:
    direction = "both" if config.bidirectional else "forward"
    convention = "after" if config.reset_after else "before"
    return f"{config.layers}-{direction}-{convention}-{config.pooling}-conv{config.convolution}"


def random_weights(config: GRUConfig, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        name: rng.normal(scale=0.6, size=shape).astype(dtype)
        for name, (shape, dtype) in encoder_spec(config).items()
    }


@pytest.mark.parametrize("config", configs(), ids=name_of)
def test_encoder_equals_the_oracle(check_encode, config):
    check_encode(config)


@pytest.mark.parametrize(
    ("texts", "rows", "steps"),
    [
        pytest.param(1, 1, 1, marks=pytest.mark.long),
        (2, 3, 2),
        pytest.param(3, 100, 4, marks=pytest.mark.long),
        pytest.param(7, 5, 100, marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("config", configs(bidirectional=True, layers=2), ids=name_of)
def test_encoder_equals_the_oracle_for_any_batch_and_block_size(
    check_encode, config, monkeypatch, texts, rows, steps
):
    for layers in (NumpyLayers, NumbaLayers):
        monkeypatch.setattr(layers, "texts", texts)
    monkeypatch.setattr(gru, "_ROWS", rows)
    monkeypatch.setattr(gru, "_STEPS", steps)
    monkeypatch.setattr(numba_layers, "_ROWS", rows)
    monkeypatch.setattr(numba_layers, "_STEPS", steps)
    monkeypatch.setattr(pooling, "_PARTIAL", 3)
    monkeypatch.setattr(workspace, "_KEPT", 50)  # some arrays are kept and some are not
    check_encode(config)


@pytest.mark.long
@pytest.mark.parametrize("config", configs(layers=1, bidirectional=True), ids=name_of)
def test_encoder_equals_the_oracle_with_more_units_than_inputs(check_encode, config):
    check_encode(
        GRUConfig(**{**{f: getattr(config, f) for f in config.__slots__}, "embedding_size": 2, "units": 6})
    )


def test_poolings_are_those_of_the_spec():
    assert set(pooling.POOLINGS) == set(POOLINGS)


@pytest.mark.parametrize("config", configs(layers=2, bidirectional=True), ids=name_of)
@pytest.mark.parametrize("lengths", [[], [0], [0, 0, 0], [1], [0, 1, 0]], ids=str)
def test_shapes_at_the_edges(rng, config, lengths, compiled):
    lengths = np.array(lengths, np.int32)
    ids = np.zeros(lengths.sum(), np.int32)
    vectors = rng.normal(size=(int(len(ids) > 0), 5)).astype(np.float32)
    pooled = Encoder(config, random_weights(config, rng), compiled).encode(vectors, ids, lengths)
    assert pooled.shape == (len(lengths), pooled_width(config))
    assert pooled.dtype == np.float32
    assert np.all(np.any(pooled != 0, axis=1) == (lengths > 0))


@pytest.mark.parametrize("config", configs(bidirectional=True), ids=name_of)
def test_extreme_inputs_give_finite_vectors(rng, config, compiled):
    lengths = np.array([3, 1], np.int32)
    vectors = np.array([[1e30] * 5, [-1e30] * 5, [0.0] * 5], np.float32)
    weights = {name: array * 50 for name, array in random_weights(config, rng).items()}
    pooled = Encoder(config, weights, compiled).encode(vectors, np.array([0, 1, 2, 1], np.int32), lengths)
    assert np.all(np.isfinite(pooled))
    assert np.all(np.abs(pooled) <= 1.0)


@pytest.mark.parametrize("lengths", [[3], [5, 5, 2, 1], [1, 1, 1], [9, 8, 7]], ids=str)
@pytest.mark.parametrize("first", [0, 1, 4])
def test_positions_are_read_step_after_step_from_either_end(lengths, first):
    begins = [100 * n for n in range(len(lengths), 0, -1)]
    batch = BatchLayout(np.array(begins), np.array(lengths), 2)
    steps = range(first, max(first, *lengths))
    running = [[n for n in range(len(lengths)) if lengths[n] > t] for t in steps]
    alive = batch.alive(first, max(first, *lengths))
    assert alive.tolist() == [len(some) for some in running]
    if not running:
        return
    expected = [
        [begins[n] + t for t, some in zip(steps, running, strict=True) for n in some],
        [begins[n] + lengths[n] - 1 - t for t, some in zip(steps, running, strict=True) for n in some],
    ]
    assert batch.positions(first, alive).tolist() == expected
    assert BatchLayout(batch.firsts, batch.lengths, 1).positions(first, alive).tolist() == expected[:1]


def test_runs_are_steps_with_equally_many_texts():
    assert gru.cut_runs(np.array([5, 5, 3, 2, 2, 2])) == [(0, 2, 5), (10, 1, 3), (13, 3, 2)]
    assert gru.cut_runs(np.array([1])) == [(0, 1, 1)]
    assert gru.cut_runs(np.array([4, 4])) == [(0, 2, 4)]


def test_float16_is_widened_exactly():
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    found, expected = gru_part.widen(halves), halves.astype(np.float32)
    assert found.dtype == np.float32
    assert found.tobytes() == expected.tobytes()
    assert gru_part.widen(expected).tobytes() == expected.tobytes()


def test_the_mean_of_a_long_text_is_exact(rng):
    """Sums of 100,000 states in float32 alone would be wrong in the fourth digit."""
    states = rng.normal(0.9, 0.1, size=(1, 100_000, 3)).astype(np.float32)
    mean = pooling.Mean(BatchLayout(np.array([0]), np.array([100_000]), 1), 3, {})
    for start in range(0, 100_000, 64):
        block = states[:, start : start + 64]
        mean.add(block, [(0, block.shape[1], 1)])
    np.testing.assert_allclose(mean.pooled()[0], states[0].astype(float).mean(axis=0), rtol=3e-7)


@pytest.mark.long
def test_the_mean_of_a_long_text_is_exact_with_kernels(rng):
    """As above; all states are near .9."""
    answering = pytest.importorskip("grutext.kernels.inference", exc_type=ImportError)
    ids, lengths = rng.integers(0, 50, 100_000).astype(np.int32), np.array([100_000], np.int32)
    vectors = rng.normal(size=(50, 3)).astype(np.float32)
    config = GRUConfig(embedding_size=3, units=4, pooling="mean", bidirectional=False, convolution=0)
    weights = random_weights(config, rng)
    weights["gru/0/forward/bias"] += np.repeat([[-2.0, 0.0, 2.0]], 4).astype(np.float32)
    layers = Encoder(config, weights, compiled=True)._layers
    source, firsts = layers.read(vectors, ids, lengths)
    states = np.empty((100_000, 4), np.float32)
    *_, sums = answering.run_layer(
        *source, firsts, lengths.astype(np.int64), *layers._layers[0], 2048, 64, states
    )
    np.testing.assert_allclose(sums[0, 0], states.astype(float).sum(axis=0), rtol=3e-7)
    assert abs(sums / 100_000).max() > 0.5


@pytest.mark.long
def test_memory_does_not_grow_with_the_length_of_a_text(rng, compiled):
    config = GRUConfig(embedding_size=16, units=16)
    part = Encoder(config, random_weights(config, rng), compiled)
    vectors = rng.normal(size=(50, 16)).astype(np.float32)
    peaks = []
    for length in (2_000, 100_000):
        ids = rng.integers(0, 50, length).astype(np.int32)
        tracemalloc.start()
        part.encode(vectors, ids, np.array([length], np.int32))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (
        peaks[1] - peaks[0] < 98_000 * 32
    )  # ids and their places; states alone would take 128 bytes a token


@pytest.mark.parametrize("block", [1, 4, 5, 100])
@pytest.mark.parametrize("subword_max", [0, 4])
def test_a_token_is_its_word_row_plus_the_mean_of_its_subword_rows(
    rng, subword_max, block, compiled, monkeypatch
):
    """Tokens of one character have no n-gram of four: at the beginning, between others, at the end."""
    monkeypatch.setattr(gru_part, "_BLOCK", block)
    text = TextConfig(subword_min=4, subword_max=subword_max, subword_buckets=13)
    tokens = Vectorizer(text, Vocabulary(["cat", "a"])).vectorize(["a cat, a mouse", "", "cat x mice y z"])
    words, subwords = rng.normal(size=(3, 5)).astype(np.float16), rng.normal(size=(13, 5)).astype(np.float16)
    config = GRUConfig(embedding_size=5, units=3)
    weights = random_weights(config, rng) | {"embedding/words": words}
    if subword_max:
        weights["embedding/subwords"] = subwords
        assert tokens.bucket_counts.tolist() == [0, 2, 0, 4, 0, 3, 0, 0]
    vectors = GRUPart(config, weights, compiled).embed(tokens)
    buckets = iter(tokens.buckets.tolist())
    for vector, row, count in zip(vectors, tokens.rows, tokens.bucket_counts, strict=True):
        rows = [subwords[next(buckets)].astype(float) for _ in range(count)]
        expected = words[row].astype(float) + (sum(rows) / len(rows) if rows else 0.0)
        np.testing.assert_allclose(vector, expected, rtol=1e-6, atol=1e-6)
    assert next(buckets, None) is None


def test_the_head_is_a_matrix_and_a_bias(rng):
    kernel, bias = rng.normal(size=(6, 4)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    config = GRUConfig(embedding_size=5, units=3)
    part = GRUPart(config, random_weights(config, rng) | {"head/kernel": kernel, "head/bias": bias})
    pooled = rng.normal(size=(3, 6)).astype(np.float32)
    expected = [
        [sum(float(p[i]) * float(kernel[i, c]) for i in range(6)) + float(bias[c]) for c in range(4)]
        for p in pooled
    ]
    np.testing.assert_allclose(part.logits(pooled), expected, rtol=1e-5, atol=1e-6)
