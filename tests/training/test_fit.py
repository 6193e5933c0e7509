"""Whole trainings on a few texts: determinism, the time budget, several labels, parts left out."""

import time
from dataclasses import replace

import numpy as np
import pytest
from support.tiny_training import DEV, TRAIN, Recorder, fit

from grutext.data import Example
from grutext.errors import GrutextError, TrainingError
from grutext.inference import Classifier
from grutext.model.bundle import weights_digest

pytestmark = pytest.mark.tf


def test_it_learns_and_the_bundle_says_what_happened(tmp_path):
    heard = Recorder()
    bundle = fit(listener=heard, training__epochs=8)
    assert bundle.labels == ("sea", "town", "wood")
    assert bundle.metrics["dev"]["accuracy"] > 0.8
    assert bundle.metrics["dev"]["n"] == 30
    assert [record["epoch"] for record in bundle.history] == [r.epoch for r in heard.records]
    assert bundle.history[-1]["loss"] < bundle.history[0]["loss"]
    assert bundle.data["train"] == 90
    assert heard.notes[0].startswith("90 texts of ")
    assert heard.notes[1].startswith("engine: ")
    assert sorted(note.partition(":")[0] for note in heard.notes[2:4]) == ["GRU part", "linear part"]
    assert [entry["errors"] for entry in bundle.abstention] == [0.01, 0.02, 0.05, 0.1]
    familiar = Classifier(bundle).familiarity([example.text for example in DEV])
    assert familiar.mean() == pytest.approx(0.0, abs=1e-4)
    assert Classifier(bundle).familiarity(["qqqq zzzz"])[0] < -1
    assert heard.ended == 1
    bundle.save(tmp_path / "model")
    model = Classifier.load(tmp_path / "model")
    assert model.predict(["salt tide and fish", "moss fern owl"]) == ["sea", "wood"]
    for row in bundle.golden:
        np.testing.assert_allclose(model.predict_proba([row["text"]])[0], row["probabilities"], atol=1e-5)


def test_each_step_reports_the_tokens_of_its_batch():
    class Count(Recorder):
        tokens = of_epoch = 0

        def begin(self, epochs, tokens_per_epoch, name="epoch"):
            self.of_epoch = tokens_per_epoch

        def step(self, epoch, tokens, loss):
            self.tokens += tokens

    heard = Count()
    fit(listener=heard)
    assert heard.tokens == 4 * heard.of_epoch > 0


def test_the_linear_part_is_fitted_again_to_both_parts_once_the_dev_part_has_measured():
    dev = [*DEV, Example("gondola gondola", ("sea",), "made.csv", 1)]
    apart, again = fit(dev=dev), fit(dev=dev, refit=True)
    assert again.metrics == apart.metrics
    assert again.calibration == apart.calibration
    same = {name for name, a in apart.weights.items() if np.array_equal(a, again.weights[name])}
    assert same == {name for name in apart.weights if not name.startswith("linear/")}
    known = len(apart.weights["linear/keys"]), len(again.weights["linear/keys"])
    assert known[1] > known[0], "n-grams of the dev set are known now"
    for row in again.golden:
        found = Classifier(again).predict_proba([row["text"]])[0]
        np.testing.assert_allclose(found, row["probabilities"], atol=1e-5)


def test_a_dev_text_of_an_unknown_label_teaches_the_refitted_part_nothing():
    dev = [*DEV, Example("gondola gondola", ("canal",), "made.csv", 1), *DEV[:2]]
    bundle = fit(dev=dev, refit=True, gru__enabled=False)
    assert bundle.data["refit"] == len(TRAIN) + len(DEV) + 2
    without = fit(dev=[*DEV, *DEV[:2]], refit=True, gru__enabled=False)
    assert weights_digest(bundle) == weights_digest(without)


