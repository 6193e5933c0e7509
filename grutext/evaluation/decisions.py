"""Truth and prediction side by side, over all labels that either has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from grutext.errors import DataError
from grutext.inference.decisions import decide

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

# Probabilities are float32. In the log loss they are clipped to at least this distance from 0 and 1,
# so that one certain mistake (or one unknown label) costs 15.9 nats instead of infinitely many.
NEAREST = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a model decided about N texts, and what is true.

    A label of the data that the model does not know has a probability of 0 and is never predicted.

    Attributes:
        labels: The labels of the model in its order, then the unknown ones, sorted; C in all.
        unknown: Labels of the data that the model does not know, with the number of their texts.
        multilabel: Whether a text may have several labels.
        actual: `(N, C)`, which labels each text has; exactly one unless `multilabel`.
        predicted: `(N, C)`, which labels each text got; exactly one unless `multilabel`.
        probabilities: `(N, C)`.
    """

    labels: tuple[str, ...]
    unknown: Mapping[str, int]
    multilabel: bool
    actual: BoolArray = field(repr=False)
    predicted: BoolArray = field(repr=False)
    probabilities: FloatArray = field(repr=False)

    @classmethod
    def compare(
        cls,
        truth: Sequence[tuple[str, ...]],
        probabilities: npt.ArrayLike,
        labels: Sequence[str],
        *,
        multilabel: bool = False,
        thresholds: npt.ArrayLike | None = None,
        decided: npt.ArrayLike | None = None,
    ) -> Decisions:
        """Decide by the probabilities; the arguments and errors are those of `grutext.evaluation.evaluate`."""
        values = np.asarray(probabilities, dtype=np.float64)
        if not truth:
            raise DataError("there are no texts to evaluate on")
        if values.shape != (len(truth), len(labels)):
            expected = (len(truth), len(labels))
            raise ValueError(
                f"probabilities have the shape {values.shape}, but texts and labels say {expected}"
            )
        if not multilabel and any(len(set(names)) != 1 for names in truth):
            raise DataError(
                "the model gives one label to a text, but a text of this data has none or several; give each text one label"
            )
        unknown = _count_unknown(truth, labels)
        columns = (*labels, *unknown)
        limits = ((0.5,) * len(labels) if multilabel else ()) if thresholds is None else thresholds
        chosen = decide(values, limits, multilabel) if decided is None else np.asarray(decided, bool)
        more = ((0, 0), (0, len(unknown)))
        return cls(
            columns,
            unknown,
            multilabel,
            _indicator(truth, columns),
            np.pad(chosen, more),
            np.pad(values, more),
        )

    @property
    def correct(self) -> BoolArray:
        """`(N,)`, whether each text got exactly the labels that it has."""
        return np.asarray((self.actual == self.predicted).all(axis=1))

    @property
    def confidence(self) -> FloatArray:
        """`(N,)`, the probability of the predicted label; where a text may have several labels, the largest probability."""
        if self.multilabel:
            return np.asarray(self.probabilities.max(axis=1))
        return np.asarray(self.probabilities[self.predicted])

    @property
    def negative_log_likelihood(self) -> FloatArray:
        """In nats: `(N,)`, of each text's label; where a text may have several, `(N, C)`, of each decision for or against one."""
        if self.multilabel:
            likelihood = np.where(self.actual, self.probabilities, 1.0 - self.probabilities)
        else:
            likelihood = self.probabilities[self.actual]
        return np.asarray(-np.log(np.clip(likelihood, NEAREST, 1.0)))

    @property
    def text_losses(self) -> FloatArray:
        """`(N,)`, the mean negative log-likelihood of each text's decisions; the mean over the texts is the log loss."""
        return np.asarray(self.negative_log_likelihood.reshape(len(self.actual), -1).mean(axis=1))

    def calibration_pairs(self) -> tuple[FloatArray, BoolArray]:
        """Return the confidences that calibration is judged by and whether each was right: of texts, or of all decisions."""
        if self.multilabel:
            return self.probabilities.ravel(), self.actual.ravel()
        return self.confidence, self.correct


def _count_unknown(truth: Sequence[tuple[str, ...]], labels: Sequence[str]) -> dict[str, int]:
    known = set(labels)
    counts = Counter(label for names in truth for label in set(names) if label not in known)
    return dict(sorted(counts.items()))


def _indicator(truth: Sequence[tuple[str, ...]], columns: tuple[str, ...]) -> BoolArray:
    """Return whether each text has each label, shape (N, len(columns)), bool."""
    place = {label: index for index, label in enumerate(columns)}
    marks = np.zeros((len(truth), len(columns)), dtype=bool)
    for row, names in enumerate(truth):
        for label in names:
            marks[row, place[label]] = True
    return marks
