"""Turns scores on held-out texts into the numbers of `grutext.model.spec.Calibration`, thresholds left out.

Each part's scores are scaled so that the held-out texts are most likely (temperature scaling, Guo et
al. 2017, arXiv 1706.04599), then the weight of the parts is chosen by the same measure, then the fused
scores are scaled once more; where there are several labels, each label's log-odds by a line of its own
(Platt 1999). All of it is fitted on texts that no weight was trained on, and what few texts cannot tell
is kept near what is likely anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grutext.inference.fusion import fuse
from grutext.model.spec import Calibration

Float = NDArray[np.float32]
Scores = NDArray[np.float32] | None
_FUSION_PRIOR = 10.0  # nats, times (a - 1/2)^2: a normal prior with a deviation of 0.22
_SCALE_PRIOR = 1.0  # nats, times the square of the scale's logarithm
_LINE_PRIOR = (0.1, 0.1)  # nats, times the squares of scale - 1 and shift
_LABEL_PRIOR = (10.0, 3.0)  # nats, likewise on how a label's scale and shift differ from those of all
_FOLDS = 3
_MOST_DECISIONS = 500_000  # more of them add time and no digit


def calibrate(gru: Scores, linear: Scores, targets: Float, multilabel: bool) -> Calibration:
    """Fits scales, shifts and the weight of the parts.

    Args:
        gru: Logits `(N, C)` of held-out texts, or None.
        linear: Margins of the same texts, or None.
        targets: `(N, C)`, 1 where a label applies; a text without any label counts only if `multilabel`.
        multilabel: Whether each label is decided for itself.
    """
    known = np.arange(len(targets)) if multilabel else np.flatnonzero(targets.sum(axis=1) > 0)
    known = known[:: len(known) * targets.shape[1] // _MOST_DECISIONS + 1]
    gru, linear, targets = _rows(gru, known), _rows(linear, known), targets[known]
    fitted = Calibration(fusion=0.5 if gru is not None and linear is not None else float(linear is None))
    if not len(targets):
        return fitted

    def cost(gru: Scores, linear: Scores, trial: Calibration) -> float:
        return loss(fuse(gru, linear, trial, multilabel), targets, multilabel)

    if linear is not None and multilabel:
        scale, shift = fit_line(linear.ravel(), targets.ravel())
        fitted = replace(fitted, linear_scale=(scale,), linear_shift=(shift,))
    elif linear is not None:
        scale = _fit_scale(lambda s: cost(None, linear, replace(fitted, linear_scale=(s,))), len(targets))
        fitted = replace(fitted, linear_scale=(scale,))
    gru_shift = 0.0  # of several labels: the fused line takes it up, but the parts compete on equal terms
    if gru is not None and multilabel:
        scale, gru_shift = fit_line(gru.ravel(), targets.ravel())
        fitted = replace(fitted, gru_scale=scale)
    elif gru is not None:
        scale = _fit_scale(lambda s: cost(gru, None, replace(fitted, gru_scale=s)), len(targets))
        fitted = replace(fitted, gru_scale=scale)
    if gru is not None and linear is not None:
        prior = _FUSION_PRIOR / len(targets)

        def mixed(a: float) -> float:
            trial = replace(fitted, fusion=a, shift=(a * gru_shift,))
            return cost(gru, linear, trial) + prior * (a - 0.5) ** 2

        fitted = replace(fitted, fusion=_minimum(mixed, 0.0, 1.0))
    if multilabel:
        return _fit_labels(fuse(gru, linear, fitted, True), targets, fitted)
    scale = _fit_scale(lambda s: cost(gru, linear, replace(fitted, scale=(s,))), len(targets))
    return replace(fitted, scale=(scale,))


def cross_fit(gru: Scores, linear: Scores, targets: Float, multilabel: bool) -> Float:
    """Gives probabilities `(N, C)` of held-out texts, each calibrated on other texts alone."""
    found = np.zeros(targets.shape, np.float32)
    order = np.argsort(targets.argmax(axis=1), kind="stable")  # each fold has its share of every label
    for part in range(_FOLDS):
        held, rest = order[part::_FOLDS], np.delete(order, np.s_[part::_FOLDS])
        fitted = calibrate(_rows(gru, rest), _rows(linear, rest), targets[rest], multilabel)
        found[held] = fuse(_rows(gru, held), _rows(linear, held), fitted, multilabel)
    return found


def loss(probabilities: NDArray[np.floating], targets: Float, multilabel: bool) -> float:
    """Gives the mean negative log-likelihood of a text, in nats; summed over its labels if `multilabel`."""
    p = np.clip(probabilities.astype(np.float64), 1e-12, 1.0 - 1e-12)
    if multilabel:
        return float(-np.mean((targets * np.log(p) + (1.0 - targets) * np.log1p(-p)).sum(axis=1)))
    return float(-np.mean(np.log(p[targets > 0])))


def rescale(logits: Float, targets: Float, multilabel: bool) -> NDArray[np.float64]:
    """Gives logits at their best scale and, of several labels, shift: what calibration makes of them."""
    if not len(targets):
        return logits.astype(np.float64)
    if multilabel:
        scale, shift = fit_line(logits.ravel(), targets.ravel())
        return logits.astype(np.float64) * scale + shift
    known = max(1, int((targets.sum(axis=1) > 0).sum()))
    scale = _fit_scale(lambda s: logit_loss(logits.astype(np.float64) * s, targets, False), known)
    return logits.astype(np.float64) * scale


def logit_loss(logits: NDArray[np.floating], targets: Float, multilabel: bool) -> float:
    """Gives the `loss` of logits as they are; a text without any label counts only if `multilabel`."""
    known = slice(None) if multilabel else targets.sum(axis=1) > 0
    logits, targets = logits[known], targets[known]
    return loss(fuse(logits, None, Calibration(), multilabel), targets, multilabel) if len(targets) else 0.0


def _fit_scale(cost: Callable[[float], float], texts: int) -> float:
    """Gives the positive scale of the lowest cost; a few texts without a mistake do not make it large."""
    prior = _SCALE_PRIOR / texts
    return float(np.exp(_minimum(lambda log: cost(float(np.exp(log))) + prior * log**2, -4.0, 4.0)))


def _minimum(cost: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import minimize_scalar

    return float(minimize_scalar(cost, bounds=(low, high), method="bounded", options={"xatol": 1e-3}).x)


def _fit_labels(probabilities: Float, targets: Float, fitted: Calibration) -> Calibration:
    """Fits a line for all labels, and from there one for each, near it where a label is rare."""
    p = np.clip(probabilities.astype(np.float64), 1e-7, 1.0 - 1e-7)
    odds = np.log(p) - np.log1p(-p)
    scale, shift = fit_line(odds.ravel(), targets.ravel())
    odds = odds * scale + shift
    lines = [fit_line(x, y, _LABEL_PRIOR) for x, y in zip(odds.T, targets.T, strict=True)]
    scales, shifts = (
        tuple(values) for values in zip(*((s * scale, s * shift + b) for s, b in lines), strict=True)
    )
    return replace(fitted, scale=scales, shift=shifts)


def fit_line(
    odds: NDArray[np.floating], targets: Float, prior: tuple[float, float] = _LINE_PRIOR
) -> tuple[float, float]:
    """Gives scale and shift under which decisions `(n,)` are likeliest; near 1 and 0 where a prior says so."""
    from scipy.optimize import minimize

    x, strength = odds.astype(np.float64), np.array(prior)

    def cost(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z, off = line[0] * x + line[1], line - (1.0, 0.0)
        error = 0.5 * (1.0 + np.tanh(0.5 * z)) - targets  # the sigmoid, without overflow
        nats = (np.logaddexp(0.0, z) - targets * z).sum() + (strength * off**2).sum()
        return nats / len(x), (np.array([error @ x, error.sum()]) + 2.0 * strength * off) / len(x)

    found = minimize(cost, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=[(1e-2, 50.0), (-50.0, 50.0)]).x
    return float(found[0]), float(found[1])


def _rows(scores: Scores, places: NDArray[np.int64]) -> Scores:
    return None if scores is None else scores[places]
