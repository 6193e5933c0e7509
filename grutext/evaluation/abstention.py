"""Metrics of a model that abstains where it is not confident."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def is_right(labels: Sequence[str | tuple[str, ...]], truth: Sequence[tuple[str, ...]]) -> NDArray[np.bool_]:
    """Return whether each prediction is right, shape (N,), bool: whether it is all that its text has.

    Args:
        labels: The predicted label of each text, or the tuple of its labels.
        truth: The labels that each text has.
    """
    predicted = ({label} if isinstance(label, str) else set(label) for label in labels)
    return np.array([some == set(own) for some, own in zip(predicted, truth, strict=True)], np.bool_)


def selective_risk(
    confidence: NDArray[np.floating],
    correct: NDArray[np.bool_],
    threshold: float | None,
    familiar: NDArray[np.floating] | None = None,
    familiar_above: float | None = None,
) -> dict[str, Any]:
    """Return coverage and error rate of a model that leaves the less confident and the unfamiliar texts to a person.

    Source: El-Yaniv, Wiener, On the Foundations of Noise-free Selective Classification, JMLR 11, 2010.

    Args:
        confidence: `(N,)`, in 0..1.
        correct: `(N,)`, whether the label is right.
        threshold: The confidence from which a text is answered; None: any.
        familiar: `(N,)`, the familiarity of each text; None if `familiar_above` is.
        familiar_above: The familiarity from which a text is answered; None: any.

    Returns:
        `errors`, the share of wrong labels among the answered texts, or None if no text is answered; `coverage`, the share
        of texts that are answered; `threshold`; `familiar_above`; and the numbers of texts that are not answered: `unfamiliar`
        ones, and of the others the `unsure` ones.
    """
    unfamiliar = np.zeros(len(confidence), np.bool_)
    if familiar is not None and familiar_above is not None:
        unfamiliar = familiar < familiar_above
    unsure = ~unfamiliar & (confidence < (0.0 if threshold is None else threshold))
    answered = ~unfamiliar & ~unsure
    errors = float(1.0 - correct[answered].mean()) if answered.any() else None
    return {
        "errors": errors,
        "coverage": float(answered.mean()),
        "threshold": threshold,
        "familiar_above": familiar_above,
        "unsure": int(unsure.sum()),
        "unfamiliar": int(unfamiliar.sum()),
    }
