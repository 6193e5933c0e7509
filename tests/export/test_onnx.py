"""A model in ONNX Runtime computes what NumPy computes."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import grutext
from grutext.errors import ExportError
from grutext.inference import Classifier
from grutext.model.bundle import Bundle
from grutext.model.spec import POOLINGS

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from support.onnx_runtime import OnnxClassifier  # noqa: E402 (needs onnxruntime)

from grutext.export.onnx import build_onnx, gru_part, pooling  # noqa: E402

pytestmark = pytest.mark.long

TOLERANCE = 1e-5
DATA = Path(grutext.__file__).parents[2] / "shared" / "data"
GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("format-*"))
# Texts without a known word, of one token, and much longer than the others.
ODD_TEXTS = ["", "zzqqxv", "ok", "qq zz ww!", "the parcel " * 700, "", "x" * 3000, " \n", "天"]
KINDS = {
    "one of three": (("a", "b", "c"), False),
    "one of two": (("a", "b"), False),
    "several": (("a", "b", "c"), True),
}
SETTINGS = [
    {},
    {"linear.enabled": False},
    {"gru.enabled": False},
    {"gru.reset_after": False},
    {"gru.bidirectional": False},
    {"gru.bidirectional": False, "gru.reset_after": False, "gru.pooling": "attention"},
    {"gru.layers": 3},
    {"gru.layers": 2, "gru.bidirectional": False, "gru.pooling": "last"},
    {"gru.convolution": 0},
    {"gru.convolution": 5},
    {"text.subword_max": 0},
    {"text.tokenizer": "pair", "text.case": "keep"},
    {"text.tokenizer": "character"},
    {"linear.char_max": 0},
    {"linear.word_max": 0},
    *({"gru.pooling": name} for name in POOLINGS),
]


def with_familiarity(bundle: Bundle, **calibration) -> Bundle:
    numbers = replace(bundle.calibration, familiarity=(0.3, 0.5, 1.7), **calibration)
    return replace(bundle, calibration=numbers)


def check_same(bundle: Bundle, texts: list[str]) -> None:
    outputs, model = OnnxClassifier(bundle).run(texts), Classifier(bundle, threads=1, compiled=False)
    probabilities = model.predict_proba(texts)
    np.testing.assert_allclose(outputs["probabilities"], probabilities, rtol=0, atol=TOLERANCE)
    assert np.ptp(probabilities, axis=0).max() > 0.02  # the texts decide
    np.testing.assert_allclose(outputs["familiarity"], model.familiarity(texts), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_runtime_equals_numpy(build_bundle, texts, settings, kind):
    labels, multilabel = KINDS[kind]
    bundle = with_familiarity(build_bundle(settings, labels, multilabel))
    check_same(bundle, texts + ODD_TEXTS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settings", [{}, {"gru.enabled": False}], ids=str)
def test_text_vectors(build_bundle, texts, settings, kind):
    labels, multilabel = KINDS[kind]
    bundle = with_familiarity(build_bundle(settings, labels, multilabel, vector_size=5))
    check_same(bundle, texts + ODD_TEXTS)
    check_same(bundle, ["", *texts])


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_calibration_for_each_label(build_bundle, texts, multilabel):
    bundle = build_bundle(multilabel=multilabel)
    check_same(with_familiarity(bundle, scale=(1.5, 0.7, 1.1), shift=(0.2, -0.3, 0.1)), texts)


@pytest.mark.parametrize("texts", [[""], ["", ""], ["zzqqxv"], ["the"]], ids=str)
def test_a_batch_of_empty_unknown_or_single_tokens(build_bundle, texts):
    bundle = build_bundle()
    expected = Classifier(bundle, compiled=False).predict_proba(texts)
    np.testing.assert_allclose(
        OnnxClassifier(bundle).run(texts)["probabilities"], expected, rtol=0, atol=TOLERANCE
    )


def test_padding_does_not_count(build_bundle, texts):
    model = OnnxClassifier(build_bundle())
    together = model.run(texts)["probabilities"]
    alone = np.concatenate([model.run([text])["probabilities"] for text in texts])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("folder", GOLDEN, ids=lambda folder: folder.name)
def test_golden_models(folder):
    bundle = Bundle.load(folder)
    texts = [row["text"] for row in bundle.golden]
    expected = np.array([row["probabilities"] for row in bundle.golden])
    found = OnnxClassifier(bundle).predict_proba(texts)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


def test_old_runtimes_can_load_it_and_its_metadata_name_the_labels(build_bundle):
    model = build_onnx(build_bundle(multilabel=True))
    onnx.checker.check_model(model, full_check=True)
    assert 17 <= model.opset_import[0].version <= 19
    assert [entry.domain for entry in model.opset_import] == [""]
    assert model.ir_version <= 10
    metadata = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert metadata["labels"] == ["ask", "buy", "cry"]
    assert metadata["multilabel"] is True
    assert len(metadata["thresholds"]) == 3
    assert sum(node.op_type == "GRU" for node in model.graph.node) == 1
    assert all(value.doc_string for value in (*model.graph.input, *model.graph.output))


def test_the_same_model_gives_the_same_bytes(build_bundle):
    first, second = (build_onnx(build_bundle()).SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


def test_tables_are_stored_with_the_precision_that_they_have(build_bundle):
    bundle = build_bundle()
    stored = {tensor.name: tensor for tensor in build_onnx(bundle).graph.initializer}
    for name in ("embedding/words", "embedding/subwords", "linear/kernel", "linear/scale"):
        assert stored[name].data_type == onnx.TensorProto.FLOAT16, name


def test_a_model_whose_hashes_are_crafted_is_refused(build_bundle):
    bundle = build_bundle({"gru.enabled": False})
    keys = np.arange(2000, dtype=np.uint32)
    weights = {
        "linear/keys": keys,
        "linear/scale": np.ones(2000, np.float16),
        "linear/kernel": np.ones((2000, 3), np.float16),
        "linear/bias": np.zeros(3, np.float32),
    }
    with pytest.raises(ExportError, match="not evenly distributed"):
        build_onnx(replace(bundle, weights=weights))


def test_a_model_that_knows_no_ngram_is_refused(build_bundle):
    bundle = build_bundle({"gru.enabled": False})
    empty = {name: array[:0] if name != "linear/bias" else array for name, array in bundle.weights.items()}
    with pytest.raises(ExportError, match="knows no n-gram"):
        build_onnx(replace(bundle, weights=empty))


@pytest.mark.parametrize("wrong", ["pooling without mask", "bias rows exchanged", "gates exchanged"])
def test_the_comparison_notices_a_wrong_graph(build_bundle, texts, monkeypatch, wrong):
    own = gru_part.GRUPart._layer_weights

    def exchanged(part, layer):
        for name in list(part._weights):
            if wrong == "bias rows exchanged" and name.endswith("/bias") and name.startswith("gru"):
                part._weights = {**part._weights, name: part._weights[name][::-1]}
            if wrong == "gates exchanged" and name.endswith("recurrent_kernel"):
                z, r, c = np.split(part._weights[name], 3, axis=1)
                part._weights = {**part._weights, name: np.concatenate([r, z, c], axis=1)}
        return own(part, layer)

    monkeypatch.setattr(gru_part.GRUPart, "_layer_weights", exchanged)
    if wrong == "pooling without mask":
        monkeypatch.setattr(pooling, "_LOW", 0.0)
    with pytest.raises(AssertionError, match="Not equal"):
        check_same(with_familiarity(build_bundle()), texts)


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(DATA.glob("*/test.jsonl.gz")), ids=lambda path: path.parent.name)
def test_every_test_part_of_the_public_data(path, tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("numba")
    train = path.with_name("train.jsonl.gz")
    with gzip.open(train, "rt", encoding="utf-8") as lines:
        rows = lines.readlines()
    small = tmp_path / "small.jsonl"
    small.write_text("".join(rows[:: max(1, len(rows) // 1500)]), encoding="utf-8")
    settings = {
        "training.epochs": 1,
        "training.pretraining_epochs": 0,
        "gru.units": 16,
        "gru.embedding_size": 16,
    }
    outcome = grutext.train(small, settings=settings)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    texts += ["", "zzqqxv", max(texts, key=len)]
    bundle = outcome.classifier.bundle
    expected = Classifier(bundle, compiled=False).predict_proba(texts)
    found = OnnxClassifier(bundle).predict_proba(texts)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)
