"""`text.case`: what `auto` makes of the training texts."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.tiny_training import Recorder

import grutext
from grutext.config import Config
from grutext.data import Example
from grutext.errors import ConfigError
from grutext.model.bundle import Bundle, weights_digest
from grutext.training import defaults
from grutext.training.case import choose_case, describe_case, explained_by_labels
from grutext.training.corpus import InMemoryCorpus
from grutext.training.gru.batches import one_hot

WORDS = ["kettle", "drum", "ribbon", "ladder", "amber", "violet", "marble", "canvas", "timber", "copper"]
LINEAR = {"gru.enabled": False, "text.subword_buckets": 50}


def sentences(count, seed):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=8)) for _ in range(count)]


def shouting(count, seed):
    return [
        (text.upper(), "loud") if n % 2 else (text, "calm") for n, text in enumerate(sentences(count, seed))
    ]


def names(count, seed):
    """The fruit or the company: one word of the text is a name where it has a capital."""
    made = []
    for n, text in enumerate(sentences(count, seed)):
        words = text.split()
        words[n % 8] = "Apple" if n % 2 else "apple"
        made.append((" ".join(words), "company" if n % 2 else "fruit"))
    return made


def identifiers(count, seed):
    made = []
    for n, text in enumerate(sentences(count, seed)):
        words = text.split()
        name = words[0] + words[1].title() if n % 2 else words[0] + words[1]
        made.append((f"{name} {' '.join(words[2:])}", "camel" if n % 2 else "flat"))
    return made


def random_case(count, seed):
    draw = random.Random(seed)
    return [
        (text.upper() if draw.random() < 0.5 else text, draw.choice(["a", "b"]))
        for text in sentences(count, seed)
    ]


def redundant(count, seed):
    """Capitals go with one label, but so do the words."""
    return [
        (f"{text} thanks".title(), "praise") if n % 2 else (f"{text} sorry", "complaint")
        for n, text in enumerate(sentences(count, seed))
    ]


def lower(count, seed):
    return [(text, "ab"["kettle" in text]) for text in sentences(count, seed)]


def to_examples(pairs, multilabel=False):
    return [
        Example(text, (label, "any") if multilabel and n % 3 else (label,), "a.csv", n)
        for n, (text, label) in enumerate(pairs)
    ]


def choose(pairs, multilabel=False):
    heard, examples = Recorder(), to_examples(pairs, multilabel)
    shape = InMemoryCorpus(examples).measure(0)
    config = defaults.resolve(Config(), shape, multilabel=multilabel)
    return choose_case(examples, config, multilabel, heard).text.case, heard.notes


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("make", [shouting, names, identifiers])
def test_case_that_tells_labels_apart_is_kept_and_told(make, multilabel):
    case, notes = choose(make(300, 1), multilabel)
    assert case == "keep"
    (note,) = notes
    assert note.startswith(
        "upper and lower case are kept apart, since they tell labels apart: of 300 training texts"
    )


@pytest.mark.parametrize("make", [random_case, redundant, lower])
def test_case_that_tells_nothing_more_is_folded(make):
    assert choose(make(300, 1)) == ("fold", [])


def test_few_texts_are_no_evidence():
    assert choose(shouting(6, 1)) == ("fold", [])


def test_one_label_or_none_is_folded():
    assert choose([(text, "a") for text, _ in shouting(20, 1)]) == ("fold", [])
    assert choose_case([], Config(), False, Recorder()).text.case == "fold"


def test_case_is_described_by_four_shares():
    made = [Example(text, ("x",), "", 0) for text in ("THE Cat sat", "", "12 天", "it IS. So")]
    np.testing.assert_allclose(
        describe_case(made), [[4 / 9, 2 / 3, 1 / 3, 1], [0, 0, 0, 0], [0, 0, 0, 0], [3 / 6, 2 / 3, 1 / 3, 0]]
    )


def test_the_explained_variance_is_that_of_two_groups():
    values = np.random.default_rng(3).normal(size=(60, 2))
    labels = np.random.default_rng(4).integers(3, size=60)
    values[labels == 1, 1] += 1
    targets = one_hot([(str(label),) for label in labels], ("0", "1", "2"))
    shares = [np.square(np.corrcoef(values[:, k], labels == c)[0, 1]) for k in range(2) for c in range(3)]
    assert explained_by_labels(values, targets) == pytest.approx(max(shares))
    assert explained_by_labels(np.ones((60, 2)), targets) == 0.0


@pytest.mark.long
@pytest.mark.parametrize("make", [shouting, names, identifiers])
def test_a_model_learns_from_case(make):
    train, test = zip(*make(300, 1), strict=True), zip(*make(100, 2), strict=True)
    data = grutext.TrainingData(tuple(map(list, train)), test=tuple(map(list, test)))
    found = {}
    for case in ("auto", "keep", "fold"):
        bundle = grutext.train(data, settings=LINEAR | {"text.case": case}).bundle
        found[case] = bundle.metrics["test"]["accuracy"]
        assert bundle.config.text.case == ("fold" if case == "fold" else "keep")
    assert found["auto"] == found["keep"] >= 0.95
    assert found["fold"] < 0.7


def test_auto_and_fold_give_the_same_bytes():
    texts, labels = map(list, zip(*redundant(60, 5), strict=True))
    auto, fold = (
        grutext.train((texts, labels), settings=LINEAR | {"text.case": case}).bundle
        for case in ("auto", "fold")
    )
    assert weights_digest(auto) == weights_digest(fold)
    assert auto.config == fold.config


@pytest.mark.long
def test_texts_in_files_are_looked_at_as_well():
    texts, labels = map(list, zip(*shouting(400, 6), strict=True))
    path = Path("shouting.csv")
    settings = LINEAR | {"training.in_memory_megabytes": 0.005}
    path.write_text("text,label\n" + "".join(f"{t},{c}\n" for t, c in zip(texts, labels, strict=True)))
    assert grutext.train(path, settings=settings).bundle.config.text.case == "keep"


@pytest.fixture(autouse=True)
def _inside_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_model_that_says_nothing_of_case_folds_it(tmp_path):
    golden = Path(__file__).parents[1] / "golden"
    for folder in sorted(golden.glob("format-*")):
        stored = json.loads((folder / "model.json").read_text(encoding="utf-8"))["config"]["text"]
        if "case" not in stored:
            assert Bundle.load(folder).config.text.case == "fold"
    assert Config().text.case == "auto"
    with pytest.raises(ConfigError, match=r"text.case must be one of auto, fold, keep"):
        replace(Config().text, case="upper")
