"""Part `growth`: the time of a training step against the vocabulary; time and memory of prediction against the length and number of texts."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import read_status
from benchmarks.speed.job import Bench
from benchmarks.speed.models import cut_text, open_model, sample
from benchmarks.speed.timing import Call, interleave, medians, time_often
from grutext.config import Config
from grutext.data import Example, label_set
from grutext.inference import Classifier

_ROWS = (30_000, 100_000, 300_000, 1_000_000)
_TOKENS = (100, 1_000, 10_000, 100_000)
_JOINED = 1_000  # texts joined into a long one
_TEXTS = (100, 1_000, 10_000)
_ENOUGH_SECONDS = 2.0  # of timed predictions of the same texts
_BATCH, _WINDOW, _BATCHES = 64, 32, 8
_STEPS = 2  # per call: every other one has an adversarial pass
_BLOCK = 2  # consecutive calls
Batch = dict[str, NDArray[Any]]
Rows = Iterator[tuple[str, dict[str, float]]]


def measure(bench: Bench) -> Rows:
    """Yield rows of prediction, then of training, so that prediction is measured without TensorFlow's memory."""
    name = bench.sets[0]
    model = Classifier.load(open_model(bench, name))
    texts = [example.text for example in sample(bench, name, "test", max(_TEXTS))]
    model.predict_proba(texts[:100])
    for tokens in _TOKENS:
        yield f"1 of {tokens:,} tokens ({name})", _answer(model, [cut_text(model, texts[:_JOINED], tokens)])
    for count in _TEXTS:
        yield f"{count:,} ({name})", _answer(model, texts[:count])
    yield from _steps(sample(bench, name, "train", 2_000), bench.repeats)


def _answer(model: Classifier, texts: Sequence[str]) -> dict[str, float]:
    """Return the seconds of a prediction, its number of tokens, and the peak memory of the process meanwhile."""
    _forget_peak()
    seconds = time_often(lambda: model.predict_proba(texts), _ENOUGH_SECONDS)
    peak = read_status(os.getpid())["VmHWM"]
    tokens = sum(int(model._vectorizer.vectorize([text]).lengths.sum()) for text in texts)  # noqa: SLF001
    return {"seconds": statistics.median(seconds), "tokens": tokens, "mb": peak}


def _forget_peak() -> None:
    """Reset the peak memory of this process; see proc(5)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _steps(examples: Sequence[Example], repeats: int) -> Rows:
    """Time training steps of models with tables of different sizes, on the same texts."""
    labels = label_set(examples)
    config = Config().override({"training.window": _WINDOW, "training.adversarial_radius": 0.3})
    batches = _batches(examples, labels, config)
    calls: dict[str, Call] = {}
    for rows in _ROWS:
        calls[f"ours {rows}"] = _our_step(config, rows, len(labels), batches)
        calls[f"keras {rows}"] = _keras_step(config, rows, len(labels), batches)
    times = medians(interleave(calls, repeats, _BLOCK), 1e3 / _STEPS)
    for rows in _ROWS:
        values = {f"{who}_step": times[f"{who} {rows}"] for who in ("ours", "keras")}
        smallest = {f"{who}_smallest": times[f"{who} {_ROWS[0]}"] for who in ("ours", "keras")}
        yield f"{rows:,}", values | smallest


def _batches(examples: Sequence[Example], labels: Sequence[str], config: Config) -> list[Batch]:
    from grutext.text import Vectorizer
    from grutext.training.gru.batches import VectorizedCorpus, one_hot

    texts = [example.text for example in examples]
    tokens = Vectorizer.fit(texts, config.text).vectorize(texts)
    corpus = VectorizedCorpus(tokens, one_hot([example.labels for example in examples], labels), _WINDOW)
    shuffled = corpus.shuffled(_BATCH, _BATCH * _WINDOW, 0.0, np.random.default_rng(1))
    return [batch for batch, _ in zip(shuffled, range(_BATCHES))]


def _our_step(config: Config, rows: int, classes: int, batches: Sequence[Batch]) -> Call:
    """Return a function that trains on the batches in turn, with words spread over the whole table."""
    from grutext.engines.choose import make_network

    network = make_network(config, rows, classes, False, np.ones(classes, np.float32))
    draw = np.random.default_rng(1)
    spread = []
    for batch in batches:
        words = np.sort(draw.choice(rows, len(batch["word_rows"]), replace=False))
        spread.append(batch | {"word_rows": words.astype(np.int32)})
    endless = cycle(spread)

    def steps() -> None:
        for step in range(_STEPS):
            network.train_step(next(endless), step, 1e-3)

    return steps


def _keras_step(config: Config, rows: int, classes: int, batches: Sequence[Batch]) -> Call:
    """Return a function that trains the tutorial's model on ids of the same shape."""
    from benchmarks.speed.tutorial import Tutorial

    model = config.gru
    tutorial = Tutorial(["a"], rows, model.embedding_size, model.units, classes, chinese=False)
    draw = np.random.default_rng(1)
    pairs = [
        (draw.integers(1, rows, batch["ids"].shape), batch["targets"].argmax(axis=1)) for batch in batches
    ]
    endless = cycle(pairs)

    def steps() -> None:
        for _ in range(_STEPS):
            tutorial.model.train_on_batch(*next(endless))

    return steps
