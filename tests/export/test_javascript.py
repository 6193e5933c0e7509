"""The JavaScript of docs/examples prepares the same inputs, and in ONNX Runtime gives the same labels."""

import gzip
import json
import os
import shutil
import subprocess
import unicodedata
from pathlib import Path

import numpy as np
import pytest

import grutext
from grutext.export import export
from grutext.inference import Classifier

pytest.importorskip("onnx")

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests/support/predict.mjs"
NODE = shutil.which("node")
# A folder in which `npm install onnxruntime-node` or `onnxruntime-web` was run.
MODULES = Path(os.environ.get("GRUTEXT_NODE", ROOT)) / "node_modules"
HAS_RUNTIME = any((MODULES / f"onnxruntime-{kind}").is_dir() for kind in ("node", "web"))
LANGUAGES = {"english": "sst2", "chinese": "chnsenticorp", "75 languages": "langid75_words"}

pytestmark = [pytest.mark.long, pytest.mark.skipif(NODE is None, reason="node is not installed")]
needs_runtime = pytest.mark.skipif(
    not HAS_RUNTIME,
    reason="neither onnxruntime-node nor onnxruntime-web is in node_modules, see CONTRIBUTING",
)


def run_node(folder, texts, modules=None):
    """Run the script on an exported model; return what it prints."""
    task = {
        "network": str(folder / "model.onnx"),
        "contract": str(folder / "model.inputs.json"),
        "texts": texts,
    }
    done = subprocess.run(
        [NODE, str(SCRIPT)],
        input=json.dumps(task | {"modules": str(modules) if modules else None}),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read_examples(folder):
    return json.loads((folder / "model.inputs.json").read_text(encoding="utf-8"))["examples"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"text.tokenizer": "pair", "text.case": "keep"},
        {"text.tokenizer": "character", "linear.char_max": 0},
        {"linear.word_max": 0, "text.subword_max": 0},
        {"gru.enabled": False},
        {"linear.enabled": False},
    ],
    ids=str,
)
def test_every_example_of_the_contract_is_computed(build_bundle, tmp_path, settings):
    export(build_bundle(settings), "onnx", tmp_path / "model.onnx")
    examples = read_examples(tmp_path)
    answers = run_node(tmp_path, [example["text"] for example in examples])
    for example, found in zip(examples, answers["prepared"], strict=True):
        assert found["normalized"] == example["normalized"]
        assert found["tokens"] == example["tokens"]
        check_inputs(found["inputs"], example["inputs"])


def check_inputs(found, expected):
    """Compare the inputs of one text; the n-grams may come in any order."""
    assert set(found) == set(expected)
    pairs = [
        sorted(zip(inputs.get("keys", ()), inputs.get("counts", ()), strict=True))
        for inputs in (found, expected)
    ]
    assert pairs[0] == pairs[1]
    for name in set(found) - {"keys", "counts"}:
        assert found[name] == list(np.ravel(expected[name])), name


def test_every_character_is_normalised_and_split_as_in_python(build_bundle, tmp_path):
    """Characters that one of the two does not know yet are left out: their versions of Unicode differ."""
    bundle = build_bundle()
    export(bundle, "onnx", tmp_path / "model.onnx")
    codes = [*range(0xD800), *range(0xE000, 0x32000), *range(0xE0000, 0xE0200)]
    known = [chr(code) for code in codes if unicodedata.category(chr(code)) != "Cn"]
    texts = [
        "".join(f"a{character}b " for character in known[n : n + 500]) for n in range(0, len(known), 500)
    ]
    texts += ["".join(known[n : n + 500]) for n in range(0, len(known), 500)]
    model = Classifier(bundle, compiled=False)
    for text, found in zip(texts, run_node(tmp_path, texts)["prepared"], strict=True):
        batch = model.tokenize([text])
        assert found["normalized"] == batch.normalized[0]
        assert found["tokens"] == [batch.types[token] for token in batch.ids]


@needs_runtime
@pytest.mark.parametrize("multilabel", [False, True])
def test_answers_in_onnx_runtime(build_bundle, texts, tmp_path, multilabel):
    bundle = build_bundle(multilabel=multilabel)
    export(bundle, "onnx", tmp_path / "model.onnx")
    model = Classifier(bundle, compiled=False)
    texts = [*texts, "", "zzqqxv", "the " * 200]
    answers = run_node(tmp_path, texts, MODULES)
    expected = model.predict_proba(texts)
    np.testing.assert_allclose(answers["probabilities"], expected, rtol=0, atol=1e-5)
    assert [tuple(x) if multilabel else x for x in answers["labels"]] == model.predict(texts)
    assert run_node(tmp_path, [""], MODULES)["labels"] == [
        list(x) if multilabel else x for x in model.predict([""])
    ]


@needs_runtime
@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_labels_on_500_rows(data_folder, tmp_path, language):
    pytest.importorskip("sklearn")
    pytest.importorskip("numba")
    folder = data_folder / LANGUAGES[language]
    with gzip.open(folder / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = lines.readlines()
    (tmp_path / "small.jsonl").write_text("".join(rows[:: max(1, len(rows) // 1500)]), encoding="utf-8")
    settings = {"training.epochs": 1, "training.pretraining_epochs": 0, "gru.units": 16}
    model = grutext.train(tmp_path / "small.jsonl", settings=settings).classifier
    export(model.bundle, "onnx", tmp_path / "model.onnx")
    with gzip.open(folder / "test.jsonl.gz", "rt", encoding="utf-8") as lines:
        every = [json.loads(line)["text"] for line in lines]
    texts = every[:: max(1, len(every) // 500)][:500]
    assert len(texts) == 500
    answers = run_node(tmp_path, texts, MODULES)
    assert answers["labels"] == model.predict(texts)
    np.testing.assert_allclose(answers["probabilities"], model.predict_proba(texts), rtol=0, atol=1e-5)
