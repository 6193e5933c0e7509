"""From the scores of the two parts to calibrated, fused probabilities; the formula is in `grutext.model.spec`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grutext.model.spec import LOG_FLOOR, Calibration

Float = NDArray[np.float32]
_LEAST = 1e-26  # a probability of about exp(LOG_FLOOR)


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
    fused = fuse_logits(gru, linear, calibration, multilabel)
    if multilabel:
        return np.asarray(1.0 / (1.0 + np.exp(np.clip(-fused, LOG_FLOOR, -LOG_FLOOR))), np.float32)
    np.exp(lower_to_zero(fused), out=fused)
    fused /= fused.sum(axis=1, keepdims=True)
    return fused.astype(np.float32)


def fuse_logits(
    gru: Float | None, linear: Float | None, calibration: Calibration, multilabel: bool
) -> NDArray[np.floating]:
    """Return the fused logits, `(N, C)`, whose softmax, or sigmoid if `multilabel`, `fuse` returns; with its arguments."""
    scores = scale_scores(gru, linear, calibration, multilabel)
    fused: NDArray[np.floating] = np.zeros_like(scores[0][1])
    for share, score in scores:  # in place, as all that follows: allocating memory takes longer than the sums
        if not multilabel:
            # A constant added to all scores of a text cancels in the final softmax, so this one is not normalised.
            np.maximum(lower_to_zero(score), LOG_FLOOR, out=score)
        fused += np.multiply(score, share, out=score)
    if not multilabel and len(calibration.scale) > 1:  # a scale for each label: then it does not cancel
        fused = log_softmax(fused)
    fused *= np.array(calibration.scale)
    fused += np.array(calibration.shift)
    return fused


@dataclass(frozen=True, slots=True)
class LabelLogit:
    """The logit of one label for one text, as a linear function of the scores of both parts.

    `logit = bias + gru @ (logits of the GRU part) + linear @ (margins of the linear part)`, up to rounding.

    Attributes:
        logit: The label's fused logit; where a text has one label, minus the mean over all labels, which leaves the
            softmax unchanged.
        bias: What no part adds: the shifts, and what stays of normalisations.
        gru: Weights of the GRU part's logits, `(C,) float64`; zeros without one.
        linear: Weights of the linear part's margins, `(C,)`, or `(1,)` for two labels; zeros without one.
    """

    logit: float
    bias: float
    gru: NDArray[np.float64]
    linear: NDArray[np.float64]


def linearize(
    scores: tuple[Float | None, Float | None], calibration: Calibration, multilabel: bool, label: int
) -> LabelLogit:
    """Return the logit of a label as a linear function of the scores of one text.

    Args:
        scores: Logits of the GRU part, `(1, C)`, or None; and margins of the linear part, `(1, C)` or `(1, 1)`, or None.
        calibration: As for `fuse`.
        multilabel: As for `fuse`.
        label: The index of the label.
    """
    gru, linear = scores
    logits = fuse_logits(gru, linear, calibration, multilabel)[0]
    direction = label_direction(len(logits), multilabel, label)
    weights = direction * calibration.scale  # (C,), of the fused scores
    parts = scale_scores(gru, linear, calibration, multilabel)
    bias = direction @ np.broadcast_to(calibration.shift, len(logits))
    if not multilabel:
        bias += weights @ _normalization([(share, score[0].astype(np.float64)) for share, score in parts])
    of_linear = np.zeros(0)
    if linear is not None:
        of_margins = parts[-1][0] * weights  # (C,)
        if not multilabel and linear.shape[1] == 1:
            of_margins = np.array([of_margins[1] - of_margins[0]])
        of_linear = of_margins * calibration.linear_scale
        bias += of_margins @ np.broadcast_to(calibration.linear_shift, len(of_margins))
    of_gru = np.zeros(0) if gru is None else parts[0][0] * calibration.gru_scale * weights
    return LabelLogit(float(logits @ direction), float(bias), of_gru, of_linear)


def label_direction(classes: int, multilabel: bool, label: int) -> NDArray[np.float64]:
    """Return the vector, `(C,)`, whose product with the fused logits of a text is the logit of a label in `LabelLogit`."""
    direction = np.zeros(classes) if multilabel else np.full(classes, -1 / classes)
    direction[label] += 1
    return direction


def _normalization(parts: list[tuple[float, NDArray[np.float64]]]) -> NDArray[np.float64]:
    """Return what `fuse_logits` adds to the weighted sum of a text's scores before it scales them, `(C,)`.

    It is a constant but for scores that are cut off.
    """
    raw = np.sum([share * score for share, score in parts], axis=0)
    cut = np.sum([share * np.maximum(score - score.max(), LOG_FLOOR) for share, score in parts], axis=0)
    return np.asarray(log_softmax(cut) - raw)


def sharpen(probabilities: Float, factors: NDArray[np.float64], multilabel: bool) -> Float:
    """Return probabilities `(N, C)` whose logarithms (log-odds if `multilabel`) are multiplied by a factor for each text, `(N,)`."""
    p = np.clip(probabilities.astype(np.float64), _LEAST, 1.0)
    if multilabel:
        odds = (np.log(p) - np.log(np.clip(1.0 - p, _LEAST, 1.0))) * factors[:, None]
        return np.asarray(1.0 / (1.0 + np.exp(np.clip(-odds, LOG_FLOOR, -LOG_FLOOR))), np.float32)
    return np.asarray(np.exp(log_softmax(np.log(p) * factors[:, None])), np.float32)


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
