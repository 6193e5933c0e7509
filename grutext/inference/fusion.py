"""From the scores of the two parts to calibrated, fused probabilities; the formula is in `grutext.model.spec`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grutext.model.spec import Calibration

Float = NDArray[np.float32]
# A part's log-probabilities are raised to at most this far below the highest one, so that none is infinite.
_FLOOR = -60.0


def fuse(gru: Float | None, linear: Float | None, calibration: Calibration, multilabel: bool) -> Float:
    """Return the calibrated probabilities for the scores of one part or of both.

    Args:
        gru: The head's logits `(N, C)`, or None.
        linear: The linear model's margins `(N, C)`, or `(N, 1)` for two classes, or None.
        calibration: The scales, shifts and the weight of the GRU part.
        multilabel: Whether each label is decided on its own.

    Returns:
        `(N, C) float32`; rows sum to 1 unless `multilabel`.
    """
    scores = scale_scores(gru, linear, calibration, multilabel)
    fused: NDArray[np.floating] = np.zeros_like(scores[0][1])
    for share, score in scores:  # in place, as all that follows: allocating memory takes longer than the sums
        if not multilabel:
            # A constant added to all scores of a text cancels in the final softmax, so this one is not normalised.
            np.maximum(lower_to_zero(score), _FLOOR, out=score)
        fused += np.multiply(score, share, out=score)
    if not multilabel and len(calibration.scale) > 1:  # a scale for each label: then it does not cancel
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
    """Return the weight and the scaled scores, shape (N, C), of each part; the arguments are those of `fuse`."""
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
    """Return the logarithm of the softmax over the last axis, without overflow."""
    lowered = lower_to_zero(scores.copy())
    return np.asarray(lowered - np.log(np.exp(lowered).sum(axis=-1, keepdims=True)))


def lower_to_zero(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    """Subtract the maximum over the last axis from the scores, in place, and return them."""
    scores -= scores.max(axis=-1, keepdims=True)
    return scores
