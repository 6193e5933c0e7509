"""Part `training`: epochs of the whole default model in turns with epochs of the Keras tutorial's."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.sets import mostly_han
from benchmarks.speed.job import Bench
from benchmarks.speed.models import sample
from benchmarks.speed.tutorial import CUT, Tutorial
from grutext.config import Config
from grutext.data import label_set
from grutext.progress import EpochRecord, Silent
from grutext.text import Vectorizer
from grutext.training import defaults
from grutext.training.batches import Corpus, one_hot
from grutext.training.deep import fit_deep

_CHARACTERS = 3_000_000  # in an epoch, so that it takes seconds for long texts too
_MOST_TEXTS = 5_000
_DEV = 64
_PAUSE_SECONDS = 0.5


class Turns(Silent):
    """Listens to our training, and after each of its epochs lets the other model train for one.

    Args:
        other: Trains the other model for an epoch.

    Attributes:
        ours: Seconds of our epochs, without the look at the dev part.
        theirs: Seconds of the other model's epochs.
    """

    def __init__(self, other: Callable[[], object]) -> None:
        self.other = other
        self.tokens = 0
        self.ours: list[float] = []
        self.theirs: list[float] = []

    def begin(self, epochs: int, tokens_per_epoch: int) -> None:  # noqa: ARG002
        """Notes how many tokens an epoch reads."""
        self.tokens = tokens_per_epoch

    def epoch(self, record: EpochRecord) -> None:
        """Notes our time, then takes the other's."""
        self.ours.append(self.tokens / record.tokens_per_second)
        time.sleep(_PAUSE_SECONDS)
        began = time.perf_counter()
        self.other()
        self.theirs.append(time.perf_counter() - began)
        time.sleep(_PAUSE_SECONDS)


def measure(bench: Bench) -> Iterator[tuple[str, dict[str, float]]]:
    """Yields a row for each set."""
    for name in bench.sets:
        yield name, compare(bench, name)


def compare(bench: Bench, name: str) -> dict[str, float]:
    """Trains both on the same texts for an epoch and `bench.repeats` more; gives texts a second over these."""
    everything = sample(bench, name, "train", 10**9)
    labels = label_set(everything)
    texts = [example.text for example in everything]
    each = sum(map(len, texts)) / len(texts)
    count = min(_MOST_TEXTS, int(_CHARACTERS / each))

    settings = {"training.epochs": 1 + bench.repeats, "training.patience": 0, "training.window": CUT}
    shape = defaults.measure(texts, len(labels), CUT)
    config = defaults.resolve(Config().override(settings), shape)
    vectorizer = Vectorizer.fit(texts, config.text)
    rows = vectorizer.vocabulary.rows
    targets = one_hot([example.labels for example in everything], labels)
    train = Corpus(vectorizer.vectorize(texts[:count]), targets[:count], CUT)
    dev = Corpus(vectorizer.vectorize(texts[:_DEV]), targets[:_DEV])

    model = config.model
    chinese = mostly_han(texts[:1000])
    tutorial = Tutorial(texts, rows + 1, model.embedding_size, model.units, len(labels), chinese)
    batches = tutorial.batches(texts[:count], targets[:count].argmax(axis=1).astype(np.int64))
    turns = Turns(lambda: tutorial.train_epoch(batches))
    fit_deep(train, dev, config, rows, multilabel=False, listener=turns)
    ours, theirs = (count / statistics.fmean(seconds[1:]) for seconds in (turns.ours, turns.theirs))
    return {"texts": count, "rows": rows, "ours": ours, "keras": theirs}
