"""The fields of an answer that `predict` and `classify` print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grutext.inference import Answer


def answer_fields(answer: Answer, abstains: bool, familiarity: bool) -> dict[str, Any]:
    """Return the label and its confidence, as values for JSON, and what else was asked for.

    Args:
        answer: The answer.
        abstains: Whether to add `abstained`.
        familiarity: Whether to add `familiarity`.
    """
    label = list(answer.label) if isinstance(answer.label, tuple) else answer.label
    fields: dict[str, Any] = {"label": label, "confidence": answer.confidence}
    if abstains:
        fields["abstained"] = answer.abstained
    if familiarity:
        fields["familiarity"] = answer.familiarity
    return fields


def top_field(answer: Answer) -> list[dict[str, Any]]:
    """Return the likeliest labels as values for JSON."""
    return [{"label": label, "probability": probability} for label, probability in answer.top]
