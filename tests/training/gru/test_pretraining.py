"""Pretraining on predicted tokens: what is predicted from what, what is learnt, how it stops and goes on."""

import itertools
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from support.stopped_training import StopAt, check_same, kind_of_network, states
from support.tiny_network import SIZES, STILL, TEXTS
from support.tiny_training import DEV, TINY, TRAIN, Recorder, fit

from grutext import kernels
from grutext.config import Config
from grutext.data import Example
from grutext.engines.choose import make_cbow
from grutext.model.bundle import weights_digest
from grutext.text import UNKNOWN, Vectorizer
from grutext.training.gru.batches import VectorizedCorpus
from grutext.training.gru.contexts import draw_contexts

PRETRAINED = {"training__pretraining_epochs": 3}


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    """Cuts the few texts into several batches of pretraining."""
    monkeypatch.setattr("grutext.training.gru.pretraining._BATCH_TEXTS", 8)


def corpus_of(texts, config):
    vectorizer = Vectorizer.fit(texts, config.text)
    return VectorizedCorpus(vectorizer.vectorize(texts), np.zeros((len(texts), 1), np.float32)), vectorizer


def drawn_batches(corpus, seed=1, epochs=1):
    for epoch in range(epochs):
        rng = np.random.default_rng([seed, epoch])
        for batch in corpus.shuffled(40, 10_000, 0.0, rng):
            yield batch, draw_contexts(batch, rng)


def pretraining(config, targets, start=()):
    from grutext.training.gru.epochs import PhaseContext
    from grutext.training.gru.pretraining import PretrainingPhase

    texts = [example.text for example in TRAIN]
    vectorizer = Vectorizer.fit(texts, config.text)
    corpus = VectorizedCorpus(vectorizer.vectorize(texts), targets)
    context = PhaseContext(corpus, config, Recorder())
    return PretrainingPhase(context, vectorizer.vocabulary.rows, dict(start))


def test_a_token_is_predicted_from_five_tokens_on_either_side():
    config = Config().override(SIZES)
    corpus, _ = corpus_of([*TEXTS, "a b c d e f g h i j k l m"], config)
    share = []
    for batch, drawn in drawn_batches(corpus, epochs=3):
        nothing = len(batch["type_words"])
        texts = [list(ids[:length]) for ids, length in zip(batch["ids"], batch["lengths"], strict=True)]
        around = Counter(
            (kind, *([nothing] * 5 + text + [nothing] * 5)[n : n + 5], *(text[n + 1 :] + [nothing] * 5)[:5])
            for text in texts
            for n, kind in enumerate(text)
        )
        kinds = drawn["predicted_types"][drawn["predicted"]]
        found = Counter(
            (kind, *context) for kind, context in zip(kinds, drawn["contexts"].tolist(), strict=True)
        )
        assert found <= around, "each comes from a text, and at most once"
        assert len(set(drawn["predicted_types"])) == len(drawn["predicted_types"])
        share.append(len(kinds) / batch["lengths"].sum())
    assert 0.25 < np.mean(share) < 0.45


def test_a_token_without_a_vector_is_never_predicted():
    config = Config().override(SIZES | {"text.subword_max": 0, "text.min_count": 20})
    corpus, vectorizer = corpus_of(TEXTS, config)
    frequent = set(vectorizer.vocabulary.tokens)
    told = {
        int(batch["word_rows"][batch["type_words"][kind]])
        for batch, drawn in drawn_batches(corpus, epochs=3)
        for kind in drawn["predicted_types"]
    }
    assert told == set(range(1, len(frequent) + 1))


def test_long_batches_predict_a_limited_number_and_empty_ones_none():
    config = Config().override(SIZES)
    corpus, _ = corpus_of(["a b c d e f " * 4_000], config)
    batch = corpus.batch(np.arange(1), corpus.tokens.rows)
    drawn = draw_contexts(batch, np.random.default_rng(1))
    assert len(drawn["contexts"]) == len(drawn["predicted"]) == 2_048
    ends = (drawn["contexts"] == len(batch["type_words"])).any(axis=1)
    assert not ends[10:-10].any(), "they are spread over all of the text"
    corpus, _ = corpus_of(["", ""], config)
    assert draw_contexts(corpus.batch(np.arange(2), corpus.tokens.rows), np.random.default_rng(1)) is None


