"""`grutext.audit`: likely label errors, from models that have not seen the text."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.data import Example
from grutext.data_quality.label_errors import find_errors
from grutext.messages import count
from grutext.progress import Listener, Silent
from grutext.requirements import check_installed
from grutext.training.crossval import FoldedData
from grutext.training.gru.batches import one_hot
from grutext.training.splits import Source, TrainingData

Probabilities = NDArray[np.float64]
_LEAST = 1e-6  # a probability of 0 in one round must not outvote the other


@dataclass(frozen=True, slots=True)
class LikelyError:
    """A text whose labels are likely wrong.

    Attributes:
        position: Its position among the examples.
        suggested: The labels that are likely right: one, or any number where a text may have several.
        given_probability: The out-of-fold probability of the given label; with several labels, that of the least likely
            presence or absence of one.
        suggested_probability: The out-of-fold probability of the suggested label; with several labels, that of the least
            likely change.
    """

    position: int
    suggested: tuple[str, ...]
    given_probability: float
    suggested_probability: float


@dataclass(frozen=True)
class Audit:
    """What an audit of labels has found.

    Attributes:
        examples: The N texts.
        labels: The C labels.
        multilabel: Whether a text may have several labels.
        probabilities: `(N, C)`, the out-of-fold probabilities; NaN for texts in no fold.
        errors: The texts whose labels are likely wrong, the worst first; `grutext.data_quality.label_errors` says by what.
        texts: The number of texts that were labelled out of fold.
    """

    examples: Sequence[Example] = field(repr=False)
    labels: tuple[str, ...]
    multilabel: bool
    probabilities: Probabilities = field(repr=False)
    errors: tuple[LikelyError, ...] = field(repr=False)
    texts: int

    def confusions(self) -> list[tuple[str, str, int]]:
        """Return given labels, suggested labels and the number of texts of each pair, the most frequent first."""
        pairs = Counter(
            (", ".join(self.examples[error.position].labels), ", ".join(error.suggested))
            for error in self.errors
        )
        return sorted(((*pair, number) for pair, number in pairs.items()), key=lambda row: (-row[2], row[:2]))

    def to_dict(self) -> dict[str, Any]:
        """Return the audit as plain values, as `grutext audit --json` prints it."""
        return {
            "texts": self.texts,
            "multilabel": self.multilabel,
            "likely_errors": len(self.errors),
            "confusions": [
                {"given": given, "suggested": suggested, "count": number}
                for given, suggested, number in self.confusions()
            ],
            "errors": [self.describe(error) for error in self.errors],
        }

    def describe(self, error: LikelyError) -> dict[str, Any]:
        """Return a likely error as plain values."""
        example = self.examples[error.position]
        return {
            "source": example.source,
            "line": example.row,
            "text": example.text,
            "label": list(example.labels) if self.multilabel else example.labels[0],
        } | self.added(error)

    def added(self, error: LikelyError) -> dict[str, Any]:
        """Return what an audit adds to a row."""
        return {
            "suggested": list(error.suggested) if self.multilabel else error.suggested[0],
            "given_probability": round(error.given_probability, 6),
            "suggested_probability": round(error.suggested_probability, 6),
        }


def audit(
    data: Source | TrainingData,
    folds: int = 5,
    *,
    settings: Config | Mapping[str, Any] | None = None,
    vectors: str | Path | None = None,
    listener: Listener | None = None,
) -> Audit:
    """List the texts whose label is likely wrong.

    A model is trained without each fold and labels it; texts whose label is then likely wrong are left out of a second
    round, whose models have learned fewer wrong labels. The geometric mean of both rounds' probabilities decides, by confident
    learning; see `grutext.data_quality.label_errors`. Equal texts are in one fold.

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
    check_installed("grutext audit", "scikit-learn")
    listener = listener or Silent()
    config = settings if isinstance(settings, Config) else Config().override(settings or {})
    seed = config.training.seed
    parts = FoldedData.read(data, folds, seed, listener)
    given = one_hot([example.labels for example in parts.examples], parts.labels) > 0
    first = _predict(parts, config, vectors, None, listener)
    suspected = find_errors(given, first, parts.multilabel)[0]
    listener.note(
        f"first round: {count(len(suspected), 'label')} likely wrong; the second learns without them"
    )
    left_out = _leave_out(given, suspected)
    second = _predict(parts.deal_again(seed + 1), config, vectors, left_out, listener)
    probabilities = average(first, second, parts.multilabel)
    errors = []
    for place, suggested in zip(*find_errors(given, probabilities, parts.multilabel), strict=True):
        row = probabilities[place]
        likely = np.where(given[place], row, 1.0 - row) if parts.multilabel else row[given[place]]
        changed = suggested != given[place] if parts.multilabel else suggested
        better = np.where(suggested, row, 1.0 - row)[changed]
        labels = tuple(parts.labels[c] for c in np.flatnonzero(suggested))
        errors.append(LikelyError(int(place), labels, float(likely.min()), float(better.min())))
    scored = ~np.isnan(probabilities).any(axis=1)
    return Audit(
        parts.examples, parts.labels, parts.multilabel, probabilities, tuple(errors), int(scored.sum())
    )


def _predict(
    parts: FoldedData,
    config: Config,
    vectors: str | Path | None,
    left_out: NDArray[np.bool_] | None,
    listener: Listener,
) -> Probabilities:
    """Return the out-of-fold probabilities, `(N, C)`; NaN for texts in no fold."""
    probabilities = np.full((len(parts.examples), len(parts.labels)), np.nan)
    for fold in range(parts.count):
        began = time.monotonic()
        model = parts.train_without(fold, config, vectors, left_out)
        own = np.flatnonzero(parts.of_text == fold)
        columns = np.array([parts.labels.index(label) for label in model.labels])
        probabilities[own] = 0.0
        probabilities[own[:, None], columns] = model.predict_proba(
            [parts.examples[n].text for n in own.tolist()]
        )
        listener.note(f"fold {fold + 1} of {parts.count}: {time.monotonic() - began:.0f} s")
    return probabilities


def _leave_out(given: NDArray[np.bool_], suspected: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which texts a second round does not learn from, `(N,)`: the suspected ones, but for labels that would lose more than half."""
    left_out = np.zeros(len(given), np.bool_)
    left_out[suspected] = True
    loses_most = given[left_out].sum(axis=0) > given.sum(axis=0) / 2
    return left_out & ~given[:, loses_most].any(axis=1)


def average(first: Probabilities, second: Probabilities, multilabel: bool) -> Probabilities:
    """Return the geometric mean of two models' probabilities, normalised, `(N, C)`; with several labels, label by label."""
    logs = np.log(np.clip([first, second], _LEAST, 1.0)).mean(axis=0)
    if multilabel:
        against = np.log(np.clip([1.0 - first, 1.0 - second], _LEAST, 1.0)).mean(axis=0)
        return np.asarray(1.0 / (1.0 + np.exp(against - logs)))
    values = np.exp(logs)
    return np.asarray(values / values.sum(axis=1, keepdims=True))
