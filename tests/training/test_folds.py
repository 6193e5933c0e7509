"""Trainings on few texts: cross-validation on all of them instead of a dev set."""

import signal
import time

import numpy as np
import pytest
from support.stopped_training import check_same, kind_of_network, states
from support.tiny_training import TINY, TRAIN, Recorder, fit, fit_folds

from grutext.config import Config
from grutext.data import Example
from grutext.inference import Classifier
from grutext.model.bundle import Bundle, weights_digest
from grutext.model.initial import initial_arrays
from grutext.model.spec import Calibration
from grutext.text import Vectorizer, text_key
from grutext.training.corpus import InMemoryCorpus
from grutext.training.folds import Folds
from grutext.training.gru.epochs import PhaseContext
from grutext.training.gru.fit import SupervisedPhase
from grutext.training.gru.fold_training import FoldedTexts, FoldTraining
from grutext.training.gru.held_out import OutOfFold
from grutext.training.gru.interruption import Interrupted
from grutext.training.gru.schedule import Schedule

pytestmark = pytest.mark.tf
PRETRAINED = {"training__pretraining_epochs": 3}


def deal(texts):
    return Folds.deal(texts, 1, [text_key(example.text) for example in texts])


@pytest.fixture(scope="module")
def whole():
    """The training that nothing disturbs."""
    return fit_folds(**PRETRAINED)


@pytest.fixture
def scores(monkeypatch):
    """The arguments with which the calibration is called."""
    from grutext.training import fit as steps

    seen, calibrate = [], steps.calibrate_bundle

    def note(*given):
        seen.append(given)
        return calibrate(*given)

    monkeypatch.setattr(steps, "calibrate_bundle", note)
    return seen


def test_it_learns_and_the_report_says_that_it_is_cross_validated(tmp_path):
    heard = Recorder()
    bundle = fit_folds(listener=heard, training__epochs=8)
    assert bundle.metrics["dev"]["n"] == 90
    assert bundle.metrics["dev"]["folds"] == bundle.data["folds"] == 5
    assert bundle.metrics["dev"]["accuracy"] > 0.8
    assert bundle.data["train"] == 90
    assert "dev" not in bundle.data
    assert [record.epoch for record in heard.records] == [record["epoch"] for record in bundle.history]
    assert [record["best"] for record in bundle.history[:5]] == [False] * 5, (
        "the first two thirds are no choice"
    )
    assert bundle.history[-1]["best"]
    assert bundle.history[-1]["dev_loss"] == min(record["dev_loss"] for record in bundle.history[5:])
    bundle.save(tmp_path / "model")
    model = Classifier.load(tmp_path / "model")
    assert model.predict(["salt tide and fish", "moss fern owl"]) == ["sea", "wood"]
    for row in bundle.golden:
        np.testing.assert_allclose(model.predict_proba([row["text"]])[0], row["probabilities"], atol=1e-5)


def test_the_parts_that_are_kept_learn_from_all_texts():
    for settings in ({"gru__enabled": False}, {"linear__enabled": False, "training__epochs": 1}):
        assert weights_digest(fit_folds(**settings)) == weights_digest(fit(TRAIN, **settings))


def tiny_context(**settings):
    """All that training the folds needs, and what makes a network."""
    config = Config().override(TINY | {"text.tokenizer": "word", "text.case": "fold"} | settings)
    vectorizer = Vectorizer.fit([example.text for example in TRAIN], config.text)
    context = PhaseContext(InMemoryCorpus(TRAIN).vectorize(vectorizer, config), config, Recorder())
    return context, lambda: kind_of_network()(config, vectorizer.vocabulary.rows, 3, "softmax")


def as_bundle(network, config):
    vocabulary = Vectorizer.fit([example.text for example in TRAIN], config.text).vocabulary.tokens
    config = config.override({"linear.enabled": False})
    return Bundle(config, ("sea", "town", "wood"), False, vocabulary, network.arrays(), Calibration())


def noise(copies):
    """Texts whose labels nothing tells, each several times."""
    rng = np.random.default_rng(5)
    labels = rng.choice(["a", "b"], 60)
    return [Example(f"w{n % 60} v{n % 60}", (str(labels[n % 60]),), "x", n) for n in range(60 * copies)]


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("other", ["linear", "gru"])
def test_no_text_is_scored_by_a_part_that_was_trained_on_it(other, copies):
    bundle = fit_folds(noise(copies), **{f"{other}__enabled": False}, training__epochs=12)
    assert bundle.metrics["dev"]["accuracy"] < 0.7
    if other == "gru":
        found = Classifier(bundle).predict([example.text for example in noise(1)])
        assert np.mean([label == e.labels[0] for label, e in zip(found, noise(1), strict=True)]) > 0.9


