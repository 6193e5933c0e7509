"""Metrics of a model that abstains where it is not confident."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def is_right(labels: Sequence[str | tuple[str, ...]], truth: Sequence[tuple[str, ...]]) -> NDArray[np.bool_]:
    """Return whether each predicted label is right, shape (N,), bool: whether it is the only label of its text.

    Args:
        labels: The predicted label of each text.
        truth: The labels that each text has.
    """
    return np.array([{label} == set(own) for label, own in zip(labels, truth, strict=True)], np.bool_)


def selective_risk(
    confidence: NDArray[np.floating], correct: NDArray[np.bool_], threshold: float
) -> dict[str, Any]:
    """Return coverage and error rate of a model that leaves the less confident texts to a person.

    Source: El-Yaniv, Wiener, On the Foundations of Noise-free Selective Classification, JMLR 11, 2010.

    Args:
        confidence: `(N,)`, in 0..1.
        correct: `(N,)`, whether the label is right.
        threshold: The confidence from which a text is answered.

    Returns:
        `errors`, the share of wrong labels among the answered texts, or None if no text is answered; `coverage`, the share
        of texts that are answered; and `threshold`.
    """
    answered = confidence >= threshold
    errors = float(1.0 - correct[answered].mean()) if answered.any() else None
    return {"errors": errors, "coverage": float(answered.mean()), "threshold": threshold}
