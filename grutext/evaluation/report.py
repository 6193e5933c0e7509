"""The result of an evaluation: plain numbers, which the command line prints and a bundle stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LabelScore:
    """The scores of one label.

    Attributes:
        precision: Share of the texts predicted to have this label that have it; 0 if it was never predicted.
        recall: Share of the texts with this label for which it was predicted; 0 if no text has it.
        f1: Harmonic mean of the two; 0 if both are 0.
        support: Texts that have the label.
    """

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Report:
    """The metrics of a model on labelled texts.

    A label of the data that the model does not know has a probability of 0 and is never predicted. It has its row in
    every table, after the labels of the model.

    Attributes:
        n: Texts.
        multilabel: Whether a text may have several labels.
        accuracy: Share of texts whose label is right; where a text may have several, whose whole
            set of labels is right (subset accuracy).
        macro_f1: Mean F1 of the labels that occur in the truth or in the predictions. A label that
            occurs in neither has no F1 and is left out, as scikit-learn does for class names.
        micro_f1: F1 over all decisions together; the accuracy where a text has one label.
        weighted_f1: Mean F1 of the labels, weighted by their support.
        log_loss: Mean negative log-likelihood in nats: of a text's label or, where a text may have
            several, of each decision for or against a label.
        ece: Expected calibration error; see `expected_calibration_error`.
        labels: The labels of the model in its order, then the unknown ones, sorted.
        per_label: For each of `labels`, its scores.
        confusion: Rows are true labels, columns predicted ones, both in the order of `labels`;
            None where a text may have several labels.
        unknown: Labels of the data that the model does not know, with the number of their texts.
    """

    n: int
    multilabel: bool
    accuracy: float
    macro_f1: float
    micro_f1: float
    weighted_f1: float
    log_loss: float
    ece: float
    labels: tuple[str, ...]
    per_label: Mapping[str, LabelScore]
    confusion: tuple[tuple[int, ...], ...] | None
    unknown: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values for JSON; `subset_accuracy` only for several labels."""
        values: dict[str, Any] = {
            "n": self.n,
            "multilabel": self.multilabel,
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "micro_f1": self.micro_f1,
            "weighted_f1": self.weighted_f1,
            "log_loss": self.log_loss,
            "ece": self.ece,
            "labels": list(self.labels),
            "per_label": {label: asdict(score) for label, score in self.per_label.items()},
            "confusion": None if self.confusion is None else [list(row) for row in self.confusion],
            "unknown": dict(self.unknown),
        }
        if self.multilabel:
            values["subset_accuracy"] = self.accuracy
        return values
