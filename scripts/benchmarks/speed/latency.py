"""Part `latency`: the prediction of a single text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.sets import mostly_han
from benchmarks.speed.job import Bench
from benchmarks.speed.models import cut_text, from_ids, open_model, sample, without_linear
from benchmarks.speed.onnx_gru import OnnxGru, feeds, is_installed
from benchmarks.speed.timing import Call, interleave, quantile
from benchmarks.speed.tutorial import Tutorial
from grutext.engines.keras.backend import tf
from grutext.inference import Classifier
from grutext.inference.gru_part import GRUPart
from grutext.model.bundle import Bundle
from grutext.text import Vectorizer, Vocabulary

_TOKENS = (20, 128, 1000)
_BLOCK = 60


def measure(bench: Bench) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield a row for each length."""
    name = bench.sets[0]
    bundle = Bundle.load(open_model(bench, name))
    texts = [example.text for example in sample(bench, name, "test", 300)]
    model = bundle.config.gru
    tutorial = Tutorial(
        texts,
        len(bundle.vocabulary) + 2,
        model.embedding_size,
        model.units,
        len(bundle.labels),
        mostly_han(texts),
    )
    for tokens in _TOKENS:
        text = cut_text(Classifier(bundle), texts, tokens)
        fast = _ours(bundle, text) | (_onnx(bundle, text) if is_installed() else {})
        seconds = interleave(fast, bench.repeats, _BLOCK)
        seconds |= interleave(_keras(tutorial, text), bench.repeats)
        values: dict[str, float] = {}
        for who, times in seconds.items():
            values |= {f"{who}_p50": 1e3 * quantile(times, 0.5), f"{who}_p99": 1e3 * quantile(times, 0.99)}
        yield f"{name}, {tokens:,} tokens", values


def _ours(bundle: Bundle, text: str) -> dict[str, Call]:
    whole, gru, ids = Classifier(bundle), Classifier(without_linear(bundle)), from_ids(without_linear(bundle))
    numpy = Classifier(bundle, compiled=False)
    return {
        "ours": lambda: whole.predict_proba([text]),
        "ours_numpy": lambda: numpy.predict_proba([text]),
        "gru": lambda: gru.predict_proba([text]),
        "ids": lambda: ids.predict_proba([text]),
    }


def _onnx(bundle: Bundle, text: str) -> dict[str, Call]:
    """Return calls of ONNX Runtime from ids, with our embedding, and of its graph alone with prepared inputs."""
    tokens = Vectorizer(bundle.config.text, Vocabulary(bundle.vocabulary), compiled=True).vectorize([text])
    embed = GRUPart(bundle.config.gru, bundle.weights, compiled=True).embed
    (feed,) = feeds(tokens, embed(tokens), np.array([0]))
    session = OnnxGru(bundle)
    return {
        "onnx_ids": lambda: session.logits(tokens, embed(tokens)),
        "onnx": lambda: session.run(feed),
    }


def _keras(tutorial: Tutorial, text: str) -> dict[str, Call]:
    texts = tf.constant([text])
    return {
        "call": lambda: tutorial.model(tutorial.vectorize(texts)),
        "predict": lambda: tutorial.predict([text], 1),
    }