def test_the_linear_scores_are_those_of_models_fitted_to_the_other_folds(scores):
    fit_folds(gru__enabled=False)
    (_, dev, _, found), folds = scores[0], deal(TRAIN)
    assert [example.text for example in dev] == [TRAIN[n].text for n in folds.held_out]
    for rest, fold in folds:
        part = [TRAIN[n] for n in fold]
        alone = fit([TRAIN[n] for n in rest], part, gru__enabled=False)
        expected = Classifier(alone).raw_scores([example.text for example in part])
        at = folds.held_out.searchsorted(fold)
        np.testing.assert_allclose(found.linear[at], expected.linear, atol=1e-6)
        np.testing.assert_allclose(found.known[at], expected.known, atol=1e-6)


def test_the_scores_of_the_gru_are_those_of_networks_trained_on_the_other_folds():
    context, make = tiny_context(**{"training.epochs": 2, "training.embedding_dropout": 0.0})
    folds, train, options = deal(TRAIN), context.train, context.config.training
    found = FoldTraining(context, FoldedTexts(folds, context.train.targets), make, False).run(make())
    logits = np.zeros((2, len(TRAIN), 3), np.float32)
    for rest, fold in folds:
        network, schedule = make(), Schedule(2, options.warmup)
        part = train.subset(rest)
        for epoch in (1, 2):
            rng, seen = np.random.default_rng([options.seed, 3, epoch]), 0
            for n, batch in enumerate(part.shuffled(8, 32_768, options.word_dropout, rng)):
                rate = 0.01 * schedule.rate(schedule.progress(epoch, seen / len(rest)))
                network.train_step(batch, (epoch << 18) + n, rate)
                seen += len(batch["lengths"])
            texts = [TRAIN[n].text for n in fold]
            logits[epoch - 1, fold] = Classifier(as_bundle(network, context.config)).raw_scores(texts).gru
    best = 1 + int(found.losses[1:].argmin())  # 2 epochs: the second is in the last third
    np.testing.assert_allclose(found.logits, logits[best][folds.held_out], atol=1e-4)


def test_the_best_epoch_of_the_last_third_is_reached_however_long_none_is_better():
    losses = np.array([0.1, 0.9, 0.5, 0.6, 0.7, 0.4])
    found = OutOfFold.choose(logits_of(losses), np.eye(2, dtype=np.float32)[[0, 0, 1, 1]], False)
    assert [found.is_over(epochs) for epochs in range(7)] == [False] * 6 + [True]
    kept, before = [], []
    for epoch in range(1, 7):
        loss = found.measure(None, epoch).loss
        kept.append(found.is_best(loss, before))
        before.append(loss)
    assert kept == [False] * 4 + [True, True]
    np.testing.assert_array_equal(found.logits, logits_of(losses)[5])


def test_a_note_says_why_the_training_has_ended_and_which_epoch_is_kept():
    heard = Recorder()
    done = len(fit_folds(noise(1), listener=heard, linear__enabled=False, training__epochs=12).history)
    assert 8 < done < 12
    assert heard.notes[-1] == (
        f"GRU part: stopped after {done} of 12 epochs: of the last third, epoch {done} had the lowest loss in "
        f"cross-validation; epoch {done} is kept"
    )


def test_a_training_that_ends_before_the_last_third_keeps_what_it_learned(monkeypatch):
    monkeypatch.setattr(SupervisedPhase, "should_stop", lambda self: len(self.history) == 1)
    bundle = fit_folds(training__epochs=6)
    assert [record["best"] for record in bundle.history] == [False]
    initial = initial_arrays(bundle.config, len(bundle.vocabulary) + 1, 3)
    assert not np.allclose(bundle.weights["head/kernel"], initial["head/kernel"], atol=1e-3)


def logits_of(losses):
    """Logits whose loss at the best temperature grows with the given numbers, `(E, 4, 2)`: one wrong text, the more so."""
    right = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], np.float32)
    wrong = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 0.0]], np.float32)
    return np.array([right + loss * wrong for loss in losses], np.float32)


@pytest.mark.parametrize("cores", [1, 3])
def test_the_bytes_do_not_depend_on_how_many_folds_are_trained_at_once(whole, monkeypatch, cores):
    from grutext.training.gru import fold_training

    monkeypatch.setattr(fold_training, "usable_cores", lambda: cores)
    check_same(fit_folds(**PRETRAINED), whole)


class StopIn(Recorder):
    """Presses Ctrl-C after a number of steps of a phase, given by the first word of its name."""

    def __init__(self, phase, steps):
        super().__init__()
        self.phase, self.left, self.now = phase, steps, ""

    def begin(self, epochs, tokens_per_epoch, name="epoch"):
        self.now = name

    def step(self, epoch, tokens, loss):
        if self.now.startswith(self.phase):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


def stop(folder, phase, steps):
    with pytest.raises(Interrupted) as stopped:
        fit_folds(checkpoint=folder, listener=StopIn(phase, steps), **PRETRAINED)
    return stopped.value.bundle


