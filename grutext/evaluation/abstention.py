"""Metrics of a model that abstains where it is not confident."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


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


class CoveragePoint(NamedTuple):
    """The outcome of answering the more confident texts only.

    Attributes:
        threshold: The confidence from which a text is answered.
        coverage: The share of texts that are answered.
        errors: The share of wrong answers among them.
    """

    threshold: float
    coverage: float
    errors: float


def coverage_curve(
    confidence: NDArray[np.floating], correct: NDArray[np.bool_], points: int = 100
) -> list[CoveragePoint]:
    """Return errors against coverage, for thresholds from the highest down, at most as many as `points`.

    Args:
        confidence: `(N,)`, in 0..1.
        correct: `(N,)`, whether the label is right.
        points: The number of points, evenly spread over the coverage; texts of equal confidence are answered together.
    """
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)  # the last of equal confidence
    wanted = np.ceil(np.arange(1, points + 1) / points * len(ordered)) - 1
    ends = np.unique(ends[np.searchsorted(ends, wanted)])
    wrong = np.cumsum(~correct[order])[ends]
    return [
        CoveragePoint(float(ordered[end]), (end + 1) / len(ordered), errors / (end + 1))
        for end, errors in zip(ends.tolist(), wrong.tolist(), strict=True)
    ]