@pytest.mark.tf
@pytest.mark.parametrize(
    "settings",
    [{}, {"text.subword_max": 0}],
    ids=["default", "without subwords"],
)
def test_pretraining_with_numba_equals_pretraining_with_tensorflow(settings):
    if why := kernels.why_unavailable("training"):
        pytest.skip(why)
    from grutext.engines.keras.cbow import KerasCBOW
    from grutext.engines.numba.cbow import NumbaCBOW

    config = Config().override(SIZES | STILL | settings)
    corpus, vectorizer = corpus_of(TEXTS, config)
    found = []
    for kind in (KerasCBOW, NumbaCBOW):
        new = kind(config, vectorizer.vocabulary.rows)
        rng = np.random.default_rng(3)
        new.assign(
            {name: rng.normal(size=a.shape).astype(np.float32) * 0.4 for name, a in new.arrays().items()}
        )
        before = new.arrays()
        losses = [
            new.train_step(batch, step, 0.01)
            for step, (_, batch) in enumerate(drawn_batches(corpus, epochs=3))
        ]
        assert all(np.abs(new.arrays()[name] - before[name]).max() > 1e-3 for name in before), (
            "all of it learns"
        )
        found.append((losses, new.arrays()))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5)
    for name, array in found[0][1].items():
        np.testing.assert_allclose(found[1][1][name], array, atol=5e-5, err_msg=name)


def test_pretraining_gives_the_same_bytes_on_any_number_of_cores(monkeypatch):
    if why := kernels.why_unavailable("training"):
        pytest.skip(why)
    from grutext.engines.numba import cbow, trainable

    monkeypatch.setattr(cbow, "_PART", 20)
    config = Config().override(SIZES)
    corpus, vectorizer = corpus_of(TEXTS, config)
    found = []
    for cores in (1, 2, 5):
        monkeypatch.setattr(trainable, "usable_cores", lambda cores=cores: cores)
        new = make_cbow(config, vectorizer.vocabulary.rows)
        losses = [
            new.train_step(batch, n, 0.01) for n, (_, batch) in enumerate(drawn_batches(corpus, epochs=3))
        ]
        found.append((losses, new.arrays()))
    for losses, arrays in found[1:]:
        assert losses == found[0][0]
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, found[0][1][name], err_msg=name)


@pytest.mark.tf
def test_tokens_are_predicted_from_both_sides():
    # Of three tokens the one in the middle tells the others, and each of the others half of it.
    texts = [f"{a} {b} {a}{b}" for a, b in itertools.product("pqrs", "tuvw")] * 20
    config = Config().override(SIZES | STILL | {"gru.units": 16, "gru.embedding_size": 16})
    corpus, vectorizer = corpus_of(texts, config)
    new = make_cbow(config, vectorizer.vocabulary.rows)
    batches = list(drawn_batches(corpus, epochs=12))
    losses = [new.train_step(batch, step, 0.01) for step, (_, batch) in enumerate(batches)]
    chance = np.mean([np.log(len(batch["predicted_types"])) for _, batch in batches[-8:]])
    assert np.mean(losses[-8:]) < 0.35 * chance


@pytest.mark.tf
def test_pretraining_is_noted_and_ignores_the_labels():
    heard = Recorder()
    bundle = fit(listener=heard, **PRETRAINED)
    assert any(
        re.match(
            r"pretraining: read 2\d\d texts in 3 epochs, loss of predicted tokens \d\.\d\d → \d\.\d\d, ", note
        )
        for note in heard.notes
    )
    assert "at most 3 epochs of pretraining and 4 of training, " in heard.notes[0]
    assert [record["epoch"] for record in bundle.history] == [1, 2, 3, 4]
    assert weights_digest(bundle) == weights_digest(fit(**PRETRAINED))
    assert weights_digest(bundle) != weights_digest(fit())

    def pretrain(targets):
        return pretraining(bundle.config, targets).run()

    found = [pretrain(np.eye(3, dtype=np.float32)[(np.arange(90) * k) % 3]) for k in (1, 2)]
    for name, array in found[0].items():
        np.testing.assert_array_equal(found[1][name], array)


def test_pretraining_starts_from_given_weights_and_predicts_other_tokens_in_each_epoch():
    config = Config().override(TINY | {"training.pretraining_epochs": 2, "training.learning_rate": 1e-9})
    targets = np.zeros((90, 3), np.float32)
    first = pretraining(config, targets)
    rng = np.random.default_rng(1)
    start = {name: rng.normal(size=a.shape).astype(np.float32) for name, a in first.network.arrays().items()}
    one, other = (
        [batch["contexts"].tolist() for batch in pretraining(config, targets, start).batches(epoch)]
        for epoch in (1, 2)
    )
    assert sorted(map(len, one)) != sorted(map(len, other))
    found = pretraining(config, targets, start).run()
    assert set(found) == {"embedding/words", "embedding/subwords"}
    for name, array in found.items():
        np.testing.assert_allclose(array, start[name], atol=1e-6)


