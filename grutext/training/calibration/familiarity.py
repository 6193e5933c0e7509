"""Fit the familiarity of a text on the dev set: the scale of its two measures, and thresholds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grutext.inference.answers import FAMILIARITY_DECIMALS, round_numbers

Float = NDArray[np.float32]
REFUSED = (0.02, 0.05)  # shares of the dev texts that are refused as unfamiliar
# Dev texts that are all alike must not make every other text infinitely unfamiliar.
_LEAST_TOP_SCORE, _LEAST_KNOWN = 0.1, 0.01


def fit_familiarity(top_scores: Float, known: Float) -> tuple[float, float, float]:
    """Return `Calibration.familiarity`: the shift and the weights for the mean of the two measures' standard scores.

    Args:
        top_scores: `(N,)`, `grutext.inference.familiarity.top_score` of the dev texts.
        known: `(N,)`, the share of each that the model knows.
    """
    weights = [
        0.5 / max(float(measure.std(dtype=np.float64)), least)
        for measure, least in ((top_scores, _LEAST_TOP_SCORE), (known, _LEAST_KNOWN))
    ]
    means = [float(measure.mean(dtype=np.float64)) for measure in (top_scores, known)]
    return (-sum(w * m for w, m in zip(weights, means, strict=True)), weights[0], weights[1])


def choose_familiarity(familiar: Float) -> list[dict[str, float]]:
    """Return the highest threshold that refuses no larger share of the dev texts, for each share in `REFUSED`.

    Args:
        familiar: `(N,)`, the familiarity of the dev texts, N at least 1.

    Returns:
        For each share `refused` the `threshold`, which a text must reach to be answered, and `coverage`, the share of the
        dev texts that do.
    """
    rising = np.sort(round_numbers(familiar, FAMILIARITY_DECIMALS))
    chosen = []
    for refused in REFUSED:
        threshold = rising[int(refused * len(rising))]
        coverage = float((rising >= threshold).mean())
        chosen.append({"refused": refused, "coverage": coverage, "threshold": float(threshold)})
    return chosen
