"""Check on its golden texts that a model predicts what it did when it was made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grutext.errors import BundleError
from grutext.inference.classifier import Classifier

TOLERANCE = 1e-5  # of a probability

Labels = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GoldenAnswer:
    """What a model answers for one of its golden texts, now and when it was made.

    Attributes:
        text: The text.
        difference: The largest absolute difference of a probability; infinite if one is not a number.
        label: The label, or the tuple of labels, now.
        was: The label, or the tuple of labels, when the model was made.
    """

    text: str
    difference: float
    label: Labels
    was: Labels

    @property
    def same(self) -> bool:
        """Whether the label is the same, and the probabilities are within the tolerance."""
        return self.difference <= TOLERANCE and self.label == self.was


def replay_golden(model: Classifier) -> list[GoldenAnswer]:
    """Predict a model's golden texts again, one at a time.

    Raises:
        BundleError: The model has no golden texts, or they have probabilities for other labels.
    """
    rows = model.bundle.golden
    if not rows:
        raise BundleError("the model has no golden texts to replay; train it again")
    if any(len(row["probabilities"]) != len(model.labels) for row in rows):
        raise BundleError("the golden texts have probabilities for other labels; train it again")
    answers = []
    for row in rows:
        now, was = model.predict_proba([row["text"]]), np.array([row["probabilities"]], np.float32)
        difference = float(np.nan_to_num(np.abs(now - was), nan=np.inf).max())
        (label,), (before,) = model.decide(now), model.decide(was)
        answers.append(GoldenAnswer(row["text"], difference, label, before))
    return answers
