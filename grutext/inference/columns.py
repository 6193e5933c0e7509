"""The columns that a prediction adds to each row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from grutext.inference.answers import Answer, round_numbers
from grutext.inference.classifier import Classifier


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """The options of labelling rows: what is added beside `label` and `confidence`, and which texts get no label.

    Attributes:
        proba: Whether to add the probability of each label, as `p_LABEL`.
        top_k: The number of likeliest labels to add as `top`; None adds none.
        familiarity: Whether to add `familiarity`.
        abstain_below: As for `Classifier.answer`; adds `abstained`.
        familiar_above: As for `Classifier.answer`; adds `abstained`.
        early: As for `Classifier.answer`.
    """

    proba: bool = False
    top_k: int | None = None
    familiarity: bool = False
    abstain_below: float | None = None
    familiar_above: float | None = None
    early: float | None = None

    @property
    def abstains(self) -> bool:
        """Whether texts may be left to a person."""
        return self.abstain_below is not None or self.familiar_above is not None

    def check(self, model: Classifier) -> None:
        """Raise an error if a model cannot do what the options ask for.

        Raises:
            GrutextError: As for `Classifier.answer` and `Classifier.familiarity`.
        """
        self.answer(model, [])
        if self.familiarity:
            model.familiarity([])

    def answer(self, model: Classifier, texts: Iterable[str]) -> list[Answer]:
        """Return the answers of a model; raises what `Classifier.answer` raises."""
        return model.answer(
            texts,
            top_k=self.top_k or 1,
            abstain_below=self.abstain_below,
            familiar_above=self.familiar_above,
            early=self.early,
        )

    def fields(self, answer: Answer, labels: Sequence[str]) -> dict[str, Any]:
        """Return what is added to the row of a text, as values for JSON.

        Args:
            answer: The answer about the text.
            labels: The labels of the model.
        """
        fields = answer.fields(self.abstains, self.familiarity)
        if self.proba:
            probabilities = round_numbers(answer.probabilities).tolist()
            fields |= {f"p_{label}": p for label, p in zip(labels, probabilities, strict=True)}
        if self.top_k is not None:
            fields["top"] = answer.top_field()
        return fields


def is_probability(column: str) -> bool:
    """Return whether an added column, by the name that `AnswerOptions.fields` has for it, holds a probability."""
    return column == "confidence" or column.startswith("p_")
