"""The network that Numba trains: equal to TensorFlow's, its gradients the slopes of the loss."""

import itertools
import threading

import numpy as np
import pytest
from support.tiny_network import LABELS, SIZES, STILL, TEXTS

from grutext import kernels
from grutext.config import Config
from grutext.text import Vectorizer
from grutext.training.gru.batches import VectorizedCorpus, one_hot

if why := kernels.why_unavailable("training"):
    pytest.skip(why, allow_module_level=True)


def made(kind, settings, head="softmax", weights=None):
    """Return a network of random weights and biases, and a corpus."""
    config = Config().override(SIZES | STILL | {"training.adversarial_radius": 0.5} | settings)
    vectorizer = Vectorizer.fit(TEXTS, config.text)
    corpus = VectorizedCorpus(vectorizer.vectorize(TEXTS), one_hot(LABELS, ["a", "b", "c"]))
    new = kind(config, vectorizer.vocabulary.rows, 3, head, weights)
    rng = np.random.default_rng(3)
    new.assign({name: rng.normal(size=a.shape).astype(np.float32) * 0.4 for name, a in new.arrays().items()})
    state = new.state()
    if "directions" in state:  # also of words that the batches do not know, such as what stands for padding
        state["directions"] = rng.normal(size=state["directions"].shape).astype(np.float32)
        new.resume(state)
    return new, corpus


def learn(new, corpus, steps=6):
    batches = itertools.cycle(corpus.shuffled(40, 10_000, 0.1, np.random.default_rng(1)))
    return [
        new.train_step(batch, step, 0.01) for step, batch in zip(range(1, steps + 1), batches, strict=False)
    ]


@pytest.mark.tf
@pytest.mark.parametrize(
    "settings",
    [
        {"training.adversarial_direction": "own"},
        {"training.adversarial_direction": "shared"},
        {"training.adversarial_radius": 0.0},
        {"text.subword_max": 0, "gru.convolution": 0, "gru.bidirectional": False},
        {"gru.layers": 2, "gru.pooling": "max"},
        {"gru.pooling": "mean", "gru.convolution": 5},
        {"training.clip_norm": 0.01},
        {"training.adversarial_direction": "shared", "gru.embedding_size": 1},
    ],
    ids=["own", "shared", "plain", "bare", "layers", "mean", "clipped", "thin"],
)
@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_training_with_numba_equals_training_with_tensorflow(settings, head):
    from grutext.engines.keras.network import KerasNetwork
    from grutext.engines.numba.network import NumbaNetwork

    weights = np.array([0.5, 1.0, 2.0], np.float32)
    found = []
    for kind in (KerasNetwork, NumbaNetwork):
        new, corpus = made(kind, settings, head, weights)
        logits = new.logits(corpus.batch(np.arange(40), corpus.tokens.rows))
        found.append((logits, learn(new, corpus), new.arrays(), new.state()))
    (logits, losses, arrays, state), (more_logits, more_losses, more_arrays, more_state) = found
    np.testing.assert_allclose(more_logits, logits, atol=2e-5)
    np.testing.assert_allclose(more_losses, losses, rtol=2e-4)
    assert list(more_arrays) == list(arrays)
    assert more_state.keys() == state.keys()
    for name, array in (arrays | state).items():
        np.testing.assert_allclose((more_arrays | more_state)[name], array, atol=2e-3, err_msg=name)
    assert abs(losses[-1] - losses[0]) > 0.01


@pytest.mark.parametrize(
    "name", ["embedding/words", "embedding/subwords", "conv/kernel", "gru/0/backward/kernel", "head/kernel"]
)
def test_the_gradient_is_the_slope_of_the_loss_also_under_dropout(name):
    from grutext.engines.numba.network import NumbaNetwork

    dropouts = {"training.embedding_dropout": 0.3, "training.pooled_dropout": 0.4}
    new, corpus = made(
        NumbaNetwork, dropouts | {"training.adversarial_radius": 0.0, "training.clip_norm": 1e9}
    )
    batch = corpus.batch(np.arange(40), corpus.tokens.rows)
    start, state = new.arrays(), new.state()
    direction = np.random.default_rng(8).normal(size=start[name].shape).astype(np.float32)
    losses = []
    for far in (-1e-4, 1e-4):  # farther away other units open
        new.assign(start | {name: start[name] + np.float32(far) * direction})
        losses.append(new.train_step(batch, 3, 0.0))
    new.assign(start)
    new.resume(state)
    new.train_step(batch, 3, 0.0)
    moments = new.state()  # a tenth of the gradients
    moment = moments[f"first/{name}"] if name in new.tables else new.views(moments["first/dense"])[name]
    slope = 10 * float(np.vdot(moment, direction))
    assert (losses[1] - losses[0]) / 2e-4 == pytest.approx(slope, rel=0.02)
    assert abs(slope) > 0.01


