"""Scores of the two parts to calibrated, fused probabilities; the formula stands in `grutext.model.spec`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grutext.model.spec import Calibration

Float = NDArray[np.float32]
_FLOOR = -60.0  # no log-probability of a part is further below its highest, so that none is infinite


def fuse(gru: Float | None, linear: Float | None, calibration: Calibration, multilabel: bool) -> Float:
    """Gives probabilities from the scores of either part or both.

    Args:
        gru: The head's logits `(N, C)`, or None.
        linear: The linear model's margins `(N, C)`, or `(N, 1)` for two classes, or None.
        calibration: Scales, shifts and the weight of the GRU part.
        multilabel: Whether each label is decided for itself.

    Returns:
        `(N, C) float32`; rows sum to 1 unless `multilabel`.
    """
    scores = scale_scores(gru, linear, calibration, multilabel)
    fused: NDArray[np.floating] = np.zeros_like(scores[0][1])
    for share, score in scores:  # in place, as all that follows: new memory takes longer than the sums
        if not multilabel:
            # What is added to all scores of a text makes no difference in the end, so their sum is not taken here.
            np.maximum(lower_to_zero(score), _FLOOR, out=score)
        fused += np.multiply(score, share, out=score)
    if not multilabel and len(calibration.scale) > 1:  # but then it would
        fused = log_softmax(fused)
    fused *= np.array(calibration.scale)
    fused += np.array(calibration.shift)
    if multilabel:
        return np.asarray(1.0 / (1.0 + np.exp(np.clip(-fused, _FLOOR, -_FLOOR))), np.float32)
    np.exp(lower_to_zero(fused), out=fused)
    fused /= fused.sum(axis=1, keepdims=True)
    return fused.astype(np.float32)


def scale_scores(
    gru: Float | None, linear: Float | None, calibration: Calibration, multilabel: bool
) -> list[tuple[float, NDArray[np.float64]]]:
    """Gives the weight and the scaled scores `(N, C)` of each part; the arguments are those of `fuse`."""
    scores = []
    if gru is not None:
        scores.append((calibration.fusion, gru.astype(np.float64) * calibration.gru_scale))
    if linear is not None:
        margins = linear * np.array(calibration.linear_scale) + np.array(calibration.linear_shift)
        if not multilabel and linear.shape[1] == 1:
            margins = np.concatenate([-margins, margins], axis=1)
        scores.append((1.0 - calibration.fusion, margins))
    return scores if len(scores) == 2 else [(1.0, scores[0][1])]


def log_softmax(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    """Gives the logarithm of the softmax over the last axis, without overflow."""
    lowered = lower_to_zero(scores.copy())
    return np.asarray(lowered - np.log(np.exp(lowered).sum(axis=-1, keepdims=True)))


def lower_to_zero(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    """Takes the highest of the last axis from all scores, in place, so that the highest is 0; gives them back."""
    scores -= scores.max(axis=-1, keepdims=True)
    return scores
