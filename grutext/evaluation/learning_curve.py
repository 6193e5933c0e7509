"""The learning curve of a model: its error against the number of training texts, and what more texts promise.

Errors follow a power law, error(n) = a + b · n^-c, over a wide range of sizes (Hestness et al., "Deep Learning Scaling Is
Predictable, Empirically", 2017). `a` is the error that no number of texts removes.

>>> law = fit_power_law([100, 200, 400, 800], [0.35, 0.26, 0.2, 0.155])
>>> round(float(law.error(1600)), 2)
0.13
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from grutext.errors import ConfigError

Float = npt.NDArray[np.float64]

FEWEST_SIZES = 3  # as many as the law has parameters
EXPONENTS = np.geomspace(0.05, 1.0, 80)  # of c; an error does not fall faster than 1/n, nor visibly slower
CONFIDENCE = 0.9  # of an interval
_SAMPLES, _SEED = 2_000, 1  # of the bootstrap


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """The law error(n) = a + b · n^-c; `a` and `b` are at least 0.

    Attributes:
        a: The error that is left with any number of texts.
        b: The error at one text, beyond `a`.
        c: How fast the error falls.
    """

    a: float
    b: float
    c: float

    def error(self, sizes: npt.ArrayLike) -> Float:
        """Return the error at each size, in the shape of `sizes`."""
        return self.a + self.b * np.asarray(sizes, np.float64) ** -self.c


class Forecast(NamedTuple):
    """What a model would score if it were trained on more texts.

    Attributes:
        texts: The number of training texts.
        score: The score, in 0..1.
        low: The lower end of the interval.
        high: The upper end of the interval.
    """

    texts: int
    score: float
    low: float
    high: float


def fit_power_law(
    sizes: npt.ArrayLike, errors: npt.ArrayLike, variances: npt.ArrayLike | None = None
) -> PowerLaw:
    """Fit a power law to errors by weighted least squares.

    Args:
        sizes: `(S,)`, numbers of training texts, of which at least three differ.
        errors: `(S,)`, the error at each size, in 0..1.
        variances: `(S,)`, the variance of each error; None for equal ones.

    Raises:
        ConfigError: There are fewer than three sizes.
    """
    n = np.asarray(sizes, np.float64)
    if len(np.unique(n)) < FEWEST_SIZES:
        raise ConfigError(
            f"a learning curve has {len(np.unique(n))} sizes; it takes {FEWEST_SIZES} or more to fit a power law"
        )
    weights = np.ones(len(n)) if variances is None else 1 / np.asarray(variances, np.float64)
    a, b, c = _fit_many(n, np.asarray(errors, np.float64)[None], weights)
    return PowerLaw(float(a[0]), float(b[0]), float(c[0]))


def forecast(
    sizes: Sequence[int], errors: Sequence[Sequence[float]], targets: Sequence[int]
) -> tuple[PowerLaw, list[Forecast]]:
    """Fit a power law to the errors of repeated trainings, and forecast the score of a training at each target size.

    The variance of a single training's error is k / n; `k` is estimated from trainings of the same size, and from how well the
    law fits, whichever is larger. The interval is that of a parametric bootstrap: errors are drawn around the law, the law is
    fitted to them again, and the error of a new training is drawn around its forecast. It covers 90 % of what the score of one
    more training would be on the same dev texts; it does not cover that other texts may be easier or harder than these.

    Args:
        sizes: S numbers of training texts, ascending.
        errors: For each size, the errors of its trainings, in 0..1; at least one.
        targets: The sizes to forecast.

    Raises:
        ConfigError: There are fewer than three sizes.
    """
    n = np.array(sizes, np.float64)
    repeats = np.array([len(own) for own in errors])
    means = np.array([np.mean(own) for own in errors])
    law = fit_power_law(n, means, 1 / (n * repeats))
    scale = _estimate_scale(n, errors, means, law)
    rng = np.random.default_rng(_SEED)
    drawn = law.error(n) + rng.normal(size=(_SAMPLES, len(n))) * np.sqrt(scale / (n * repeats))  # (B, S)
    a, b, c = (values[:, None] for values in _fit_many(n, drawn, n * repeats))
    wanted = np.array(targets, np.float64)
    future = a + b * wanted**-c + rng.normal(size=(_SAMPLES, len(wanted))) * np.sqrt(scale / wanted)  # (B, K)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(1 - future, [tail, 1 - tail], axis=0).clip(0, 1)
    scores = 1 - law.error(wanted)
    return law, [
        Forecast(int(size), float(score), float(min(below, score)), float(max(above, score)))
        for size, score, below, above in zip(targets, scores, low, high, strict=True)
    ]


def _estimate_scale(n: Float, errors: Sequence[Sequence[float]], means: Float, law: PowerLaw) -> float:
    """Return k, where the variance of a training's error on n texts is k / n."""
    repeats = np.array([len(own) for own in errors])
    within = sum(
        size * np.square(np.asarray(own) - mean).sum()
        for size, own, mean in zip(n, errors, means, strict=True)
    )
    freedom = repeats.sum() - len(n)
    misfit = (n * repeats * np.square(means - law.error(n))).sum() / max(1, len(n) - FEWEST_SIZES)
    return float(max(within / freedom if freedom else 0.0, misfit))


def _fit_many(n: Float, errors: Float, weights: Float) -> tuple[Float, Float, Float]:
    """Fit a power law to each of B rows of errors, `(B, S)`; return a, b and c, `(B,)` each.

    For a given exponent the law is a line in x = n^-c, whose least squares have a closed form, also under the bounds: if
    the best line has a negative intercept or slope, the best line within the bounds has a zero there.
    """
    weights = weights / weights.sum()
    x = n ** -EXPONENTS[:, None]  # (G, S)
    mean_x, mean_e = x @ weights, errors @ weights  # (G,), (B,)
    centred = x - mean_x[:, None]
    spread = np.square(centred) @ weights  # (G,)
    slope = np.maximum(((errors * weights) @ centred.T) / spread, 0.0)  # (B, G)
    intercept = mean_e[:, None] - slope * mean_x
    below = intercept < 0
    through_zero = np.maximum(((errors * weights) @ x.T) / (np.square(x) @ weights), 0.0)
    slope = np.where(below, through_zero, slope)
    intercept = np.where(below, 0.0, intercept)
    misfit = np.zeros_like(slope)
    for position, weight in enumerate(weights):
        predicted = intercept + slope * x[:, position]
        misfit += weight * np.square(errors[:, position, None] - predicted)
    best = misfit.argmin(axis=1)
    rows = np.arange(len(errors))
    return intercept[rows, best], slope[rows, best], EXPONENTS[best]
