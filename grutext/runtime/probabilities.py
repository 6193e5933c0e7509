"""Scores of the two parts to calibrated, fused probabilities; the formula stands in `grutext.model.spec`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grutext.model.spec import Calibration

Float = NDArray[np.float32]
_FLOOR = -60.0  # no log-probability is lower, so that none is infinite


def fuse(deep: Float | None, wide: Float | None, calibration: Calibration, multilabel: bool) -> Float:
    """Gives probabilities from the scores of either part or both.

    Args:
        deep: The head's logits `(N, C)`, or None.
        wide: The linear model's margins `(N, C)`, or `(N, 1)` for two classes, or None.
        calibration: Scales, shifts and the weight of the deep part.
        multilabel: Whether each label is decided for itself.

    Returns:
        `(N, C) float32`; rows sum to 1 unless `multilabel`.
    """
    scores = scale_scores(deep, wide, calibration, multilabel)
    if not multilabel:
        scores = [(share, np.maximum(log_softmax(score), _FLOOR)) for share, score in scores]
    fused = np.asarray(sum(share * score for share, score in scores))
    fused = fused if multilabel else log_softmax(fused)
    fused = fused * np.array(calibration.scale) + np.array(calibration.shift)
    if multilabel:
        return np.asarray(1.0 / (1.0 + np.exp(np.clip(-fused, _FLOOR, -_FLOOR))), np.float32)
    return np.asarray(np.exp(log_softmax(fused)), np.float32)


def scale_scores(
    deep: Float | None, wide: Float | None, calibration: Calibration, multilabel: bool
) -> list[tuple[float, NDArray[np.float64]]]:
    """Gives the weight and the scaled scores `(N, C)` of each part; the arguments are those of `fuse`."""
    scores = []
    if deep is not None:
        scores.append((calibration.fusion, deep.astype(np.float64) * calibration.deep_scale))
    if wide is not None:
        margins = wide * np.array(calibration.wide_scale) + np.array(calibration.wide_shift)
        if not multilabel and wide.shape[1] == 1:
            margins = np.concatenate([-margins, margins], axis=1)
        scores.append((1.0 - calibration.fusion, margins))
    return scores if len(scores) == 2 else [(1.0, scores[0][1])]


def log_softmax(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    """Gives the logarithm of the softmax over the last axis, without overflow."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
