"""Whether a model answers as it did when it was made: its golden texts, asked again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grutext.errors import BundleError
from grutext.inference.classifier import Classifier

TOLERANCE = 1e-5  # of a probability

Labels = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GoldenAnswer:
    """What a model says to one of its golden texts.

    Attributes:
        text: The text.
        difference: The largest difference of a probability; infinite if one is not a number.
        label: The label, or the tuple of labels, that it gives now.
        was: What it gave when it was made.
    """

    text: str
    difference: float
    label: Labels
    was: Labels

    @property
    def same(self) -> bool:
        """Whether the answer is what it was."""
        return self.difference <= TOLERANCE and self.label == self.was


def replay_golden(model: Classifier) -> list[GoldenAnswer]:
    """Asks a model its golden texts, each by itself.

    Raises:
        BundleError: It has none, or they have probabilities for other labels.
    """
    rows = model.bundle.golden
    if not rows:
        raise BundleError("the model has no golden texts to replay; train anew")
    if any(len(row["probabilities"]) != len(model.labels) for row in rows):
        raise BundleError("the golden texts have probabilities for other labels; train anew")
    answers = []
    for row in rows:
        now, was = model.predict_proba([row["text"]]), np.array([row["probabilities"]], np.float32)
        difference = float(np.nan_to_num(np.abs(now - was), nan=np.inf).max())
        (label,), (before,) = model.decide(now), model.decide(was)
        answers.append(GoldenAnswer(row["text"], difference, label, before))
    return answers
