"""The models and the texts that the parts are measured with."""

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

# What is left out here makes a model no smaller and no faster: the runtime reads all of a text, and sees no radius; in
# less time the linear part is fitted to fewer texts, and has as many n-grams.
_QUICK = ("--epochs", "1", "--set", "training.window=32", "--set", "training.adversarial_radius=0")
_BUDGET = ("--time-budget", "90s", "--quiet")


def open_model(bench: Bench, name: str) -> Path:
    """Gives the folder of the model of a set: default sizes, vocabulary and n-grams; trained if it is missing."""
    folder = bench.models / name
    if not folder.is_dir():
        data = str(bench.data / name / "train.jsonl.gz")
        command = [sys.executable, "-m", "grutext", "train", data, "-m", str(folder), *_QUICK, *_BUDGET]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def sample(bench: Bench, name: str, part: str, most: int) -> list[Example]:
    """Gives at most so many examples of a set's part, drawn at random, always the same ones."""
    examples = BenchSet(bench.data / name).read(part).examples
    return random.Random(1).sample(examples, min(most, len(examples)))


def without_linear(bundle: Bundle) -> Bundle:
    """Gives the model that `--no-linear` would have given."""
    weights = {key: array for key, array in bundle.weights.items() if not key.startswith("linear/")}
    return replace(
        bundle,
        config=replace(bundle.config, linear=replace(bundle.config.linear, enabled=False)),
        weights=weights,
    )


def only_recurrence(bundle: Bundle) -> Bundle:
    """Gives the model without its linear part, its subwords and its convolution: words, GRU, pooling, head."""
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
    """A vectorizer that remembers what it made of texts, so that what comes after it can be timed alone.

    Args:
        vectorizer: Whose answers are remembered.
    """

    def __init__(self, vectorizer: Vectorizer) -> None:
        self._vectorizer = vectorizer
        self._seen: dict[tuple[str, ...], TokenBatch] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vectorizer, name)

    def vectorize(self, texts: Sequence[str]) -> TokenBatch:
        """Gives what the vectorizer gives, at once for texts that came before."""
        key = tuple(texts)
        if key not in self._seen:
            self._seen[key] = self._vectorizer.vectorize(texts)
        return self._seen[key]


def from_ids(bundle: Bundle) -> Classifier:
    """Gives a classifier for which texts that it has seen before are ids."""
    model = Classifier(bundle)
    model._vectorizer = Remembered(model._vectorizer)  # type: ignore[assignment]  # noqa: SLF001
    return model


def cut_text(model: Classifier, texts: Sequence[str], tokens: int) -> str:
    """Gives a text of so many tokens, those of `texts` one after the other, and again where they are too few."""
    batch = model._vectorizer.vectorize(texts)  # noqa: SLF001
    return " ".join(batch.types[int(i)] for i in np.resize(batch.ids, tokens))
