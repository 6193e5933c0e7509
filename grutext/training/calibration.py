"""Turns scores on held-out texts into the numbers of `grutext.model.spec.Calibration`.

Each part's scores are scaled so that the held-out texts are most likely (temperature scaling, Guo et
al. 2017, arXiv 1706.04599), then the weight of the parts is chosen by the same measure, then the fused
scores are scaled once more. All of it is fitted on texts that no weight was trained on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grutext.model.spec import Calibration
from grutext.runtime.probabilities import fuse

Float = NDArray[np.float32]
_FUSIONS = np.linspace(0.0, 1.0, 21)
_THRESHOLDS = np.linspace(0.05, 0.95, 91)


def calibrate(deep: Float | None, wide: Float | None, targets: Float, multilabel: bool) -> Calibration:
    """Fits scales, the parts' weight and, for several labels, the threshold.

    Args:
        deep: Logits `(N, C)` of held-out texts, or None.
        wide: Margins of the same texts, or None.
        targets: `(N, C)`, 1 where a label applies; a text without any label counts only if `multilabel`.
        multilabel: Whether each label is decided for itself.
    """
    if not multilabel:
        known = targets.sum(axis=1) > 0
        targets = targets[known]
        deep = deep[known] if deep is not None else None
        wide = wide[known] if wide is not None else None
    best = Calibration(fusion=0.5 if deep is not None and wide is not None else float(wide is None))
    if not len(targets):
        return replace(best, thresholds=(0.5,) * targets.shape[1] if multilabel else ())
    if wide is not None:
        scale, shift = _fit_scale(wide, targets, multilabel)
        best = replace(best, wide_scale=(scale,), wide_shift=(shift,))
    if deep is not None:
        best = replace(best, deep_scale=_fit_scale(deep, targets, multilabel, shifted=False)[0])
    if deep is not None and wide is not None:
        choices = [replace(best, fusion=float(a)) for a in _FUSIONS]
        best = min(choices, key=lambda c: loss(fuse(deep, wide, c, multilabel), targets, multilabel))
        best = _sharpen(deep, wide, best, targets, multilabel)
    if multilabel:
        threshold = _best_threshold(fuse(deep, wide, best, True), targets)
        best = replace(best, thresholds=(threshold,) * targets.shape[1])
    return best


def loss(probabilities: NDArray[np.floating], targets: Float, multilabel: bool) -> float:
    """Gives the mean negative log-likelihood of a text, in nats; summed over its labels if `multilabel`."""
    p = np.clip(probabilities.astype(np.float64), 1e-12, 1.0 - 1e-12)
    if multilabel:
        return float(-np.mean((targets * np.log(p) + (1.0 - targets) * np.log1p(-p)).sum(axis=1)))
    return float(-np.mean(np.log(p[targets > 0])))


def scaled_loss(logits: Float, targets: Float, multilabel: bool) -> float:
    """Gives the loss of logits at their best scale: what they will be worth once calibrated."""
    known = slice(None) if multilabel else targets.sum(axis=1) > 0
    logits, targets = logits[known], targets[known]
    if not len(targets):
        return 0.0
    scale, _ = _fit_scale(logits, targets, multilabel, shifted=False)
    return loss(fuse(logits, None, Calibration(deep_scale=scale), multilabel), targets, multilabel)


def micro_f1(chosen: NDArray[np.bool_], targets: Float) -> float:
    """Gives 2 TP / (2 TP + FP + FN) over all texts and labels; 0 where nothing is chosen or true."""
    hits = float((chosen * targets).sum())
    total = float(chosen.sum() + targets.sum())
    return 2.0 * hits / total if total else 0.0


def _fit_scale(scores: Float, targets: Float, multilabel: bool, shifted: bool = True) -> tuple[float, float]:
    """Gives the positive scale and, for several labels, the shift under which the targets are likeliest."""
    from scipy.optimize import minimize

    def cost(parameters: NDArray[np.float64]) -> float:
        shift = float(parameters[1]) if multilabel and shifted else 0.0
        trial = Calibration(wide_scale=(float(np.exp(parameters[0])),), wide_shift=(shift,))
        # The 1e-3 keeps the scale finite where a part makes no mistake at all.
        return loss(fuse(None, scores, trial, multilabel), targets, multilabel) + 1e-3 * float(
            parameters[0] ** 2
        )

    start = np.zeros(2 if multilabel and shifted else 1)
    found = minimize(
        cost, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-7, "maxiter": 200}
    ).x
    return float(np.exp(found[0])), float(found[1]) if len(found) > 1 else 0.0


def _sharpen(deep: Float, wide: Float, fitted: Calibration, targets: Float, multilabel: bool) -> Calibration:
    """Scales both parts by one factor, which is a temperature on the fused scores."""

    def scaled(factor: float) -> Calibration:
        return replace(
            fitted,
            deep_scale=fitted.deep_scale * factor,
            wide_scale=tuple(s * factor for s in fitted.wide_scale),
            wide_shift=tuple(s * factor for s in fitted.wide_shift),
        )

    choices = [scaled(factor) for factor in np.exp(np.linspace(-0.7, 0.7, 29)).tolist()]
    return min(choices, key=lambda c: loss(fuse(deep, wide, c, multilabel), targets, multilabel))


def _best_threshold(probabilities: Float, targets: Float) -> float:
    """Gives the probability from which labels are taken so that micro-F1 is highest."""
    return float(max(_THRESHOLDS, key=lambda t: micro_f1(probabilities >= t, targets)))
