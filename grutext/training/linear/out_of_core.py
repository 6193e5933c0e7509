"""Fit the linear part to texts on disk, block after block.

The n-grams are chosen from a random sample. Then scikit-learn's stochastic gradient descent (hinge loss, averaged
weights) makes one or a few passes over the texts; docs/research/recipe.md has the measurements.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import SGDClassifier

from grutext.model.spec import linear_columns
from grutext.text import NgramFeatures, count_ngrams
from grutext.training.gru.batches import soft_targets
from grutext.training.gru.shards import ShardedCorpus
from grutext.training.linear.fit import (
    LinearFit,
    LinearTask,
    Targets,
    choose_features,
    count_runs,
    list_label,
    list_labels,
    list_margins,
    pack,
    without_features,
)

_SAMPLE_CHARACTERS = 8_000_000
_TEXTS_READ = 2_000_000  # in all passes together, or one pass over more texts
_MOST_PASSES = 5


def fit_out_of_core(corpus: ShardedCorpus, task: LinearTask, *, seconds: float | None = None) -> LinearFit:
    """Fit the linear part in memory that does not grow with the texts.

    Args:
        corpus: The N texts.
        task: The settings; the vectorizer is the corpus's own.
        seconds: Time that the fit may take; it then reads as many files as fit into it. None reads all.
    """
    began = time.monotonic()
    margins = linear_columns(len(corpus.labels), task.multilabel)
    features = task.features or _choose_from_sample(corpus, task, margins)
    if not len(features.keys):
        sample = corpus.on_disk.sample(_SAMPLE_CHARACTERS)
        targets = soft_targets(sample, corpus.labels)
        return LinearFit(without_features(targets, margins, task.multilabel), corpus.texts)
    model = _StochasticDescent(corpus, task)
    passes = int(np.clip(_TEXTS_READ // corpus.texts, 1, _MOST_PASSES))
    rows = 0
    for done, number in enumerate(list(range(corpus.files)) * passes, start=1):
        for block in corpus.blocks(number):
            found = features.transform(count_ngrams(block.tokens, task.config))
            shape = (block.texts, len(features.keys))
            matrix = csr_matrix((found.values, found.columns, found.starts), shape=shape)
            model.partial_fit(matrix, block.targets, block.weights)
            rows = min(rows + block.texts, corpus.texts)
        if seconds is not None and (time.monotonic() - began) * (1 + 1 / done) > seconds:
            break  # there is no time for another file
    kernel, bias = model.parameters(len(features.keys), margins)
    return LinearFit(pack(features, kernel, bias), rows)


def _choose_from_sample(corpus: ShardedCorpus, task: LinearTask, margins: int) -> NgramFeatures:
    """Choose n-grams from a random sample of the texts, see `choose_features`."""
    sample = corpus.on_disk.sample(_SAMPLE_CHARACTERS)
    counts = count_runs([example.text for example in sample], corpus.vectorizer, task.config)
    return choose_features(counts, soft_targets(sample, corpus.labels), task.config, margins)


class _StochasticDescent:
    """A linear classifier, or one for each label where there may be several, that is fitted block by block."""

    def __init__(self, corpus: ShardedCorpus, task: LinearTask) -> None:
        def descent(balance: dict[int, float]) -> SGDClassifier:
            return SGDClassifier(
                alpha=1.0 / (task.config.regularization * corpus.texts),
                average=True,
                random_state=task.seed,
                class_weight=balance,
            )

        self.multilabel = task.multilabel
        self.counts = counts = corpus.label_counts
        self.separable = np.flatnonzero((counts > 0) & (counts < corpus.texts))
        weights = {int(c): float(task.class_weights[c]) for c in self.separable}
        if task.multilabel:
            self.models = {c: descent({0: 1.0, 1: weight}) for c, weight in weights.items()}
        else:
            self.models = {0: descent(weights)}

    def partial_fit(self, matrix: csr_matrix, targets: Targets, weights: NDArray[np.float32]) -> None:
        for c, model in self.models.items():
            if self.multilabel:
                rows, labels, counted = list_label(targets[:, c], weights)
                model.partial_fit(matrix[rows], labels, classes=[0, 1], sample_weight=counted)
            else:
                rows, labels, counted = list_labels(targets, weights)
                model.partial_fit(matrix[rows], labels, classes=self.separable, sample_weight=counted)

    def parameters(self, features: int, margins: int) -> tuple[Targets, Targets]:
        """Return the kernel `(F, margins)` and the bias `(margins,)`."""
        kernel = np.zeros((features, margins), np.float32)
        bias = np.where(self.counts > 0, 1.0, -1.0)[:margins]  # stays where all texts have a label, or none
        for c, model in self.models.items():
            columns = [c] if self.multilabel else self.separable if margins > 1 else [0]
            kernel[:, columns], bias[columns] = list_margins(model, len(columns))
        return kernel, bias
