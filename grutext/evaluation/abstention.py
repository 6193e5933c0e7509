"""What a model does that answers only where it is confident."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def is_right(labels: Sequence[str | tuple[str, ...]], truth: Sequence[tuple[str, ...]]) -> NDArray[np.bool_]:
    """Tells which texts' label is the only one that they have, `(N,)`.

    Args:
        labels: What a model that gives one label to a text decided.
        truth: The labels of the texts.
    """
    return np.array([{label} == set(own) for label, own in zip(labels, truth, strict=True)], np.bool_)


def selective_risk(
    confidence: NDArray[np.floating], correct: NDArray[np.bool_], threshold: float
) -> dict[str, Any]:
    """Gives coverage and error rate of a model that leaves less confident texts to a person.

    Source: El-Yaniv, Wiener, On the Foundations of Noise-free Selective Classification, JMLR 11, 2010.

    Args:
        confidence: `(N,)`, in 0..1.
        correct: `(N,)`, whether the label is right.
        threshold: The confidence from which a text is answered.

    Returns:
        `errors`, the share of wrong labels among the answered texts, None if there are none of them;
        `coverage`, the share of the texts that are answered; `threshold`.
    """
    answered = confidence >= threshold
    errors = float(1.0 - correct[answered].mean()) if answered.any() else None
    return {"errors": errors, "coverage": float(answered.mean()), "threshold": threshold}
