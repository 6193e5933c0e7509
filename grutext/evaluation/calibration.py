"""How well probabilities agree with frequencies."""

from __future__ import annotations

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
    edges = np.arange(1, bins) / bins
    place = np.searchsorted(edges, confidence, side="left")
    # |B_m| * |acc - conf| is the absolute difference of the two sums over the bin.
    right = np.bincount(place, weights=correct, minlength=bins)
    expected = np.bincount(place, weights=confidence, minlength=bins)
    return float(np.abs(right - expected).sum() / len(confidence))
