"""How sure metrics are, measured on as many texts as there were."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from grutext.evaluation.decisions import Decisions, FloatArray
from grutext.evaluation.resampling import draw_samples, measure

SAMPLES, SEED = 1000, 1
_NORMAL = 1.959964  # the 97.5 % quantile of the normal distribution


class Interval(NamedTuple):
    """A 95 % confidence interval."""

    low: float
    high: float


def percentile_interval(values: FloatArray) -> Interval:
    """Return the interval from the 2.5 % to the 97.5 % quantile of what was measured on bootstrap samples.

    Source: Efron, Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (the percentile interval).
    """
    low, high = np.quantile(values, (0.025, 0.975))
    return Interval(float(low), float(high))


def bootstrap_intervals(decisions: Decisions, samples: int = SAMPLES) -> dict[str, Interval]:
    """Return a 95 % interval for each of accuracy, macro-, micro- and weighted F1 and log loss, by the bootstrap.

    The samples are always the same ones for the same number of texts. The ECE has no interval: samples repeat texts, which
    raises it.
    """
    drawn = draw_samples(len(decisions.actual), samples, SEED)
    return {name: percentile_interval(values) for name, values in sorted(measure(decisions, drawn).items())}


def wilson_interval(successes: npt.ArrayLike, trials: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the lower and the upper end of the 95 % interval of a share; 0 and 1 without trials.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.
    """
    hits, number = np.asarray(successes, np.float64), np.asarray(trials, np.float64)
    known = np.maximum(number, 1)
    share, square = hits / known, _NORMAL**2
    middle = (share + square / (2 * known)) / (1 + square / known)
    reach = _NORMAL / (1 + square / known) * np.sqrt(share * (1 - share) / known + square / (4 * known**2))
    low = np.clip(middle - reach, 0.0, share)  # but for rounding, it always lies there
    high = np.clip(middle + reach, share, 1.0)
    return np.where(number > 0, low, 0.0), np.where(number > 0, high, 1.0)
