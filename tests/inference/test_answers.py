"""`Classifier.answer`, `save` and `repr`: what a service and a person at a prompt see."""

import pickle
import re
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import numpy as np
import pytest

from grutext import Classifier
from grutext.errors import BundleError, ConfigError
from grutext.inference import Answer
from grutext.inference.sessions import Session

FAMILIARITY = (-1.5, 0.25, 2.0)


@pytest.fixture
def build(build_bundle):
    """Build a model that measures familiarity."""

    def build_model(familiarity=FAMILIARITY, thresholds=None, **kind) -> Classifier:
        bundle = build_bundle(**kind)
        chosen = bundle.calibration.thresholds if thresholds is None else thresholds
        calibration = replace(bundle.calibration, familiarity=familiarity, thresholds=chosen)
        return Classifier(replace(bundle, calibration=calibration))

    return build_model


@pytest.mark.parametrize("kind", [{}, {"labels": ("no", "yes")}, {"multilabel": True}], ids=str)
def test_an_answer_has_what_the_other_methods_give(build, texts, kind) -> None:
    model = build(**kind)
    probabilities, labels = model.predict_proba(texts), model.predict(texts)
    answers = model.answer(texts, top_k=2)
    assert len(answers) == len(texts)
    for n, answer in enumerate(answers):
        row = probabilities[n].tolist()
        assert isinstance(answer, Answer)
        assert answer.label == labels[n]
        assert not answer.abstained
        assert answer.confidence == round(max(row), 6)
        best = sorted(range(len(row)), key=lambda c: -row[c])[:2]
        assert answer.top == tuple((model.labels[c], round(row[c], 6)) for c in best)
        np.testing.assert_array_equal(answer.probabilities, probabilities[n])
        assert answer.familiarity == round(float(model.familiarity(texts)[n]), 4)
    assert len({answer.familiarity for answer in answers}) > 4


def test_the_confidence_is_that_of_the_label_and_not_of_the_likeliest(build, texts) -> None:
    model = build(thresholds=(1.0, 1.0, 0.001))
    answers = model.answer(texts)
    assert {answer.label for answer in answers} == {"cry"}
    assert [answer.confidence for answer in answers] == [dict(answer.top)["cry"] for answer in answers]
    assert any(answer.top[0][0] != "cry" for answer in answers)


@pytest.mark.parametrize(("top_k", "expected"), [(1, 1), (3, 3), (99, 3)])
def test_top_k_says_how_many_labels_are_listed(build, texts, top_k, expected) -> None:
    for answer in build().answer(texts, top_k=top_k):
        assert len(answer.top) == expected
        assert [p for _, p in answer.top] == sorted((p for _, p in answer.top), reverse=True)


