"""A model of at most so many bytes: rounded, pruned, and still a model."""

import numpy as np
import pytest

from grutext.errors import ExportError
from grutext.export import Sizes, shrink, size_of
from grutext.export.packing import pack, round_to_int8
from grutext.export.shrinking import prune, quantize
from grutext.inference import Classifier
from grutext.inference.golden import replay_golden
from grutext.model.bundle import Bundle

MIDDLE = {"text.subword_buckets": 600, "gru.embedding_size": 16, "gru.units": 8}


def loss(bundle: Bundle) -> float:
    """The distance from the answers of the model that `build_bundle` builds by default."""
    return float(-np.log(Classifier(bundle, compiled=False).predict_proba(["the parcel", "ok"])[:, 0]).mean())


def npz_size(bundle: Bundle) -> int:
    return size_of(bundle, "npz")


def test_packed_numbers_are_exactly_those_that_were_packed(rng):
    random = rng.normal(size=(7, 5))
    arrays = {
        "int8 by rows": (round_to_int8(random.astype(np.float16), axis=1), np.int8),
        "int8 by columns": (round_to_int8(random.astype(np.float16), axis=0), np.int8),
        "float16": (random.astype(np.float16), np.float16),
        "float16 of another dtype": (random.astype(np.float16).astype(np.float32), np.float16),
        "float32": (random.astype(np.float32), np.float32),
        "too large": (np.full((2, 2), 1e30, np.float32), np.float32),
        "tiny": (np.full((2, 2), 2.0**-24, np.float16), np.int8),
        "zero": (np.zeros((2, 3), np.float32), np.int8),
        "largest": (np.full((2, 3), 127.0, np.float16), np.int8),
    }
    for name, (array, dtype) in arrays.items():
        packed = pack(array)
        assert packed.values.dtype == dtype, name
        steps = 1.0 if packed.steps is None else packed.steps.astype(np.float64)
        np.testing.assert_array_equal(packed.values * steps, array, err_msg=name)


@pytest.mark.parametrize("axis", [0, 1])
def test_rounding_is_at_most_half_a_step(rng, axis):
    array = (rng.normal(size=(40, 30)) * 10.0 ** rng.integers(-5, 4, (40, 1))).astype(np.float16)
    rounded = round_to_int8(array, axis).astype(np.float64)
    largest = np.abs(array.astype(np.float64)).max(axis=axis, keepdims=True)
    assert (np.abs(rounded - array) <= np.maximum(largest / 127, 2.0**-25)).all()
    assert not np.array_equal(rounded, array)


def test_a_quantized_model_has_the_arrays_of_a_model_and_nearly_its_answers(build_bundle, texts, tmp_path):
    bundle = build_bundle()
    small = quantize(bundle)
    small.save(tmp_path / "small")  # checks names, shapes and dtypes
    expected = Classifier(bundle, compiled=False).predict_proba(texts)
    found = Classifier(Bundle.load(tmp_path / "small"), compiled=False).predict_proba(texts)
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.05)
    assert not np.array_equal(found, expected)


@pytest.mark.parametrize("settings", [MIDDLE, {"gru.enabled": False}], ids=["both parts", "linear part"])
def test_text_vectors_are_pruned_with_their_words(build_bundle, tmp_path, texts, settings):
    bundle = build_bundle(settings, vector_size=5)
    small = quantize(prune(bundle, Sizes(ngrams=10, words=4, buckets=250)))
    small.save(tmp_path / "small")
    assert Sizes.of(small).words == len(small.vocabulary) == 4
    for name in ("text_vectors/words", "text_vectors/scale"):
        np.testing.assert_array_equal(small.weights[name], bundle.weights[name][:5])
    assert np.isfinite(Classifier(Bundle.load(tmp_path / "small"), compiled=False).predict_proba(texts)).all()
    limit = npz_size(quantize(bundle)) * 2 // 3
    assert npz_size(shrink(bundle, limit, npz_size, loss)) <= limit


