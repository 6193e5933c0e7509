"""Part `training`: epochs of the default model in alternation with epochs of the Keras tutorial's model.

Each model has a process of its own, because the TensorFlow settings of `grutext train` apply to a whole process.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import numpy as np

from benchmarks.sets import mostly_han
from benchmarks.speed.job import Bench
from benchmarks.speed.models import sample
from benchmarks.speed.tutorial import CUT, Tutorial
from grutext.config import Config
from grutext.data import Example, label_set
from grutext.engines.tensorflow_settings import prepare_tensorflow
from grutext.progress import EpochRecord, Silent
from grutext.text import Vectorizer
from grutext.training import defaults
from grutext.training.gru.batches import VectorizedCorpus, one_hot
from grutext.training.gru.epochs import PhaseContext
from grutext.training.gru.fit import fit_gru

_CHARACTERS = 3_000_000  # per epoch, so that it takes seconds for long texts too
_MOST_TEXTS = 5_000
_DEV = 64
_PAUSE_SECONDS = 0.5


def measure(bench: Bench) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield a row for each set."""
    for name in bench.sets:
        yield name, compare(bench, name)


def compare(bench: Bench, name: str) -> dict[str, float]:
    """Train both on the same texts for a warm-up epoch and `bench.repeats` more; return texts per second of the latter."""
    everything = sample(bench, name, "train", 10**9)
    texts, count, labels = [example.text for example in everything], _count(everything), label_set(everything)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_train_ours, args=(there, bench, name), daemon=True)
    with _our_settings():
        process.start()
    there.close()  # reading then ends when the process ends
    rows, size, units = here.recv()
    tutorial = Tutorial(texts, rows + 1, size, units, len(labels), mostly_han(texts[:1000]))
    targets = one_hot([example.labels for example in everything[:count]], labels)
    batches = tutorial.batches(texts[:count], targets.argmax(axis=1).astype(np.int64))
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(1 + bench.repeats):
        ours.append(here.recv())
        time.sleep(_PAUSE_SECONDS)
        began = time.perf_counter()
        tutorial.train_epoch(batches)
        theirs.append(time.perf_counter() - began)
        time.sleep(_PAUSE_SECONDS)
        here.send(None)
    process.join()
    our_rate, their_rate = (count / statistics.fmean(seconds[1:]) for seconds in (ours, theirs))
    return {"texts": count, "rows": rows, "ours": our_rate, "keras": their_rate}


def _count(examples: list[Example]) -> int:
    """Return the number of texts of an epoch."""
    each = sum(len(example.text) for example in examples) / len(examples)
    return min(_MOST_TEXTS, int(_CHARACTERS / each))


@contextmanager
def _our_settings() -> Iterator[None]:
    """Configure TensorFlow as `grutext train` does for processes started within the context."""
    before = dict(os.environ)
    prepare_tensorflow()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class _Turns(Silent):
    """A listener that reports the seconds of each epoch, without the evaluation on the dev set, and waits."""

    def __init__(self, other: Connection) -> None:
        self.other, self.tokens = other, 0

    def begin(self, epochs: int, tokens_per_epoch: int, name: str = "epoch") -> None:  # noqa: ARG002
        """Store the number of tokens of an epoch."""
        self.tokens = tokens_per_epoch

    def epoch(self, record: EpochRecord) -> None:
        """Report the time, and wait until the other model has trained for an epoch."""
        self.other.send(self.tokens / record.tokens_per_second)
        self.other.recv()


def _train_ours(other: Connection, bench: Bench, name: str) -> None:
    """Report the sizes of our model, then train it in alternation with the other one."""
    everything = sample(bench, name, "train", 10**9)
    texts, count, labels = [example.text for example in everything], _count(everything), label_set(everything)
    settings = {"training.epochs": 1 + bench.repeats, "training.patience": 0, "training.window": CUT}
    settings["training.pretraining_epochs"] = 0
    config = defaults.resolve(Config().override(settings), defaults.measure(texts, len(labels), CUT))
    vectorizer = Vectorizer.fit(texts, config.text)
    rows = vectorizer.vocabulary.rows
    targets = one_hot([example.labels for example in everything], labels)
    train = VectorizedCorpus(vectorizer.vectorize(texts[:count]), targets[:count], CUT)
    dev = VectorizedCorpus(vectorizer.vectorize(texts[:_DEV]), targets[:_DEV])
    other.send((rows, config.gru.embedding_size, config.gru.units))
    fit_gru(PhaseContext(train, config, _Turns(other)), dev, rows, multilabel=False)
