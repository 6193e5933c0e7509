"""`grutext.cross_validate`: train and test on every text, one fold after the other."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.data import Example, fold_examples, label_set
from grutext.errors import ConfigError
from grutext.evaluation import evaluate
from grutext.inference import Classifier
from grutext.inference.decisions import decide
from grutext.progress import Listener, Silent
from grutext.requirements import check_installed
from grutext.training.part import train_part
from grutext.training.splits import Source, TrainingData, read_training_texts


@dataclass(frozen=True)
class CrossValidation:
    """The results of a cross-validation.

    Attributes:
        labels: The C labels.
        multilabel: Whether a text may have several labels.
        examples: The N texts.
        folds: `(N,) int64`, the fold of each text, from 0; -1 for a text that is in the training part of every fold, such as
            the only one of its label.
        probabilities: `(N, C) float32`, the out-of-fold probabilities; NaN for texts in no fold.
        decided: `(N, C) bool`, the labels that were predicted out of fold.
        reports: A report for each fold, as `grutext evaluate --json` prints it.
        report: The report on all out-of-fold predictions together.
    """

    labels: tuple[str, ...]
    multilabel: bool
    examples: Sequence[Example] = field(repr=False)
    folds: NDArray[np.int64] = field(repr=False)
    probabilities: NDArray[np.float32] = field(repr=False)
    decided: NDArray[np.bool_] = field(repr=False)
    reports: list[dict[str, Any]] = field(repr=False)
    report: dict[str, Any] = field(repr=False)

    def spread(self, metric: str) -> tuple[float, float]:
        """Return mean and standard deviation over the folds of a number of the reports, such as `accuracy`."""
        values = np.array([report[metric] for report in self.reports])
        return float(values.mean()), float(values.std(ddof=1))


@dataclass(frozen=True, slots=True)
class FoldedData:
    """Labelled texts that are dealt out to folds, stratified by label; equal texts are in one fold.

    Attributes:
        sources: Where they came from, and how they were read.
        examples: The N texts.
        labels: The C labels.
        multilabel: Whether a text may have several labels.
        keys: A number for each text, equal for copies.
        of_text: `(N,) int64`, the fold of each text, from 0; -1 for a text in no fold.
    """

    sources: TrainingData
    examples: Sequence[Example]
    labels: tuple[str, ...]
    multilabel: bool
    keys: Sequence[int]
    of_text: NDArray[np.int64]

    @classmethod
    def read(cls, data: Source | TrainingData, folds: int, seed: int, listener: Listener) -> FoldedData:
        """Read texts and deal them out; the arguments are those of `cross_validate`, and the seed decides the folds.

        Raises:
            ConfigError: There are fewer than two folds.
            DataError: The data cannot be read, or there are too few texts for folds.
        """
        if folds < 2:
            raise ConfigError(f"folds is {folds}; it must be 2 or more")
        sources = data if isinstance(data, TrainingData) else TrainingData(data)
        dataset, index = read_training_texts(sources, listener)
        examples = dataset.examples
        of_text = np.array(fold_examples(examples, folds, seed, index.keys))
        return cls(sources, examples, label_set(examples), dataset.multilabel, index.keys, of_text)

    @property
    def count(self) -> int:
        """The number of folds."""
        return int(self.of_text.max()) + 1

    def deal_again(self, seed: int) -> FoldedData:
        """Return the same texts in as many other folds."""
        return replace(
            self, of_text=np.array(fold_examples(self.examples, self.count, seed, self.keys), np.int64)
        )

    def train_without(
        self,
        fold: int,
        config: Config,
        vectors: str | Path | None,
        left_out: NDArray[np.bool_] | None = None,
    ) -> Classifier:
        """Train a model on the texts outside a fold.

        Args:
            fold: The fold.
            config: The settings.
            vectors: Word vectors, as for `grutext.train`.
            left_out: `(N,)`, the texts that the model does not learn from; None for none.

        Raises:
            DataError: Nothing can be learned from the texts outside the fold.
        """
        outside = self.of_text != fold if left_out is None else (self.of_text != fold) & ~left_out
        part = [self.examples[n] for n in np.flatnonzero(outside).tolist()]
        return train_part(self.sources, part, self.multilabel, config, vectors)


def cross_validate(
    data: Source | TrainingData,
    folds: int = 5,
    *,
    settings: Config | Mapping[str, Any] | None = None,
    vectors: str | Path | None = None,
    listener: Listener | None = None,
) -> CrossValidation:
    """Train a model without each fold, and let it predict the texts of the fold.

    Folds are stratified by label and decided by the seed; equal texts are in one fold.

    Args:
        data: The labelled texts, as for `grutext.train`; dev and test data are not used.
        folds: Number of folds, at least 2.
        settings: The settings of every training, as for `grutext.train`.
        vectors: Word vectors, as for `grutext.train`.
        listener: Receives the notes on the data, and one for each fold.

    Raises:
        ConfigError: There are fewer than two folds, or a setting is wrong.
        DataError: The data cannot be read, or there are too few texts for folds.
        MissingExtraError: A package that training needs is not installed.
    """
    check_installed("grutext crossval", "scikit-learn")
    listener = listener or Silent()
    config = settings if isinstance(settings, Config) else Config().override(settings or {})
    parts = FoldedData.read(data, folds, config.training.seed, listener)
    examples, labels, of_text = parts.examples, parts.labels, parts.of_text
    probabilities = np.full((len(examples), len(labels)), np.nan, np.float32)
    decided = np.zeros(probabilities.shape, bool)
    reports = []
    for fold in range(parts.count):
        began = time.monotonic()
        model = parts.train_without(fold, config, vectors)
        own = np.flatnonzero(of_text == fold)
        columns = np.array([labels.index(label) for label in model.labels])
        found = model.predict_proba([examples[n].text for n in own.tolist()])  # (K, labels of the model)
        probabilities[own] = 0.0
        probabilities[own[:, None], columns] = found
        decided[own[:, None], columns] = decide(found, model.thresholds, model.multilabel)
        truth = [examples[n].labels for n in own.tolist()]
        report = evaluate(
            truth, found, model.labels, multilabel=model.multilabel, thresholds=model.thresholds
        )
        reports.append(report.to_dict())
        took = time.monotonic() - began
        listener.note(f"fold {fold + 1} of {parts.count}: accuracy {report.accuracy:.4f}, {took:.0f} s")
    scored = np.flatnonzero(of_text >= 0)
    truth = [examples[n].labels for n in scored.tolist()]
    together = evaluate(
        truth, probabilities[scored], labels, multilabel=parts.multilabel, decided=decided[scored]
    )
    return CrossValidation(
        labels, parts.multilabel, examples, of_text, probabilities, decided, reports, together.to_dict()
    )
