"""The peers that read text vectors: logistic regression on TF-IDF, on text vectors, or on both side by side."""

from __future__ import annotations

import pickle
import random
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.few.cuts import read_unlabelled
from benchmarks.few.logistic import LogisticRegression
from benchmarks.few.vectors import MeanVectors, Static, learn_skipgram
from benchmarks.peers import build_features
from benchmarks.results import Result
from benchmarks.scores import score
from benchmarks.sets import BenchSet, mostly_han
from benchmarks.stopwatch import Stopwatch
from grutext.data import label_set

FEATURES = {
    "logreg": ("tfidf",),
    "logreg+skipgram": ("tfidf", "skipgram"),
    "static": ("static",),
    "logreg+static": ("tfidf", "static"),
}


def run_logistic(cut: BenchSet, system: str, seed: int, folder: Path, cache: Path) -> Result:
    """Train and test logistic regression on the features of a system.

    Args:
        cut: A data set with unlabelled texts.
        system: A key of `FEATURES`.
        seed: The seed of the folds.
        folder: The folder that the model is saved in.
        cache: The folder in which skip-gram models are kept; the time of their training counts all the same.
    """
    from scipy.sparse import csr_array, hstack

    train, test = cut.read("train"), cut.read("test")
    texts, asked = ([example.text for example in part.examples] for part in (train, test))
    chinese, learning = mostly_han(texts), dict.fromkeys(("seconds", "cpu_seconds"), 0.0)
    kinds = FEATURES[system]
    if "skipgram" in kinds:
        known = sorted([*texts, *read_unlabelled(cut)])  # the same order for all cuts of a set
        random.Random(1).shuffle(known)
        skipgram, learning = learn_skipgram(known, chinese, cache)
    watch = Stopwatch()
    parts: list[Any] = []  # with a method `transform`
    if "tfidf" in kinds:
        parts.append(build_features(chinese).fit(texts))
    if "skipgram" in kinds:
        parts.append(MeanVectors(skipgram, known, weighted=True))
    if "static" in kinds:
        # Their lengths already follow the rarity, and few texts do not show which words are rare.
        parts.append(MeanVectors(Static(), texts, weighted=False))
    labels = label_set(train.examples)
    targets = np.array([labels.index(example.labels[0]) for example in train.examples])
    features, new = (
        hstack([csr_array(part.transform(some)) for part in parts], format="csr") for some in (texts, asked)
    )
    model = LogisticRegression().fit(features, targets, seed)
    probabilities = model.predict_proba(new)
    times = watch.read()
    path = folder / "model"
    path.write_bytes(pickle.dumps([model, *parts]))
    return score(test, probabilities, labels) | {
        "version": f"scikit-learn {version('scikit-learn')}",
        **{name: times[name] + learning[name] for name in times},
        "mb": path.stat().st_size / 1e6,
        "settings": {"C": model.strength},
    }
