"""The models and texts of the measurements."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sets import BenchSet
from benchmarks.speed.job import Bench
from grutext.data import Example
from grutext.inference import Classifier
from grutext.model.bundle import Bundle
from grutext.text import TokenBatch, Vectorizer

# These settings shorten training without changing the size or the speed of the model: prediction reads the whole text and
# has no adversarial pass, and the linear part, fitted to fewer texts in less time, has the same number of n-grams.
_QUICK = ("--epochs", "1", "--set", "training.window=32", "--set", "training.adversarial_radius=0")
_BUDGET = ("--time-budget", "90s", "--quiet")


def open_model(bench: Bench, name: str) -> Path:
    """Return the folder of the model of a data set, with default sizes; train the model if it is missing."""
    folder = bench.models / name
    if not folder.is_dir():
        data = str(bench.data / name / "train.jsonl.gz")
        command = [sys.executable, "-m", "grutext", "train", data, "-m", str(folder), *_QUICK, *_BUDGET]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def sample(bench: Bench, name: str, part: str, most: int) -> list[Example]:
    """Return up to `count` random examples of a part of a data set, always the same ones."""
    examples = BenchSet(bench.data / name).read(part).examples
    return random.Random(1).sample(examples, min(most, len(examples)))


def without_linear(bundle: Bundle) -> Bundle:
    """Return the model without its linear part, as `--no-linear` trains it."""
    weights = {key: array for key, array in bundle.weights.items() if not key.startswith("linear/")}
    return replace(
        bundle,
        config=replace(bundle.config, linear=replace(bundle.config.linear, enabled=False)),
        weights=weights,
    )


def only_recurrence(bundle: Bundle) -> Bundle:
    """Return the model without its linear part, its subwords and its convolution: words, GRU, pooling, head."""
    bare = without_linear(bundle)
    config = replace(
        bare.config,
        text=replace(bare.config.text, subword_max=0),
        gru=replace(bare.config.gru, convolution=0),
    )
    left_out = ("conv/", "embedding/subwords")
    weights = {key: array for key, array in bare.weights.items() if not key.startswith(left_out)}
    return replace(bare, config=config, weights=weights)


class Remembered:
    """A vectorizer with a cache, so that the steps after it can be timed alone.

    Args:
        vectorizer: The vectorizer whose results are cached.
    """

    def __init__(self, vectorizer: Vectorizer) -> None:
        self._vectorizer = vectorizer
        self._seen: dict[tuple[str, ...], TokenBatch] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vectorizer, name)

    def vectorize(self, texts: Sequence[str]) -> TokenBatch:
        """Return the result of the vectorizer, from the cache for texts that it has seen."""
        key = tuple(texts)
        if key not in self._seen:
            self._seen[key] = self._vectorizer.vectorize(texts)
        return self._seen[key]


def from_ids(bundle: Bundle) -> Classifier:
    """Return a classifier that does not tokenise texts again that it has seen."""
    model = Classifier(bundle)
    model._vectorizer = Remembered(model._vectorizer)  # type: ignore[assignment]  # noqa: SLF001
    return model


def cut_text(model: Classifier, texts: Sequence[str], tokens: int) -> str:
    """Return a text of a given number of tokens: those of `texts` in order, repeated if they are too few."""
    batch = model._vectorizer.vectorize(texts)  # noqa: SLF001
    return " ".join(batch.types[int(i)] for i in np.resize(batch.ids, tokens))
