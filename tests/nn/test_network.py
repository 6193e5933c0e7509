"""Training steps with machine code and without."""

import numpy as np
import pytest

from grutext.config import Config
from grutext.text import Vectorizer

pytestmark = pytest.mark.tf

TEXTS = ["the cat sat on the mat", "", "a dog, a cat and the unknown zebra!", "天气很好", "cat"] * 4


@pytest.mark.parametrize("direction", ["own", "shared"])
@pytest.mark.parametrize(
    "settings", [{}, {"text.subword_max": 0, "model.convolution": 0}], ids=["usual", "bare"]
)
def test_machine_code_learns_what_tensorflow_does(settings, direction):
    from grutext.nn.network import Network
    from grutext.training.batches import Corpus, one_hot

    pytest.importorskip("grutext.loops.learning", exc_type=ImportError)
    sizes = {"model.units": 6, "model.embedding_size": 5, "text.subword_buckets": 50}
    options = {"training.adversarial_radius": 0.5, "training.adversarial_direction": direction}
    config = Config().override(sizes | options | settings)
    vectorizer = Vectorizer.fit(TEXTS, config.text)
    targets = one_hot([("a",) if "cat" in text else ("b",) for text in TEXTS], ["a", "b"])
    corpus = Corpus(vectorizer.vectorize(TEXTS), targets)
    found = []
    for compiled in (False, True):
        network = Network(config, vectorizer.vocabulary.rows, 2, "softmax", compiled=compiled)
        batches = list(corpus.shuffled(7, 1000, 0.1, np.random.default_rng(1)))
        losses = [network.train_step(batch, step, 0.01) for step, batch in enumerate(batches * 2)]
        found.append((losses, network.logits(batches[0]), network.arrays()))
    (losses, logits, arrays), (more_losses, more_logits, more_arrays) = found
    assert len(losses) == 6
    np.testing.assert_allclose(more_losses, losses, rtol=1e-4)
    np.testing.assert_allclose(more_logits, logits, atol=1e-3)
    for name, array in arrays.items():
        np.testing.assert_allclose(more_arrays[name], array, atol=2e-3, err_msg=name)
    assert abs(losses[-1] - losses[0]) > 0.01


def test_machine_code_is_taken_by_default_but_not_where_there_is_a_gpu(monkeypatch):
    from grutext import loops
    from grutext.nn import cudnn, network

    pytest.importorskip("grutext.loops.learning", exc_type=ImportError)
    assert network.has_loops()
    assert network.Network(Config(), 5, 2, "softmax").compiled
    monkeypatch.setattr(cudnn, "is_there", lambda: True)
    assert not network.has_loops()
    monkeypatch.undo()
    monkeypatch.setattr(network, "problem", lambda module: "no Numba")
    assert not network.has_loops()
    assert loops.problem("learning") is None
