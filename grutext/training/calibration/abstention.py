"""Choose the confidence below which a model should leave a text to a person, with a guarantee.

A model that answers only where its confidence reaches a threshold makes fewer errors and answers fewer
texts (Geifman and El-Yaniv 2017, "Selective classification for deep neural networks", arXiv 1705.08500).
Choosing the lowest threshold whose errors on the dev set seem few enough would be too optimistic, since it is
chosen among many. Here a threshold holds if a one-sided Clopper-Pearson bound of the errors among the answered
texts is low enough, and thresholds are tested in a fixed order, from the most confident texts on, until the
first that does not hold: each test may then use the whole error probability (fixed sequence testing;
Angelopoulos et al. 2021, "Learn then test", arXiv 2110.01052, section 2.2).

The order depends on the confidences and not on which answers are right, so the errors among the tested texts are
independent given the confidences; that their rates differ only makes the bound more conservative (Hoeffding 1956).
The guarantee is therefore: for at most one of ten random dev sets do texts from the same source, answered at the
threshold, have a higher error rate than promised. The calibration was fitted on the same dev set; its few
parameters hardly change the order of the texts.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

ERRORS = (0.01, 0.02, 0.05, 0.1)  # the error rates for which a threshold is chosen
RISK = 0.1  # share of dev sets for which the guarantee may fail
_STEP = 0.05  # of coverage, between tested thresholds
_DECIMALS = 4  # of a threshold
_SPARE = 2  # errors that the first tested threshold should tolerate


def choose_abstention(
    confidence: NDArray[np.floating], correct: NDArray[np.bool_]
) -> list[dict[str, float | None]]:
    """Return the lowest threshold that holds for each error rate in `ERRORS`.

    Args:
        confidence: `(N,)`, the probability of each dev text's label, in 0..1.
        correct: `(N,)`, whether that label is right.

    Returns:
        For each rate `errors` the `threshold`, 0 where all texts may be answered and None where none
        holds, and `coverage`, the share of the dev texts at or above it.
    """
    return [_choose(np.asarray(confidence, np.float64), correct, errors) for errors in ERRORS]


def upper_bound(errors: NDArray[np.int64], texts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the error rate that is exceeded with a probability of at most `RISK` (Clopper and Pearson 1934)."""
    return np.where(errors < texts, beta.ppf(1.0 - RISK, errors + 1, np.maximum(texts - errors, 1)), 1.0)


def _choose(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], errors: float
) -> dict[str, float | None]:
    """Test thresholds for one error rate, starting with the most confident texts."""
    chosen: dict[str, float | None] = {"errors": errors, "coverage": 0.0, "threshold": None}
    total = len(confidence)
    first = min(_fewest(_SPARE, errors), max(_fewest(0, errors), total // 2))
    for threshold in _thresholds(confidence):
        answered = confidence >= threshold
        texts = int(answered.sum())
        if texts < first:
            continue
        if upper_bound(np.int64((answered & ~correct).sum()), np.int64(texts)) > errors:
            break
        chosen |= {"coverage": texts / total, "threshold": 0.0 if texts == total else threshold}
    return chosen


def _thresholds(confidence: NDArray[np.float64]) -> list[float]:
    """Return descending thresholds: with each more texts are answered, with the last all; ties are answered together."""
    falling = np.sort(confidence)[::-1]
    places = np.ceil(np.arange(1, round(1 / _STEP) + 1) * _STEP * len(falling)).astype(int) - 1
    # Rounded down, so that the text itself is answered.
    cut = np.floor(falling[places.clip(0, len(falling) - 1)] * 10**_DECIMALS) / 10**_DECIMALS
    return [float(value) for value in np.unique(cut)[::-1]]


@cache
def _fewest(errors: int, rate: float) -> int:
    """Return the smallest number of texts for which this many errors still satisfy the rate."""
    texts = np.arange(errors + 1, 10 * math.ceil((errors + 1) / rate))
    return int(texts[np.argmax(upper_bound(np.full(len(texts), errors), texts) <= rate)])
