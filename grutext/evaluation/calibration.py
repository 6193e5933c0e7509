"""How well probabilities agree with frequencies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

BINS = 15


def expected_calibration_error(
    confidence: npt.NDArray[np.floating], correct: npt.NDArray[np.bool_], bins: int = BINS
) -> float:
    """Return the expected calibration error of decisions.

    `ECE = sum over m of |B_m| / n * |acc(B_m) - conf(B_m)|`, where `B_m` holds the decisions whose
    confidence lies in `((m - 1) / M, m / M]` (a confidence of 0 is in the first bin), `acc` is the
    share of them that are right and `conf` their mean confidence.

    Source: Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks, ICML 2017,
    equation 3, https://arxiv.org/abs/1706.04599.

    Args:
        confidence: `(n,)`, in 0..1.
        correct: `(n,)`, whether each decision is right.
        bins: M, the number of bins of equal width.
    """
    place = _bin(confidence, bins)
    # |B_m| * |acc - conf| is the absolute difference of the two sums over the bin.
    right = np.bincount(place, weights=correct, minlength=bins)
    expected = np.bincount(place, weights=confidence, minlength=bins)
    return float(np.abs(right - expected).sum() / len(confidence))


class ConfidenceBin(NamedTuple):
    """The decisions whose confidence lies between two edges.

    Attributes:
        low: The lower edge, which is outside, except 0.
        high: The upper edge, which is inside.
        number: The number of decisions.
        right: How many of them are right.
        confidence: Their mean confidence; None without any.
    """

    low: float
    high: float
    number: int
    right: int
    confidence: float | None


def reliability_bins(
    confidence: npt.NDArray[np.floating], correct: npt.NDArray[np.bool_], bins: int = BINS
) -> list[ConfidenceBin]:
    """Return the bins of a reliability diagram, which are those of the expected calibration error.

    Args:
        confidence: `(n,)`, in 0..1.
        correct: `(n,)`, whether each decision is right.
        bins: The number of bins of equal width.
    """
    place = _bin(confidence, bins)
    count = np.bincount(place, minlength=bins).tolist()
    right = np.bincount(place, weights=correct, minlength=bins).tolist()
    total = np.bincount(place, weights=confidence, minlength=bins).tolist()
    return [
        ConfidenceBin(
            m / bins, (m + 1) / bins, count[m], int(right[m]), total[m] / count[m] if count[m] else None
        )
        for m in range(bins)
    ]


def _bin(confidence: npt.NDArray[np.floating], bins: int) -> npt.NDArray[np.intp]:
    """Return the bin of each confidence, shape (n,), from 0."""
    return np.searchsorted(np.arange(1, bins) / bins, confidence, side="left")
