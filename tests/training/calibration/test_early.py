"""Answers about texts that are still coming: calibrated, and taken only where that is safe."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binom

from grutext import Classifier, kernels
from grutext.errors import BundleError, ConfigError
from grutext.inference.fusion import sharpen
from grutext.inference.sessions import Reading, next_checkpoint
from grutext.inference.sessions import early as early_answers
from grutext.model.bundle import Bundle
from grutext.training import fit
from grutext.training.calibration import early

CLASSES = 3


def simulate(rng, texts=600, checkpoints=4, confused=0.3, overconfident=1.0):
    """Texts whose evidence grows at each checkpoint; (Beginnings, targets)."""
    labels = rng.integers(0, CLASSES, texts)
    targets = np.eye(CLASSES, dtype=np.float32)[labels]
    logits, readings = np.zeros((texts, CLASSES)), []
    for number in range(checkpoints):
        logits = logits + 1.2 * targets + rng.normal(size=logits.shape)
        logits += confused * np.eye(CLASSES)[rng.integers(0, CLASSES, texts)]
        ended = np.full(texts, number == checkpoints - 1)
        p = np.exp(overconfident * logits)
        rows = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
        readings.append(Reading(np.arange(texts), np.full(texts, 2**number), ended, rows))
    return early.Beginnings(readings, texts), targets


def lost(read, targets, threshold):
    """The texts that are right after their end and wrong where they stop, computed text by text."""
    count = 0
    for n in range(read.texts):
        rows = [r.probabilities[n] for r in read.readings]
        stop = next((row for row in rows if row.max() >= threshold), rows[-1])
        count += bool(targets[n, rows[-1].argmax()] and not targets[n, stop.argmax()])
    return count


@pytest.mark.long
def test_each_threshold_and_all_before_it_hold_and_the_next_one_does_not():
    read, targets = simulate(np.random.default_rng(1), texts=300)
    chosen = early.choose_early(read, targets, ())
    assert [row["gap"] for row in chosen] == list(early.GAPS)
    for row in chosen:
        holds = [
            binom.cdf(lost(read, targets, t), read.texts, row["gap"]) <= early.RISK for t in early.THRESHOLDS
        ]
        first = holds.index(False) if False in holds else len(holds)
        assert row["threshold"] == (early.THRESHOLDS[first - 1] if first else None)
    shares = [row["words_read"] for row in chosen]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 1


def test_few_texts_offer_nothing():
    read, targets = simulate(np.random.default_rng(1), texts=20)
    assert early.choose_early(read, targets, ())[0] == {"gap": 0.005, "threshold": None, "words_read": 1.0}


@pytest.mark.long
def test_the_guarantee_holds_for_nine_of_ten_dev_sets():
    failures = 0
    fresh, fresh_targets = simulate(np.random.default_rng(999), texts=20_000)
    for seed in range(60):
        read, targets = simulate(np.random.default_rng(seed))
        row = early.choose_early(read, targets, ())[2]
        found, _ = fresh.stop(row["threshold"] or 2.0, ())
        rows = np.arange(fresh.texts)
        right = [fresh_targets[rows, p.argmax(axis=1)].mean() for p in (fresh.whole, found)]
        failures += right[0] - right[1] > row["gap"]
    assert (
        failures <= 10
    )  # 6 are allowed on average, and the loss is at least the difference of the accuracies


def test_overconfident_beginnings_are_softened_and_the_ends_are_left_alone():
    read, targets = simulate(np.random.default_rng(2), overconfident=3.0)
    length = early.fit_length(read, targets, False)
    assert length[0] < -0.3
    softened = read.sharpened(length, False)
    np.testing.assert_array_equal(softened.whole, read.whole)
    assert softened.readings[0].probabilities.max() < read.readings[0].probabilities.max()


def test_sharpening_multiplies_the_logarithms():
    p = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]], np.float32)
    found = sharpen(p, np.array([2.0, 0.5]), False)
    np.testing.assert_allclose(found[0], np.array([0.04, 0.25, 0.09]) / 0.38, rtol=1e-5)
    assert np.isfinite(found).all()
    odds = np.array([0.25, 1.0, 3 / 7]) ** 2
    np.testing.assert_allclose(sharpen(p[:1], np.array([2.0]), True)[0], odds / (1 + odds), rtol=1e-5)


@pytest.fixture(
    params=[
        ("word", False),
        pytest.param(("word", True), marks=pytest.mark.long),
        pytest.param(("pair", True), marks=pytest.mark.long),
    ],
    ids=str,
)
def model(request, build_bundle) -> Classifier:
    """A model that is sure of some beginnings, with a stop rule."""
    tokenizer, compiled = request.param
    bundle = build_bundle({"gru.bidirectional": False, "text.tokenizer": tokenizer}, vector_size=3)
    calibration = replace(bundle.calibration, length=(-0.3, 0.1))
    offered = [
        {"gap": 0.01, "threshold": 0.6, "words_read": 0.5},
        {"gap": 0.005, "threshold": None, "words_read": 1.0},
    ]
    if compiled and (why := kernels.why_unavailable(*kernels.PREDICTION, *kernels.SESSIONS)):
        pytest.skip(why)
    return Classifier(replace(bundle, calibration=calibration, early=offered), compiled=compiled)


TEXTS = [
    "the parcel never came, where is it? thanks, thanks for the quick answer", "invoice 4711 says 3.50 天气很好", "", "ok", "  \n",
    "thanks thanks thanks thanks thanks invoice invoice price is right", "never " * 40,
]  # fmt: skip


def test_early_answers_are_those_of_a_session_at_the_first_safe_checkpoint(model):
    found = model.predict_early(TEXTS, 0.01)
    for text, answer in zip(TEXTS, found, strict=True):
        session, decided = model.session(gap=0.01), None
        for character in text:
            now = session.push(character)
            if now.is_decided:
                decided = now
                break
        is_over = decided is None
        decided = decided or session.finish()
        assert (answer.label, answer.has_ended) == (decided.label, is_over)
        np.testing.assert_array_equal(answer.probabilities, decided.probabilities)
    assert {answer.has_ended for answer in found} == {True, False}
    for answer, row in zip(found, model.predict_proba(TEXTS), strict=True):
        if answer.has_ended:
            np.testing.assert_allclose(answer.probabilities, row, rtol=0, atol=1e-5)


def test_early_answers_do_not_depend_on_the_texts_read_beside(model, monkeypatch):
    expected = model.predict_early(TEXTS, 0.01)
    for name, value in (("_TEXTS", 2), ("_CHARACTERS", 60), ("_WORDS", 1)):
        monkeypatch.setattr(early_answers, name, value)
        for answer, other in zip(model.predict_early(TEXTS, 0.01), expected, strict=True):
            assert answer == other
            np.testing.assert_array_equal(answer.probabilities, other.probabilities)
    assert [answer.words_read for answer in model.answer(TEXTS, early=0.01)] == [a.words for a in expected]


@pytest.mark.long
def test_where_a_text_is_decided_does_not_depend_on_its_pieces(model):
    for text in TEXTS:
        ends = []
        for size in (1, 5, 1000):
            session = model.session(gap=0.01)
            for start in range(0, len(text), size):
                session.push(text[start : start + size])
            ends.append(session.push(" \n").is_decided)
            session = model.resume(session.state())
            assert session.push("").is_decided == ends[-1]
        assert len(set(ends)) == 1


def test_a_gap_that_is_not_offered_is_refused(model, build_bundle):
    with pytest.raises(ConfigError, match=r"it offers 0\.01"):
        model.session(gap=0.005)
    with pytest.raises(ConfigError, match="--preset streaming"):
        Classifier(build_bundle({"gru.bidirectional": False})).predict_early(["a"], 0.01)


def test_cross_validated_texts_get_no_early_answers_and_a_note(monkeypatch):
    notes, bundle = [], object()
    monkeypatch.setattr(fit, "calibrate_bundle", lambda *_: (bundle, None))
    plan = SimpleNamespace(dev=[], dev_targets=None, learns_beginnings=True, folds=object())
    run = SimpleNamespace(listener=SimpleNamespace(note=notes.append), on_dev=lambda _: None)
    assert fit._calibrate(plan, run, bundle, None) is bundle
    assert "--dev-fraction" in notes[0]


def test_checkpoints_are_powers_of_two_and_the_middle_between_them():
    found = [0]
    while found[-1] < 100:
        found.append(next_checkpoint(found[-1]))
    assert found == [0, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128]
    assert all(next_checkpoint(n) > n for n in range(1000))


def test_the_rule_is_saved_and_hostile_values_are_refused(model, tmp_path):
    model.save(tmp_path / "m")
    loaded = Bundle.load(tmp_path / "m")
    assert (loaded.early, loaded.calibration.length) == (model.bundle.early, (-0.3, 0.1))
    for broken in (
        {"gap": "x"},
        {"gap": 0.01, "threshold": [], "words_read": 1},
        {"gap": 0.01, "threshold": 2.0, "words_read": 1.0},
    ):
        replace(model.bundle, early=[broken]).save(tmp_path / "broken", overwrite=True)
        with pytest.raises(BundleError, match="early"):
            Bundle.load(tmp_path / "broken")
    with pytest.raises(BundleError, match="length"):
        replace(model.bundle, calibration=replace(model.bundle.calibration, length=(1.0,))).save(
            tmp_path / "x"
        )