def test_a_time_budget_has_the_linear_part_refitted_only_if_there_is_time():
    assert "refit" in fit(refit=True, gru__enabled=False, training__time_budget=60.0).data
    assert "refit" not in fit(refit=True, gru__enabled=False, training__time_budget=0.5).data


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    digests = [weights_digest(fit(training__seed=seed)) for seed in (7, 7, 8)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("settings", [{"gru__enabled": False}, {"linear__enabled": False}])
def test_either_part_can_be_left_out(settings, tmp_path):
    bundle = fit(training__epochs=10, **settings)
    assert bundle.metrics["dev"]["accuracy"] > 0.6
    kinds = {name.partition("/")[0] for name in bundle.weights}
    assert kinds == ({"linear"} if "gru__enabled" in settings else {"embedding", "conv", "gru", "head"})
    bundle.save(tmp_path / "m")
    Classifier.load(tmp_path / "m").predict(["wave", ""])


def test_several_labels():
    def doubled(part):
        pairs = zip(part, part[1:] + part[:1], strict=True)
        return [Example(f"{a.text} {b.text}", tuple({*a.labels, *b.labels}), "x", 1) for a, b in pairs]

    bundle = fit(doubled(TRAIN), doubled(DEV), multilabel=True, training__epochs=12)
    assert bundle.multilabel
    assert len(bundle.calibration.thresholds) == 3
    assert bundle.abstention == []
    assert Classifier(bundle).familiarity(["tide", "qqqq"]).argmin() == 1
    assert len(bundle.calibration.scale) == 3
    compared = bundle.metrics["calibration"]
    assert compared["after"]["log_loss"] < compared["before"]["log_loss"]
    assert bundle.metrics["dev"]["micro_f1"] > 0.7
    assert set(Classifier(bundle).predict(["tide fish moss owl"])[0]) <= set(bundle.labels)


def test_balanced_classes_and_thresholds_for_macro_f1_reach_the_model():
    rare = [e for e in TRAIN if e.labels != ("town",)] + [e for e in TRAIN if e.labels == ("town",)][:3]
    plain, balanced = (fit(rare, training__class_weight=kind) for kind in ("none", "balanced"))
    assert fit(rare, training__class_weight="auto").calibration == plain.calibration
    for part in ("gru/0/forward/kernel", "linear/kernel"):
        assert not np.array_equal(plain.weights[part], balanced.weights[part])

    def accuracy(bundle):
        return np.mean(
            [a == e.labels[0] for a, e in zip(Classifier(bundle).predict([e.text for e in DEV]), DEV)]
        )

    tuned = fit(rare, training__optimize="macro-f1")
    assert weights_digest(tuned) == weights_digest(plain)
    for bundle in (plain, balanced, tuned):
        # Each third of dev is calibrated on the others, so that a text on the edge may fall elsewhere.
        assert bundle.metrics["dev"]["accuracy"] == pytest.approx(accuracy(bundle), abs=0.07)


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "attention"])
def test_every_pooling_and_convention_trains(pooling):
    bundle = fit(
        gru__pooling=pooling,
        gru__reset_after=False,
        gru__layers=2,
        gru__bidirectional=pooling == "max",
    )
    assert np.isfinite(bundle.metrics["dev"]["log_loss"])


def test_the_time_budget_ends_the_training():
    began = time.monotonic()
    many = TRAIN * 30
    heard = Recorder()
    bundle = fit(many, listener=heard, training__epochs=2000, training__patience=0, training__time_budget=20)
    seconds = time.monotonic() - began
    assert 17 < seconds < 22
    done = len(bundle.history)
    assert done < 2000
    assert any(f"stopped after {done} of 2000 epochs: the time is up; epoch " in note for note in heard.notes)


# Labels that nothing tells, so that dev loss soon grows.
NOISE = [Example(e.text, DEV[-n].labels, "x", 1) for n, e in enumerate(DEV)]


def test_early_stopping_keeps_the_best_epoch():
    heard = Recorder()
    fit(dev=NOISE, listener=heard, training__epochs=40, training__patience=2)
    assert not any(r.best for r in heard.records[24:26]), "its patience was over before the last third"
    assert len(heard.records) == 27
    assert [r.best for r in heard.records[-2:]] == [False, False]
    kept = max(r.epoch for r in heard.records if r.best)
    why = f"the dev loss has not been lower since epoch {kept}; epoch {kept} is kept"
    assert f"GRU part: stopped after 27 of 40 epochs: {why}" in heard.notes


def test_early_stopping_waits_for_the_last_third_of_a_time_budget(monkeypatch):
    from grutext.training.gru import fit as gru

    schedules, ends = [], []

    class Seen(gru.Schedule):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            schedules.append(self)

    class Heard(Recorder):
        def epoch(self, record):
            super().epoch(record)
            ends.append(time.monotonic())

    monkeypatch.setattr(gru, "Schedule", Seen)
    heard = Heard()
    fit(dev=NOISE, listener=heard, training__epochs=100_000, training__patience=1, training__time_budget=6)
    (schedule,) = schedules
    assert not schedule.time_is_up
    assert ends[-1] - schedule.began > 0.65 * (schedule.deadline - schedule.began)
    assert not heard.records[-1].best


def test_a_time_budget_that_is_over_still_trains_for_one_epoch():
    assert len(fit(training__time_budget=0.5).history) == 1


def test_a_dev_part_with_other_labels_only_is_refused():
    other = [Example("a", ("sky",), "dev.csv", 2)]
    with pytest.raises(
        TrainingError, match=r"no text of the dev set has a label of the training set \(sea, town"
    ):
        fit(dev=other)


def test_texts_that_share_no_ngram_still_train():
    part = [Example("", ("a",), "x", 1), Example("b", ("a",), "x", 2), Example("", ("c",), "x", 3)] * 2
    assert fit(part, part, training__epochs=1).metrics["dev"]["n"] == 6