@pytest.mark.tf
@pytest.mark.parametrize("seconds", [0.0, 8.0])
def test_each_phase_has_its_own_rate_that_rises_and_falls(monkeypatch, seconds):
    first, second = [], []

    def watch(kind, rates):
        step = kind.train_step

        def told(self, batch, number, rate):
            rates.append(rate)
            return step(self, batch, number, rate)

        monkeypatch.setattr(kind, "train_step", told)

    watch(type(make_cbow(Config(), 2)), first)
    watch(kind_of_network(), second)
    fit(**PRETRAINED, training__time_budget=seconds)
    for rates, peak in ((first, 0.0028), (second, TINY["training.learning_rate"])):
        assert len(rates) >= 30
        assert 0.9 * peak < max(rates) <= peak
        assert max(rates[:1] + rates[-1:]) < 0.1 * peak


def test_a_gradient_is_the_slope_of_the_loss_also_with_dropout():
    if why := kernels.why_unavailable("training"):
        pytest.skip(why)
    config = Config().override(SIZES | {"training.embedding_dropout": 0.4})
    corpus, vectorizer = corpus_of(TEXTS, config)
    new = make_cbow(config, vectorizer.vocabulary.rows)
    rng = np.random.default_rng(3)
    start = {name: rng.normal(size=a.shape).astype(np.float32) * 0.4 for name, a in new.arrays().items()}
    (_, batch), *_ = drawn_batches(corpus)
    found = {}

    def remember(grad_dense, grad_rows, batch, rate):
        tables = zip(new.tables, grad_rows, strict=True)
        rows = {"embedding/words": batch["word_rows"], "embedding/subwords": batch["bucket_rows"]}
        found.update(new.views(grad_dense))
        for name, part in tables:
            found[name] = np.zeros_like(start[name])
            found[name][rows[name]] = part

    new._apply_gradients = remember
    new.assign(start)
    new.train_step(batch, 5, 0.0)
    gradients = {name: array.copy() for name, array in found.items()}
    for name, gradient in gradients.items():
        # Along the gradient itself the slope is its length.
        length, step = np.linalg.norm(gradient.astype(np.float64)), 5e-3
        losses = []
        for sign in (1, -1):
            new.assign(start | {name: start[name] + np.float32(sign * step / length) * gradient})
            losses.append(new.train_step(batch, 5, 0.0))
        assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(length, rel=0.02), name


def test_no_word_is_dropped():
    config = Config().override(TINY | {"training.word_dropout": 0.5, "text.min_count": 1})
    for batch in pretraining(config, np.zeros((90, 3), np.float32)).batches(1):
        assert (batch["word_rows"] != UNKNOWN).all()


class Phases(StopAt):
    """Hears what is trained, too."""

    def __init__(self, steps=0):
        super().__init__(steps)
        self.phases = []

    def begin(self, epochs, tokens_per_epoch, name="epoch"):
        self.phases.append(name)


@pytest.mark.tf
@pytest.mark.parametrize(
    ("steps", "phases"), [(1, 1), (20, 1), (30, 1), (40, 2), (50, 2)]  # an epoch has at most 12
)  # fmt: skip
def test_a_pretrained_training_stopped_anywhere_resumes_to_the_same_bytes(tmp_path, steps, phases):
    from grutext.training.gru.interruption import Interrupted

    whole, stopping, going_on = fit(**PRETRAINED), Phases(steps), Phases()
    with pytest.raises(Interrupted) as stopped:
        fit(checkpoint=tmp_path, listener=stopping, **PRETRAINED)
    assert stopping.phases == ["pretraining", "epoch"][:phases]
    assert len(stopped.value.bundle.history) == (steps == 50)
    assert len(states(tmp_path)) == 1
    check_same(fit(checkpoint=tmp_path, resume=True, listener=going_on, **PRETRAINED), whole)
    assert going_on.phases == ["pretraining", "epoch"][phases - 1 :]


@pytest.mark.tf
def test_a_time_budget_leaves_most_of_the_time_for_the_labels():
    endless = dict.fromkeys(["training__epochs", "training__pretraining_epochs"], 100_000)
    heard = Phases()
    bundle = fit(listener=heard, training__time_budget=8.0, training__patience=0, **endless)
    assert heard.phases == ["pretraining", "epoch"]
    spent = sum(record["seconds"] for record in bundle.history)
    read = float(
        re.search(r"([0-9.]+) s$", next(n for n in heard.notes if n.startswith("pretraining"))).group(1)
    )
    assert (
        0.2 * spent < read < 0.7 * spent
    )  # three parts to seven, and the linear part and TensorFlow take some


@pytest.mark.tf
def test_pretraining_copes_with_texts_without_tokens():
    empty = [replace(example, text="") for example in TRAIN]
    bundle = fit([*empty[:6], Example("x", ("sea",), "made.csv", 1)], DEV, **PRETRAINED)
    assert all(np.isfinite(array.astype(np.float32)).all() for array in bundle.weights.values())
    fit(empty[:6], DEV, **PRETRAINED)
