"""The contributions of the words of a text to a label's logit, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class WordContribution:
    """A word and what it adds to the logit.

    Attributes:
        text: The word as it is in the original text.
        start: Where it begins in the original text, in code points.
        end: Where it ends.
        contribution: What it adds to the logit: `gru + linear`.
        gru: The share of the GRU part.
        linear: The share of the linear part.
    """

    text: str
    start: int
    end: int
    contribution: float
    gru: float
    linear: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the words of a text add to the logit of a label; `bias` and all contributions sum to `logit`.

    Attributes:
        label: The label.
        probability: Its probability.
        logit: Its logit, the number before the last softmax or sigmoid. Where a text may have several labels, the sigmoid of it
            is `probability`. Otherwise the logits of all labels have a mean of 0, and their softmax is the probabilities.
        bias: The part of the logit that no word has added.
        words: The words in their order; none for an empty text.
        gru_weight: The weight of the GRU part in the logit, in 0..1; the linear part has the rest.
        text: The original text.
    """

    label: str
    probability: float
    logit: float
    bias: float
    words: tuple[WordContribution, ...]
    gru_weight: float
    text: str = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as values for JSON, without the text."""
        return {
            "label": self.label,
            "logit": self.logit,
            "bias": self.bias,
            "words": [
                {"text": word.text, "start": word.start, "end": word.end, "contribution": word.contribution}
                for word in self.words
            ],
        }

    def strongest(self, count: int) -> list[WordContribution]:
        """Return the words with the largest contributions, positive or negative, the largest first."""
        return sorted(self.words, key=lambda word: -abs(word.contribution))[:count]
