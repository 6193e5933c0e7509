"""What a model does that answers only where it is confident."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


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