@pytest.mark.parametrize(
    ("phase", "steps"),
    [("pretraining", 1), ("pretraining", 2), ("training", 1), ("training", 100), ("training", 180),
     ("epoch", 1), ("epoch", 20)],
)  # fmt: skip
def test_a_training_stopped_in_any_phase_resumes_to_the_same_bytes(whole, tmp_path, phase, steps):
    stop(tmp_path, phase, steps).save(tmp_path / "unfinished")
    assert Classifier.load(tmp_path / "unfinished").predict(["moss fern owl"])
    assert states(tmp_path)
    heard = Recorder()
    check_same(fit_folds(checkpoint=tmp_path, resume=True, listener=heard, **PRETRAINED), whole)
    assert any(note.startswith("pretraining:") for note in heard.notes) == (phase == "pretraining")


def test_folds_that_were_trained_are_not_trained_again(whole, tmp_path, monkeypatch):
    stop(tmp_path, "epoch", 1)
    monkeypatch.setattr(FoldTraining, "run", None)  # to call it would fail
    check_same(fit_folds(checkpoint=tmp_path, resume=True, **PRETRAINED), whole)


def test_ctrl_c_stops_all_folds(whole, tmp_path, monkeypatch):
    from grutext.training.gru import fold_training

    network = kind_of_network()
    step, steps = network.train_step, []

    def press(self, batch, number, rate):
        steps.append(number)
        if len(steps) == 20:
            signal.raise_signal(signal.SIGINT)
        time.sleep(0.01 * (len(steps) > 20))
        return step(self, batch, number, rate)

    with monkeypatch.context() as patch:
        patch.setattr(fold_training, "usable_cores", lambda: 2)
        patch.setattr(network, "train_step", press)
        with pytest.raises(Interrupted):
            fit_folds(checkpoint=tmp_path, **PRETRAINED)
    assert len(steps) < 150, "all folds have 180 steps"
    check_same(fit_folds(checkpoint=tmp_path, resume=True, **PRETRAINED), whole)


def test_a_network_is_after_the_folds_as_it_was_before():
    shared = {"training.adversarial_radius": 1.0, "training.adversarial_direction": "shared"}
    context, make = tiny_context(**{"training.epochs": 1}, **shared)
    network = make()
    before = network.arrays() | network.state()
    FoldTraining(context, FoldedTexts(deal(TRAIN), context.train.targets), make, False).run(network)
    for name, array in (network.arrays() | network.state()).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_tensorflow_trains_the_folds_one_after_another():
    settings = {"training__engine": "tensorflow", "training__epochs": 2}
    first, second = fit_folds(**settings), fit_folds(**settings)
    check_same(first, second)
    assert first.metrics["dev"]["folds"] == 5


def test_several_labels():
    pairs = zip(TRAIN, TRAIN[1:] + TRAIN[:1], strict=True)
    both = [Example(f"{a.text} {b.text}", tuple({*a.labels, *b.labels}), "x", 1) for a, b in pairs]
    bundle = fit_folds(both, multilabel=True, training__epochs=8)
    assert bundle.metrics["dev"]["micro_f1"] > 0.7
    assert len(bundle.calibration.thresholds) == 3
    assert bundle.metrics["dev"]["folds"] == 5


def made(labels):
    return [Example(f"{label} word{n}", (label,), "x", n) for n, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("labels", "held_out", "folds"),
    [("aabb", 4, 4), ("aaaabc", 4, 4), ("a" * 30 + "bbc", 32, 5), ("aa" + "bcdefghij", 2, 2)],
)
@pytest.mark.parametrize("missing", ["gru", "linear", ""])
def test_very_few_texts(labels, held_out, folds, missing):
    settings = {f"{missing}__enabled": False} if missing else {}
    bundle = fit_folds(made(labels), **settings)
    assert (bundle.metrics["dev"]["n"], bundle.data["folds"]) == (held_out, folds)
    assert np.isfinite(bundle.metrics["dev"]["log_loss"])
    assert Classifier(bundle).predict([""])


def test_without_a_linear_part_a_word_of_one_text_is_unknown_in_its_fold(scores):
    fit_folds(made("ab" * 20), linear__enabled=False, text__min_count=1)
    known = scores[0][3].known
    assert known.max() < 1, "the second word of each text occurs in no other"


def test_a_time_budget_ends_the_training():
    began = time.monotonic()
    bundle = fit_folds(TRAIN * 20, training__epochs=2000, training__patience=0, training__time_budget=15)
    assert 10 < time.monotonic() - began < 17
    assert bundle.metrics["dev"]["folds"] == 5
    assert len(bundle.history) < 2000


def test_text_vectors_are_part_of_the_out_of_fold_scores(scores, monkeypatch):
    from grutext.training import fit as steps
    from grutext.training.linear.self_training import SemiSupervision
    from grutext.training.linear.text_vectors import learn_text_vectors

    def learn(plan, vectorizer, *_):
        texts = [example.text for example in TRAIN]
        return SemiSupervision(learn_text_vectors(texts, vectorizer, 4, 1))

    fit_folds(gru__enabled=False)
    monkeypatch.setattr(steps, "_learn_semi_supervised", learn)
    bundle = fit_folds(gru__enabled=False, linear__vector_size=4)
    without, together = (given[3].linear for given in scores)
    assert "linear/vector_kernel" in bundle.weights
    assert not np.allclose(without, together, atol=1e-3)
    assert bundle.metrics["dev"]["n"] == 90
