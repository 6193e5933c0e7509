"""Fit the calibration on held-out texts: scales, shifts and the weight of the two parts.

Each part's scores are scaled to maximize the likelihood of the held-out labels (temperature scaling, Guo et al. 2017,
arXiv 1706.04599); then the weight of the parts is chosen by the likelihood as well; then the fused scores are scaled
once more. Where a text may have several labels, the log-odds of each label get a scale and a shift (Platt 1999). All of
it is fitted on texts that no weight was trained on, and priors keep it near plausible values where texts are few.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
_MOST_DECISIONS = 500_000  # texts times labels; more take longer without a better result


def calibrate(gru: Scores, linear: Scores, targets: Float, multilabel: bool) -> Calibration:
    """Fit scales, shifts and the weight of the parts; thresholds and familiarity are left at their defaults.

    Args:
        gru: Logits of the GRU part, `(N, C)`; None without a GRU part.
        linear: Margins of the linear part for the same texts; None without a linear part.
        targets: `(N, C)`, 1 where a label applies; a text without any label counts only if `multilabel`.
        multilabel: Whether each label is decided on its own.
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
    # For several labels it is used while the weight is chosen, and is then part of the labels' own shifts.
    gru_shift = 0.0
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


def cross_fit(
    gru: Scores,
    linear: Scores,
    targets: Float,
    multilabel: bool,
    copies: Sequence[Sequence[int]] | None = None,
) -> Float:
    """Return the probabilities of held-out texts, `(N, C)`, each calibrated on the other texts (cross-fitting).

    Args:
        gru: As in `calibrate`.
        linear: As in `calibrate`.
        targets: As in `calibrate`.
        multilabel: As in `calibrate`.
        copies: The positions of the copies of each text, which are all in one fold; None: no text has copies.
    """
    found = np.zeros(targets.shape, np.float32)
    groups = copies or [[position] for position in range(len(targets))]
    labels = targets.argmax(axis=1)
    order = np.argsort(labels[[group[0] for group in groups]], kind="stable")  # each fold has all labels
    for part in range(_FOLDS):
        held, rest = (
            np.array([position for place in places for position in groups[place]], np.int64)
            for places in (order[part::_FOLDS], np.delete(order, np.s_[part::_FOLDS]))
        )
        fitted = calibrate(_rows(gru, rest), _rows(linear, rest), targets[rest], multilabel)
        found[held] = fuse(_rows(gru, held), _rows(linear, held), fitted, multilabel)
    return found


def loss(probabilities: NDArray[np.floating], targets: Float, multilabel: bool) -> float:
    """Return the mean negative log-likelihood of a text, in nats; summed over its labels if `multilabel`."""
    p = np.clip(probabilities.astype(np.float64), 1e-12, 1.0 - 1e-12)
    if multilabel:
        return float(-np.mean((targets * np.log(p) + (1.0 - targets) * np.log1p(-p)).sum(axis=1)))
    return float(-np.mean(np.log(p[targets > 0])))


def rescale(logits: Float, targets: Float, multilabel: bool) -> NDArray[np.float64]:
    """Return calibrated logits, `(N, C) float64`: at the best scale and, for several labels, shift."""
    if not len(targets):
        return logits.astype(np.float64)
    if multilabel:
        scale, shift = fit_line(logits.ravel(), targets.ravel())
        return logits.astype(np.float64) * scale + shift
    known = max(1, int((targets.sum(axis=1) > 0).sum()))
    scale = _fit_scale(lambda s: logit_loss(logits.astype(np.float64) * s, targets, False), known)
    return logits.astype(np.float64) * scale


def logit_loss(logits: NDArray[np.floating], targets: Float, multilabel: bool) -> float:
    """Return the `loss` of logits without calibration; a text without a label counts only if `multilabel`."""
    known = slice(None) if multilabel else targets.sum(axis=1) > 0
    logits, targets = logits[known], targets[known]
    return loss(fuse(logits, None, Calibration(), multilabel), targets, multilabel) if len(targets) else 0.0


def _fit_scale(cost: Callable[[float], float], texts: int) -> float:
    """Return the positive scale of the lowest cost; a prior keeps it small where few texts have no error."""
    prior = _SCALE_PRIOR / texts
    return float(np.exp(_minimum(lambda log: cost(float(np.exp(log))) + prior * log**2, -4.0, 4.0)))


def _minimum(cost: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import minimize_scalar

    return float(minimize_scalar(cost, bounds=(low, high), method="bounded", options={"xatol": 1e-3}).x)


def _fit_labels(probabilities: Float, targets: Float, fitted: Calibration) -> Calibration:
    """Fit scale and shift for all labels, then for each label, kept near those of all where a label is rare."""
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
    """Return the scale and shift of log-odds `(n,)` of the highest likelihood, with a prior around 1 and 0."""
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