def test_the_heaviest_ngrams_and_the_first_words_stay(build_bundle, tmp_path):
    bundle = build_bundle(MIDDLE)
    small = prune(bundle, Sizes(ngrams=10, words=4, buckets=250))
    small.save(tmp_path / "small")
    assert Sizes.of(small) == Sizes(ngrams=10, words=4, buckets=200)  # 250 does not divide 600
    assert small.vocabulary == bundle.vocabulary[:4]
    assert small.config.text.subword_buckets == 200
    strength = {
        int(key): float(np.linalg.norm(row.astype(np.float64)) * scale)
        for key, row, scale in zip(
            *(bundle.weights[f"linear/{name}"] for name in ("keys", "kernel", "scale")), strict=True
        )
    }
    kept = {int(key) for key in small.weights["linear/keys"]}
    assert min(strength[key] for key in kept) >= max(strength[key] for key in set(strength) - kept)
    table, rows = bundle.weights["embedding/subwords"].astype(np.float64), small.weights["embedding/subwords"]
    np.testing.assert_allclose(rows[7], (table[7] + table[207] + table[407]) / 3, atol=1e-3)


@pytest.mark.parametrize(
    "settings", [{}, {"linear.enabled": False}, {"gru.enabled": False}, {"text.subword_max": 0}], ids=str
)
def test_the_result_is_small_enough_and_nearly_as_large_as_it_may_be(build_bundle, settings):
    bundle = build_bundle(MIDDLE | settings)
    smallest, whole = npz_size(prune(bundle, Sizes(1, 0, 1))), npz_size(quantize(bundle))
    limit = (smallest + whole) // 2
    small = shrink(bundle, limit, npz_size, loss)
    assert 0.8 * limit < npz_size(small) <= limit
    assert all(answer.same for answer in replay_golden(Classifier(small, compiled=False)))


def test_nothing_is_pruned_if_rounding_is_enough(build_bundle):
    bundle = build_bundle(MIDDLE)
    small = shrink(bundle, npz_size(bundle), npz_size, loss)
    assert Sizes.of(small) == Sizes.of(bundle)


def test_of_several_ways_to_prune_the_one_with_the_least_loss_is_taken(build_bundle):
    bundle, tried = build_bundle(MIDDLE), []

    def measure(model):
        tried.append((loss(model), Sizes.of(model)))
        return tried[-1][0]

    small = shrink(bundle, (npz_size(quantize(bundle)) + 4500) // 2, npz_size, measure)
    assert len({sizes for _, sizes in tried}) > 2
    assert Sizes.of(small) == min(tried, key=lambda pair: pair[0])[1]


def test_what_cannot_be_had_is_refused(build_bundle):
    with pytest.raises(
        ExportError, match=r"1,000 bytes cannot be had: without n-grams.* the model has [0-9,]+ bytes"
    ):
        shrink(build_bundle(MIDDLE), 1000, npz_size, loss)


@pytest.mark.long
def test_a_small_model_in_onnx_is_the_same_and_takes_a_byte_for_each_number(build_bundle, texts):
    pytest.importorskip("onnxruntime")
    from support.onnx_runtime import OnnxClassifier

    from grutext.export.onnx import build_onnx

    small = quantize(build_bundle(MIDDLE))
    expected = Classifier(small, compiled=False).predict_proba(texts)
    np.testing.assert_allclose(OnnxClassifier(small).predict_proba(texts), expected, rtol=0, atol=1e-5)
    tensors = {tensor.name: tensor.raw_data for tensor in build_onnx(small).graph.initializer}
    for name in ("embedding/words", "embedding/subwords", "linear/kernel"):
        assert len(tensors[name]) == small.weights[name].size
    assert len(tensors["gru/0/kernel"]) == 2 * 2 * 16 * 24  # two bytes, two directions
