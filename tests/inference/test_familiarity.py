"""How familiar a text is, against the definition written out, and for every kind of model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grutext import Classifier
from grutext.errors import BundleError

GOLDEN = Path(__file__).parents[1] / "golden" / "format-1"
NUMBERS = (-1.5, 0.25, 2.0)
KINDS = {
    "both parts": {},
    "two labels": {"labels": ("no", "yes")},
    "several labels": {"multilabel": True},
    "no GRU part": {"settings": {"gru.enabled": False}},
    "no linear part": {"settings": {"linear.enabled": False}},
    "two labels, no linear part": {"settings": {"linear.enabled": False}, "labels": ("no", "yes")},
}


@pytest.fixture(params=KINDS)
def model(request, build_bundle):
    bundle = build_bundle(**KINDS[request.param])
    return Classifier(replace(bundle, calibration=replace(bundle.calibration, familiarity=NUMBERS)))


def grams_of(text, model):
    """Return the set of a text's n-gram keys, one n-gram at a time."""
    from grutext.text import count_ngrams

    return set(count_ngrams(model._vectorizer.vectorize([text]), model.bundle.config.linear).keys.tolist())


def defined(text, model):
    """The definition, text by text and label by label."""
    c = model.bundle.calibration
    gru, linear, _ = model.raw_scores([text])
    count = len(model.labels)
    scores = np.zeros(count)
    for label in range(count):
        if linear is not None:
            margin = linear[0, label] if linear.shape[1] == count else (-1, 1)[label] * linear[0, 0]
            scale, shift = (np.broadcast_to(v, count)[label] for v in (c.linear_scale, c.linear_shift))
            if linear.shape[1] != count:
                shift = (-1, 1)[label] * c.linear_shift[0]
            scores[label] += (1 if gru is None else 1 - c.fusion) * (margin * scale + shift)
        if gru is not None:
            scores[label] += (1 if linear is None else c.fusion) * gru[0, label] * c.gru_scale
    tokens = model._vectorizer.vectorize([text])
    if linear is not None:
        grams = grams_of(text, model)
        known = len(grams & set(model.bundle.weights["linear/keys"].tolist())) / max(1, len(grams))
    else:
        known = float(np.mean(tokens.rows[tokens.ids] > 0)) if len(tokens.ids) else 0.0
    return NUMBERS[0] + NUMBERS[1] * scores.max() + NUMBERS[2] * known


def test_familiarity_equals_its_definition(model, texts):
    mixed = [*texts, "parcel parcel xylophone qqqq", "qqqq wwww", " "]
    found = model.familiarity(mixed)
    assert (found.shape, found.dtype) == ((len(mixed),), np.float32)
    np.testing.assert_allclose(found, [defined(text, model) for text in mixed], atol=1e-5)
    assert len(set(found.tolist())) > 5


def test_familiarity_is_the_same_for_any_batch_size_and_in_answers(model, texts):
    whole = model.familiarity(texts)
    np.testing.assert_allclose(np.concatenate([model.familiarity([t]) for t in texts]), whole, atol=1e-5)
    answers = model.answer(texts)
    np.testing.assert_array_equal([answer.probabilities for answer in answers], model.predict_proba(texts))
    np.testing.assert_allclose([answer.familiarity for answer in answers], whole, atol=6e-5)
    assert model.familiarity([]).shape == (0,)


def test_unknown_words_make_a_text_less_familiar(build_bundle):
    bundle = build_bundle()
    model = Classifier(replace(bundle, calibration=replace(bundle.calibration, familiarity=(0.0, 0.0, 1.0))))
    known, half, foreign, empty = model.familiarity(["the parcel", "the parcel zzqqzz", "zzqqzz", ""])
    assert known > half > foreign == empty == 0.0


def test_a_model_of_format_1_has_no_familiarity_and_says_so():
    model = Classifier.load(GOLDEN)
    with pytest.raises(BundleError, match=r"no familiarity.*train it again"):
        model.familiarity(["tide"])
    assert model.bundle.abstention == []


def test_a_bundle_stores_familiarity_and_abstention(build_bundle, tmp_path):
    chosen = [
        {"errors": 0.02, "coverage": 0.75, "threshold": 0.9},
        {"errors": 0.01, "coverage": 0.0, "threshold": None},
    ]
    bundle = build_bundle()
    bundle = replace(bundle, calibration=replace(bundle.calibration, familiarity=NUMBERS), abstention=chosen)
    bundle.save(tmp_path / "m")
    loaded = Classifier.load(tmp_path / "m").bundle
    assert loaded.calibration.familiarity == NUMBERS
    assert loaded.abstention == chosen


@pytest.mark.parametrize("numbers", [(1.0,), (0.0, 1.0, float("nan")), (0.0,) * 4])
def test_other_numbers_than_three_finite_ones_are_refused(build_bundle, tmp_path, numbers):
    bundle = build_bundle()
    with pytest.raises(BundleError, match="calibration does not fit"):
        replace(bundle, calibration=replace(bundle.calibration, familiarity=numbers)).save(tmp_path / "m")


def test_the_confidence_is_the_probability_of_the_label(build_bundle, texts):
    for kind in ({}, {"labels": ("no", "yes")}):
        model = Classifier(build_bundle(**kind))
        probabilities = model.predict_proba(texts)
        expected = [
            row[model.labels.index(label)]
            for row, label in zip(probabilities, model.predict(texts), strict=True)
        ]
        np.testing.assert_array_equal(model.confidence(probabilities), expected)
    several = Classifier(build_bundle(multilabel=True)).predict_proba(texts)
    np.testing.assert_array_equal(
        Classifier(build_bundle(multilabel=True)).confidence(several), several.max(1)
    )
