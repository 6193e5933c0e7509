"""A SavedModel takes strings, and answers as NumPy does."""

import os
import subprocess
import sys
import unicodedata
from dataclasses import replace

import numpy as np
import pytest

from grutext.export import export
from grutext.export.contract import EXAMPLE_TEXTS
from grutext.inference import Classifier
from grutext.text import normalize

pytestmark = [pytest.mark.tf, pytest.mark.long]

# Combining marks in every order, characters that Unicode decomposes, jamo of Hangul, vowels that are two characters.
POOLS = [
    "aeiouAEIOU \u0345\u03b1",
    [chr(code) for code in range(0x20000) if unicodedata.combining(chr(code))],
    [chr(code) for code in range(0x32000) if unicodedata.decomposition(chr(code))],
    [chr(code) for code in (*range(0x1100, 0x1200), *range(0xAC00, 0xAC80))],
    "\u09c7\u09be\u09d7\u0b47\u0b3e\u0bc6\u0bbe\u0cc6\u0cc2\u0cd5\u0d46\u0d3e\u0dd9\u0dcf\u1025\u102e\u1b05\u1b35",
]
VECTORS = {"linear.char_max": 2}  # with text vectors
SETTINGS = [
    ({}, ("a", "b", "c"), False),
    pytest.param(VECTORS, ("a", "b"), False, marks=pytest.mark.slow),
    ({"gru.reset_after": False, "text.tokenizer": "pair", "gru.pooling": "attention"}, ("a", "b"), False),
    (
        {"gru.bidirectional": False, "gru.layers": 2, "gru.pooling": "last", "text.case": "keep",
         "text.tokenizer": "character"}, ("a", "b", "c"), True,
    ),
    pytest.param({"gru.enabled": False}, ("a", "b"), False, marks=pytest.mark.slow),
    pytest.param(
        {"linear.enabled": False, "text.subword_max": 0, "gru.convolution": 0}, ("a", "b", "c"), True,
        marks=pytest.mark.slow,
    ),
]  # fmt: skip


@pytest.fixture
def tf():
    """TensorFlow, which is not imported when tests are collected."""
    return pytest.importorskip("tensorflow")


def classify(tf, loaded, texts):
    outputs = loaded.signatures["serving_default"](texts=tf.constant([text.encode() for text in texts]))
    return {name: value.numpy() for name, value in outputs.items()}


@pytest.mark.parametrize(("settings", "labels", "multilabel"), SETTINGS, ids=str)
def test_strings_in_and_the_answers_of_numpy_out(
    tf, build_bundle, tmp_path, texts, settings, labels, multilabel
):
    bundle = build_bundle(settings, labels, multilabel, vector_size=5 if settings == VECTORS else 0)
    bundle = replace(bundle, calibration=replace(bundle.calibration, familiarity=(0.3, 0.5, 1.7)))
    export(bundle, "savedmodel", tmp_path / "saved")
    model, loaded = (
        Classifier(bundle, threads=1, compiled=False),
        tf.saved_model.load(str(tmp_path / "saved")),
    )
    for batch in ([*texts, *EXAMPLE_TEXTS, "zzqqxv", "the " * 300], [""], ["", ""], ["the"]):
        outputs, expected = classify(tf, loaded, batch), model.predict_proba(batch)
        np.testing.assert_allclose(outputs["probabilities"], expected, rtol=0, atol=1e-5)
        np.testing.assert_allclose(outputs["familiarity"], model.familiarity(batch), rtol=0, atol=1e-5)
        if multilabel:
            found = [tuple(np.array(labels)[row]) for row in outputs["applies"]]
        else:
            found = [label.decode() for label in outputs["label"]]
        assert found == model.predict(batch)
    named = loaded.signatures["labels"]()["labels"].numpy()
    assert [label.decode() for label in named] == list(labels)


@pytest.mark.parametrize("case", ["fold", "keep"])
def test_normalisation_is_that_of_python(tf, rng, case):
    from grutext.export.savedmodel import unicode

    texts = [
        "".join(rng.choice(list(POOLS[pool])) for pool in rng.integers(0, len(POOLS), size))
        for size in rng.integers(0, 30, 400)
    ]
    texts += ["", "plain", *EXAMPLE_TEXTS]
    texts += ["".join(map(chr, range(first, first + 64))) for first in range(0, 0x3200, 64)]
    normalized = tf.function(unicode.normalize)(tf.constant([text.encode() for text in texts]), case)
    for text, found in zip(texts, normalized.numpy(), strict=True):
        assert found.decode() == normalize(text, case), ascii(text)


@pytest.mark.slow
def test_it_runs_without_grutext(tf, build_bundle, tmp_path):
    bundle = build_bundle()
    export(bundle, "savedmodel", tmp_path / "saved")
    code = (
        "import sys; sys.modules['grutext'] = None; import tensorflow as tf; "
        "model = tf.saved_model.load('saved').signatures['serving_default']; "
        "print(model(texts=tf.constant(['the parcel']))['label'].numpy()[0].decode())"
    )
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == Classifier(bundle, compiled=False).predict(["the parcel"])