@pytest.mark.parametrize(("train_part", "dev"), [([], DEV), (TRAIN[:1], DEV), (TRAIN, [])])
def test_too_little_data_raises_a_grutext_error(train_part, dev):
    with pytest.raises(GrutextError):
        fit(train_part, dev)


def unseen_words(count, seed):
    """Texts of which most words are not in a training part of a few."""
    rng = np.random.default_rng(seed)
    made = []
    for n in range(count):
        label = ("sea", "wood")[n % 2]
        words = [f"{label[0]}{''.join(rng.permutation(list('abcdef'))[:4])}" for _ in range(3)]
        common = rng.choice({"sea": ["wave", "salt", "tide"], "wood": ["tree", "moss", "owl"]}[label], 2)
        made.append(Example(" ".join([*words, *common]), (label,), "made.csv", n + 2))
    return made


VECTORS = {"text_vectors/words", "text_vectors/scale", "text_vectors/center", "linear/vector_kernel"}


def fit_with_scores(monkeypatch, scores, multilabel=False):
    """Trains on 30 texts beside 240 without labels, where the candidates have these scores."""
    from grutext.training.linear import held_out

    given = []

    def score(labelled, task, candidates, seconds):
        given.extend(candidates)
        return held_out.HeldOutScores(scores[: len(candidates)], 30)

    monkeypatch.setattr(held_out, "score_candidates", score)
    texts, heard = unseen_words(300, 1), Recorder()
    unlabelled = [replace(example, labels=()) for example in texts[60:]]
    settings = {"refit": True, "gru__enabled": False, "linear__vector_size": 8, "listener": heard}
    bundle = fit(texts[:30], texts[30:60], multilabel, unlabelled=unlabelled, **settings)
    note = next(note for note in heard.notes if note.startswith("text vectors"))
    return bundle, note, given


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ((0.8, 0.9, 0.85), "kept;"),
        ((0.8, 0.8, 0.8), "left out;"),
        ((0.8, 0.7, 0.7), "left out;"),
        ((0.8, 0.7, 0.9), "kept, own labels too;"),
    ],
)
def test_what_helps_held_out_texts_is_kept_and_the_rest_left_out(monkeypatch, scores, said):
    bundle, note, (_, _, semi) = fit_with_scores(monkeypatch, scores)
    assert note.startswith(
        f"text vectors: learned from 270 texts and {said} of 30 held-out texts the linear part labels right 80.0 % "
    )
    assert VECTORS & set(bundle.weights) == (VECTORS if said.startswith("kept") else set())
    assert len(semi.pool) == 240
    plain, _, _ = fit_with_scores(monkeypatch, (0.8, 0.9, 0.85))
    if "own" in said:
        assert len(bundle.weights["linear/keys"]) > len(plain.weights["linear/keys"])


def test_texts_of_several_labels_have_text_vectors_and_no_self_training(monkeypatch):
    bundle, note, candidates = fit_with_scores(monkeypatch, (0.8, 0.9, 1.0), multilabel=True)
    assert set(bundle.weights) >= VECTORS
    assert len(candidates) == 2
    assert "own labels" not in note


def test_text_vectors_are_learned_only_with_texts_without_labels_and_few_labelled_ones(monkeypatch, tmp_path):
    bundle, _, _ = fit_with_scores(monkeypatch, (0.8, 0.9, 0.7))
    bundle.save(tmp_path / "m")
    texts, settings = unseen_words(300, 1), {"gru__enabled": False, "linear__vector_size": 8}
    assert Classifier.load(tmp_path / "m").predict([texts[0].text]) == list(texts[0].labels)
    assert not VECTORS & set(fit(texts[:30], texts[30:60], **settings).weights)
    unlabelled = [replace(example, labels=()) for example in texts[60:]]
    for most, learned in ((29, set()), (30, VECTORS)):
        monkeypatch.setattr("grutext.training.plan._FEW_LABELS", most)
        bundle = fit(texts[:30], texts[30:60], unlabelled=unlabelled, **settings)
        assert VECTORS & set(bundle.weights) == learned


@pytest.mark.parametrize(
    "settings", [{"linear__vector_size": 0}, {"linear__enabled": False, "linear__vector_size": 8}]
)
def test_text_vectors_can_be_turned_off(settings):
    heard = Recorder()
    bundle = fit(
        listener=heard, **settings, **({"gru__enabled": False} if "linear__enabled" not in settings else {})
    )
    assert not any("vector" in name for name in bundle.weights)
    assert not any("text vectors" in note for note in heard.notes)


def test_without_time_text_vectors_are_not_tried():
    settings = {"gru__enabled": False, "linear__vector_size": 8, "training__time_budget": 2.1}
    bundle = fit(unlabelled=[replace(example, labels=()) for example in TRAIN], **settings)
    assert "text vectors were not tried" in bundle.data["left_out"]
