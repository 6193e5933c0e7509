"""Fits the linear part to texts that lie in files, block after block.

The n-grams are chosen from a random sample. Then scikit-learn's stochastic gradient descent (hinge loss,
averaged weights) takes the texts once or a few times; docs/research/recipe.md has the figures.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import SGDClassifier

from grutext.config import LinearConfig
from grutext.model.spec import linear_columns
from grutext.text import count_ngrams
from grutext.training.gru.batches import one_hot
from grutext.training.gru.shards import ShardedCorpus
from grutext.training.linear.fit import (
    LinearFit,
    Targets,
    choose_features,
    count_runs,
    pack,
    without_features,
)

_SAMPLE_CHARACTERS = 8_000_000
_TEXTS_READ = 2_000_000  # in all passes together, where there are not more
_MOST_PASSES = 5


def fit_out_of_core(
    corpus: ShardedCorpus,
    config: LinearConfig,
    *,
    multilabel: bool,
    seed: int,
    weights: NDArray[np.float32],
    seconds: float | None = None,
) -> LinearFit:
    """Fits the linear part in memory that does not grow with the texts.

    Args:
        corpus: The N texts.
        config: The n-gram settings.
        multilabel: Whether each label is decided for itself.
        seed: Decides the order of the texts.
        weights: `(C,)`, how much the texts of each label count.
        seconds: Time that the fit may take; it then learns from as many files as fit into it.
    """
    began = time.monotonic()
    margins = linear_columns(len(corpus.labels), multilabel)
    sample = corpus.shards.sample(_SAMPLE_CHARACTERS)
    targets = one_hot([example.labels for example in sample], corpus.labels)
    counts = count_runs([example.text for example in sample], corpus.vectorizer, config)
    features = choose_features(counts, targets, config, margins)
    if not len(features.keys):
        return LinearFit(without_features(targets, margins, multilabel), len(sample))
    del counts, sample
    model = _Descent(corpus, config, multilabel, seed, weights)
    passes = int(np.clip(_TEXTS_READ // corpus.texts, 1, _MOST_PASSES))
    rows = 0
    for done, number in enumerate(list(range(corpus.files)) * passes, start=1):
        for tokens, targets in corpus.blocks(number):
            found = features.transform(count_ngrams(tokens, config))
            shape = (len(targets), len(features.keys))
            model.learn(csr_matrix((found.values, found.columns, found.starts), shape=shape), targets)
            rows = min(rows + len(targets), corpus.texts)
        if seconds is not None and (time.monotonic() - began) * (1 + 1 / done) > seconds:
            break  # another file would take too long
    kernel, bias = model.parameters(len(features.keys), margins)
    return LinearFit(pack(features, kernel, bias), rows)


class _Descent:
    """A linear model for one label a text, or one for each label, that learns from one block after the other."""

    def __init__(
        self, corpus: ShardedCorpus, config: LinearConfig, multilabel: bool, seed: int, weights: NDArray[np.float32]
    ) -> None:  # fmt: skip
        def descent(balance: dict[int, float]) -> SGDClassifier:
            return SGDClassifier(
                alpha=1.0 / (config.regularization * corpus.texts),
                average=True,
                random_state=seed,
                class_weight=balance,
            )

        self.multilabel = multilabel
        self.counts = counts = corpus.label_counts
        self.seen = np.flatnonzero((counts > 0) & (counts < corpus.texts))
        if multilabel:
            self.models = {int(c): descent({0: 1.0, 1: float(weights[c])}) for c in self.seen}
        else:
            self.models = {0: descent({int(c): float(weights[c]) for c in self.seen})}

    def learn(self, matrix: csr_matrix, targets: Targets) -> None:
        for c, model in self.models.items():
            if self.multilabel:
                model.partial_fit(matrix, targets[:, c].astype(np.int8), classes=[0, 1])
            else:
                model.partial_fit(matrix, targets.argmax(axis=1), classes=self.seen)

    def parameters(self, features: int, margins: int) -> tuple[Targets, Targets]:
        """Gives the kernel `(F, margins)` and the bias `(margins,)`."""
        kernel = np.zeros((features, margins), np.float32)
        bias = np.where(self.counts > 0, 1.0, -1.0)[:margins]  # of a label that all texts have, or none
        for c, model in self.models.items():
            place = [c] if self.multilabel else self.seen if margins > 1 else [0]
            kernel[:, place], bias[place] = model.coef_.T, model.intercept_
        return kernel, bias