def test_an_unsure_text_is_left_to_a_person_and_one_at_the_threshold_is_not(build, texts) -> None:
    model = build()
    confidences = sorted(answer.confidence for answer in model.answer(texts))
    threshold = confidences[len(confidences) // 2]
    for answer, label in zip(model.answer(texts, abstain_below=threshold), model.predict(texts), strict=True):
        assert answer.abstained == (answer.confidence < threshold)
        assert answer.label == (None if answer.abstained else label)
    assert [a.abstained for a in model.answer(texts, abstain_below=threshold)].count(
        True
    ) == confidences.index(threshold)
    assert not any(answer.abstained for answer in model.answer(texts, abstain_below=0.0))


@pytest.mark.parametrize("kind", [{}, {"multilabel": True}], ids=str)
def test_an_unfamiliar_text_is_left_to_a_person_and_one_at_the_threshold_is_not(build, texts, kind) -> None:
    model = build(**kind)
    measures = sorted(answer.familiarity for answer in model.answer(texts))
    answers = model.answer(texts, familiar_above=measures[3])
    assert [answer.abstained for answer in answers] == [
        answer.familiarity < measures[3] for answer in answers
    ]
    assert sum(answer.abstained for answer in answers) == measures.index(measures[3]) > 0
    assert {answer.label for answer in answers if answer.abstained} == {None}


def test_a_text_is_left_to_a_person_for_either_reason(build, texts) -> None:
    model = build(familiarity=(0.0, -1.0, 0.0))
    answers = model.answer(texts)
    confidence = sorted(answer.confidence for answer in answers)[3]
    familiarity = sorted(answer.familiarity for answer in answers)[3]
    unsure = [answer.abstained for answer in model.answer(texts, abstain_below=confidence)]
    foreign = [answer.abstained for answer in model.answer(texts, familiar_above=familiarity)]
    found = model.answer(texts, abstain_below=confidence, familiar_above=familiarity)
    assert [answer.abstained for answer in found] == [a or b for a, b in zip(unsure, foreign, strict=True)]
    assert any(b and not a for a, b in zip(unsure, foreign, strict=True))
    assert any(a and not b for a, b in zip(unsure, foreign, strict=True))


def test_a_model_without_familiarity_answers_all_the_same(build, texts) -> None:
    model = build(familiarity=())
    assert {answer.familiarity for answer in model.answer(texts)} == {None}
    with pytest.raises(BundleError, match=r"no familiarity.*train it again"):
        model.answer(texts, familiar_above=-2)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"top_k": 0}, "top_k is 0; it must be 1 or more"),
        ({"abstain_below": 90}, "abstain_below is 90; it must be between 0 and 1"),
        ({"abstain_below": float("nan")}, "abstain_below is nan; it must be between 0 and 1"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused(build, texts, options, problem) -> None:
    with pytest.raises(ConfigError) as error:
        build().answer(texts, **options)
    assert str(error.value) == problem


def test_a_model_that_gives_several_labels_has_no_confidence_in_the_whole_set(build, texts) -> None:
    with pytest.raises(ConfigError, match="abstain_below is for models that give one label to a text"):
        build(multilabel=True).answer(texts, abstain_below=0.5)


def test_no_texts_have_no_answers(build) -> None:
    for kind in ({}, {"multilabel": True}):
        assert build(**kind).answer([], top_k=2) == []
    assert build().answer([], abstain_below=0.5, familiar_above=0) == []


def test_an_answer_cannot_be_changed_and_can_be_pickled(build) -> None:
    (answer,) = build().answer(["the parcel"])
    with pytest.raises(FrozenInstanceError):
        answer.label = "buy"
    copy = pickle.loads(pickle.dumps(answer))
    assert copy == answer
    np.testing.assert_array_equal(copy.probabilities, answer.probabilities)
    assert repr(answer).startswith(f"Answer(label={answer.label!r}, confidence={answer.confidence}, top=")


def test_a_saved_model_is_the_same_model(build, texts, tmp_path) -> None:
    model = build()
    model.save(tmp_path / "new" / "model")
    loaded = Classifier.load(tmp_path / "new" / "model")
    assert loaded.answer(texts) == model.answer(texts)
    assert loaded.predict_proba(texts).tobytes() == model.predict_proba(texts).tobytes()


def test_a_model_replaces_another_only_if_that_is_asked_for(build, tmp_path) -> None:
    build().save(tmp_path / "model")
    other = build(labels=("no", "yes"))
    with pytest.raises(BundleError, match=r"model already exists; overwrite=True replaces it$"):
        other.save(str(tmp_path / "model"))
    assert len(Classifier.load(tmp_path / "model").labels) == 3
    other.save(tmp_path / "model", overwrite=True)
    assert Classifier.load(tmp_path / "model").labels == ("no", "yes")


def test_a_folder_that_is_no_model_is_never_replaced(build, tmp_path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(BundleError, match="is not a model"):
        build().save(tmp_path / "letters", overwrite=True)
    assert (tmp_path / "letters" / "a.txt").read_text(encoding="utf-8") == "dear"


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ({}, {"train": 900, "dev": 100}, "<Classifier: 3 labels, GRU 4x2 + linear, trained on 900 texts>"),
        (
            {},
            {"train": 900, "refit": 1000},
            "<Classifier: 3 labels, GRU 4x2 + linear, trained on 1,000 texts>",
        ),
        ({}, {}, "<Classifier: 3 labels, GRU 4x2 + linear>"),
        ({"multilabel": True}, {}, "<Classifier: 3 labels, several for a text, GRU 4x2 + linear>"),
        ({"settings": {"gru.enabled": False}}, {}, "<Classifier: 3 labels, linear>"),
        (
            {"settings": {"linear.enabled": False, "gru.bidirectional": False, "gru.layers": 2}},
            {},
            "<Classifier: 3 labels, GRU 2 layers of 4x1>",
        ),
    ],
)
def test_the_repr_says_what_the_model_is(build_bundle, kind, data, expected) -> None:
    assert repr(Classifier(replace(build_bundle(**kind), data=data))) == expected


def test_the_reference_has_every_public_method_and_attribute(build) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "python-api.md").read_text(encoding="utf-8")
    for name in ("grutext.Classifier", "grutext.inference.Answer", f"{Session.__module__}.Session"):
        assert f"\n::: {name}\n" in page  # its docstrings
    methods = {
        f"{kind.__name__}.{name}": method.__doc__
        for kind in (Classifier, Session)
        for name, method in vars(kind).items()
        if name[0] != "_" and callable(getattr(kind, name)) and not isinstance(method, classmethod)
    }
    assert "Classifier.predict" in methods
    assert [name for name, docstring in methods.items() if not docstring] == []
    explained = set(re.findall(r"^ +(\w+): ", f"{Classifier.__doc__}{Answer.__doc__}", flags=re.MULTILINE))
    assert {name for name in vars(build()) if name[0] != "_"} <= explained
    assert {field.name for field in fields(Answer)} <= explained
