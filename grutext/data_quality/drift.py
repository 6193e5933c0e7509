"""Whether two samples come from the same distribution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_PERMUTATIONS = 999


@dataclass(frozen=True, slots=True)
class TwoSampleTest:
    """The outcome of a test of two samples.

    Attributes:
        statistic: How far apart they are, in 0..1.
        p_value: The probability of samples that far apart if they come from the same distribution.
    """

    statistic: float
    p_value: float


def kolmogorov_smirnov(first: npt.ArrayLike, second: npt.ArrayLike) -> TwoSampleTest:
    """Test by the largest distance between two cumulative distributions; with equal values it errs to a larger p-value.

    The p-value is that of Kolmogorov's limiting distribution with Stephens' correction for finite samples (Stephens 1970, "Use
    of the Kolmogorov-Smirnov, Cramér-von Mises and related statistics", J. R. Stat. Soc. B 32).

    Args:
        first: `(N,)`, one sample, of at least one number.
        second: `(M,)`, the other.
    """
    one, other = (np.sort(np.asarray(sample, np.float64)) for sample in (first, second))
    both = np.concatenate([one, other])
    shares = [np.searchsorted(sample, both, side="right") / len(sample) for sample in (one, other)]
    distance = float(np.abs(shares[0] - shares[1]).max())
    size = math.sqrt(len(one) * len(other) / len(both))
    scaled = (size + 0.12 + 0.11 / size) * distance
    if scaled < 0.2:  # the series converges slowly there, to 1
        return TwoSampleTest(distance, 1.0)
    terms = np.arange(1, 101)
    series = 2.0 * ((-1.0) ** (terms - 1) * np.exp(-2.0 * (terms * scaled) ** 2)).sum()
    return TwoSampleTest(distance, float(np.clip(series, 0.0, 1.0)))


def compare_shares(first: Mapping[str, int], second: Mapping[str, int], seed: int = 1) -> TwoSampleTest:
    """Test whether two samples have the same share of each label, by permutation.

    The statistic is the total variation distance: the share of one sample that would need another label.

    Args:
        first: The number of texts of each label in one sample, at least one together.
        second: The same for the other.
        seed: Decides the 999 permutations.
    """
    labels = sorted({*first, *second})
    one, other = (np.array([sample.get(label, 0) for label in labels]) for sample in (first, second))
    size, both = one.sum(), one + other
    drawn = np.random.default_rng(seed).multivariate_hypergeometric(both, size, _PERMUTATIONS)  # (P, C)
    distance = _total_variation(one, other)
    further = _total_variation(drawn, both - drawn) >= distance - 1e-12
    return TwoSampleTest(float(distance), float((1 + further.sum()) / (1 + _PERMUTATIONS)))


def _total_variation(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the total variation distance of counts along the last axis."""
    shares = one / one.sum(axis=-1, keepdims=True) - other / other.sum(axis=-1, keepdims=True)
    return np.asarray(np.abs(shares).sum(axis=-1) / 2)
