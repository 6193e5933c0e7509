"""The answer of a model about one text, for a service or a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

DECIMALS = 6  # of a probability; beyond them the engines may differ
FAMILIARITY_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answers about one text.

    The numbers are rounded (probabilities to 6 decimals, the familiarity to 4), since further decimals may differ between
    machines. Thresholds are compared with the rounded numbers.

    Attributes:
        label: The label; the tuple of labels, which may be empty, where a text may have several; None if `abstained`.
        confidence: The probability of the label. Where a text may have several labels, the largest probability, even
            if it is too small for any label to apply.
        top: The likeliest labels with their probabilities, the likeliest first.
        abstained: Whether the text is left to a person.
        familiarity: How much the text is like the training texts, see `Classifier.familiarity`; None for a model
            of an old version, which has none.
        probabilities: All probabilities, `(C,) float32`, in the order of the model's labels and not rounded. They are
            ignored when two answers are compared.
        words_read: The number of words after which the text was decided; None where whole texts are read.
    """

    label: str | tuple[str, ...] | None
    confidence: float
    top: tuple[tuple[str, float], ...]
    abstained: bool
    familiarity: float | None
    probabilities: NDArray[np.float32] = field(repr=False, compare=False)
    words_read: int | None = None

    def fields(self, abstains: bool, familiarity: bool) -> dict[str, Any]:
        """Return the label and its confidence, as values for JSON, and what else was asked for.

        Args:
            abstains: Whether to add `abstained`.
            familiarity: Whether to add `familiarity`.
        """
        label = list(self.label) if isinstance(self.label, tuple) else self.label
        fields: dict[str, Any] = {"label": label, "confidence": self.confidence}
        if abstains:
            fields["abstained"] = self.abstained
        if familiarity:
            fields["familiarity"] = self.familiarity
        if self.words_read is not None:
            fields["words_read"] = self.words_read
        return fields

    def top_field(self) -> list[dict[str, Any]]:
        """Return the likeliest labels as values for JSON."""
        return [{"label": label, "probability": probability} for label, probability in self.top]


def round_numbers(values: NDArray[np.float32], decimals: int = DECIMALS) -> NDArray[np.float64]:
    """Return the values as answers have them: the float64 numbers that are nearest to the rounded decimals."""
    return np.asarray(np.round(values.astype(np.float64), decimals), np.float64)