def test_each_dropout_of_a_step_picks_other_values(monkeypatch):
    from grutext.engines.numba.network import NumbaNetwork
    from grutext.kernels import training as kernels

    seeds: list[int] = []
    drop = kernels.drop
    monkeypatch.setattr(
        kernels,
        "drop",
        lambda values, rate, seed, first: seeds.append(int(seed)) or drop(values, rate, seed, first),
    )
    dropouts = {"training.embedding_dropout": 0.3, "training.pooled_dropout": 0.5}
    new, corpus = made(NumbaNetwork, dropouts | {"training.adversarial_direction": "own"})
    batch = corpus.batch(np.arange(15), corpus.tokens.rows)  # of one core
    new.train_step(batch, 2, 0.01)
    vectors, first, back, second, back_again, gradient = seeds
    assert (first, second, vectors) == (back, back_again, gradient)
    assert len({vectors, first, second}) == 3
    new.train_step(batch, 3, 0.01)
    assert not set(seeds[:6]) & set(seeds[6:])


def test_an_infinite_gradient_makes_every_weight_nan():
    from grutext.engines.numba.network import NumbaNetwork

    new, corpus = made(NumbaNetwork, {})
    batch = corpus.batch(np.arange(15), corpus.tokens.rows)
    rows = [np.zeros((len(batch[name]), 5), np.float32) for name in ("word_rows", "bucket_rows")]
    gradient = np.zeros_like(new.values)
    gradient[3] = np.inf
    new._steps = 1
    new._apply_gradients(gradient, rows, batch, 0.01)
    assert np.isnan(new.values).all()


def test_an_interrupted_step_counts_as_a_step(monkeypatch):
    from grutext.engines.numba.network import NumbaNetwork

    new, corpus = made(NumbaNetwork, {"training.adversarial_direction": "shared"})
    batch = corpus.batch(np.arange(15), corpus.tokens.rows)
    before = new.state()["directions"]

    def press(grad_vectors, batch):
        raise KeyboardInterrupt

    monkeypatch.setattr(new, "_embed_gradient", press)
    with pytest.raises(KeyboardInterrupt):
        new.train_step(batch, 1, 0.01)
    assert (new.state()["directions"] != before).any()
    assert new.steps == 1


def test_dropout_depends_on_the_seed_and_the_step_and_not_on_the_number_of_cores(monkeypatch):
    from grutext.engines.numba import trainable
    from grutext.engines.numba.network import NumbaNetwork

    found = {}
    for cores, seed, first in ((1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2)):
        monkeypatch.setattr(trainable, "usable_cores", lambda cores=cores: cores)
        settings = {"training.embedding_dropout": 0.3, "training.pooled_dropout": 0.5, "training.seed": seed}
        new, corpus = made(NumbaNetwork, settings)
        batch = corpus.batch(np.arange(40), corpus.tokens.rows)
        new.train_step(batch, first, 0.01)
        found[cores, seed, first] = new.state()["first/dense"]  # a tenth of the gradients
    one = found.pop((1, 1, 1))
    np.testing.assert_allclose(found.pop((2, 1, 1)), one, atol=1e-6)
    assert all(np.abs(other - one).max() > 0.01 * np.abs(one).max() for other in found.values())


@pytest.mark.parametrize("cores", [3, 64])
@pytest.mark.parametrize("texts", [1, 3, 31, 33])
def test_each_core_gets_a_share_of_the_texts(texts, cores, monkeypatch):
    from grutext.engines.numba import trainable
    from grutext.engines.numba.network import NumbaNetwork

    monkeypatch.setattr(trainable, "usable_cores", lambda: cores)
    new, corpus = made(NumbaNetwork, {})
    seen: list[tuple[int, int]] = []
    new._map_shares(lambda first, last: seen.append((first, last)), texts)
    assert sorted(seen) == list(itertools.pairwise(sorted({0, texts, *(first for first, _ in seen)})))
    assert len(seen) == max(1, min(cores, texts // 16)), "with fewer texts a thread costs more than it saves"
    rows = corpus.tokens.rows
    together = new.logits(corpus.batch(np.arange(texts), rows))
    alone = [new.logits(corpus.batch(np.array([n]), rows))[0] for n in range(texts)]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_state_of_another_shape_is_refused():
    from grutext.engines.numba.network import NumbaNetwork

    new, _ = made(NumbaNetwork, {})
    state = new.state()
    with pytest.raises(ValueError, match=r"second/embedding/words has the shape \(1, 5\), not"):
        new.resume(state | {"second/embedding/words": np.zeros((1, 5), np.float32)})
    with pytest.raises(KeyError, match="first/dense"):
        new.resume({name: array for name, array in state.items() if name != "first/dense"})


def test_a_blas_that_is_limited_in_each_thread_is_limited_in_those_that_train(monkeypatch):
    """As MKL is; otherwise each of our threads would start as many of its own as there are cores."""
    from grutext.engines.numba.network import NumbaNetwork
    from grutext.kernels import blas

    class Library(threading.local):
        num_threads, set_num_threads = 7, lambda self, number: setattr(self, "num_threads", number)

    library = Library()
    monkeypatch.setattr(blas._one_thread, "per_thread", [library])
    new, _ = made(NumbaNetwork, {})
    assert set(new._map_shares(lambda first, last: library.num_threads, 64)) == {1}
    assert set(new._threads.map(lambda _: library.num_threads, range(8))) == {7}
