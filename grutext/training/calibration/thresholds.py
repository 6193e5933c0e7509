"""Choose decision thresholds on calibrated probabilities of held-out texts; `grutext.inference.decisions` uses them.

Several labels: one threshold for all labels maximizes micro-F1, a threshold for each label macro-F1. A label's own
threshold is where its F1 is highest: by the held-out labels if it has many texts there, by its probabilities alone (the
expected F1) if it has few, and by a mixture in between.

One label: macro-F1 rises if rare labels are chosen more readily, so the probabilities are divided by a power of the labels'
frequencies. The power is 0, which chooses the likeliest label, unless the gain exceeds chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grutext.evaluation.resampling import macro_f1
from grutext.inference.decisions import decide

Float = NDArray[np.float32]
_LOWEST, _HIGHEST = 0.01, 0.95
_COMMON = np.linspace(0.05, 0.95, 19)
_MIXTURES = np.linspace(0.0, 1.0, 5)  # from one threshold for all labels to one for each
_MACRO_SHARE = 0.3  # weight of macro-F1 where micro-F1 is optimized
_FEW = 30.0  # texts of a label at which its labels and its probabilities have the same weight
_POWERS = np.linspace(0.0, 1.0, 11)
_DRAWS, _DEVIATIONS = 100, 1.5  # bootstrap draws, and standard deviations by which a gain must exceed 0


def choose_thresholds(
    probabilities: Float, targets: Float, multilabel: bool, optimize: str
) -> tuple[float, ...]:
    """Return the thresholds that are best on held-out texts; empty where the likeliest label is chosen.

    Args:
        probabilities: `(N, C)`, calibrated.
        targets: `(N, C)`, 1 where a label applies.
        multilabel: Whether each label is decided on its own.
        optimize: `accuracy` (for several labels micro-F1, as long as macro-F1 does not suffer much)
            or `macro-f1`.
    """
    if multilabel:
        if not targets.any():
            return (0.5,) * targets.shape[1]
        return tuple(_several(probabilities, targets, optimize).tolist())
    known = targets.sum(axis=1) > 0
    if optimize != "macro-f1" or not known.any():
        return ()
    return tuple(_single(probabilities[known], targets[known]).tolist())


def micro_f1(chosen: NDArray[np.bool_], targets: Float) -> float:
    """Return 2 TP / (2 TP + FP + FN) over all texts and labels; 0 where nothing is chosen or true."""
    hits = float((chosen * targets).sum())
    total = float(chosen.sum() + targets.sum())
    return 2.0 * hits / total if total else 0.0


def _several(p: Float, targets: Float, optimize: str) -> Float:
    """Return the threshold of each label, `(C,)`."""
    counts = targets.sum(axis=0)
    by_labels, by_probabilities = _best_cuts(p, targets), _best_cuts(p, p)
    if optimize == "macro-f1":
        share = counts / (counts + _FEW)
        return np.exp(share * np.log(by_labels) + (1.0 - share) * np.log(by_probabilities))

    def objective(thresholds: Float) -> float:
        hits = ((p >= thresholds) * targets).sum(axis=0)
        total = (p >= thresholds).sum(axis=0) + counts
        f1 = 2.0 * hits / np.maximum(total, 1.0)
        return float(2.0 * hits.sum() / total.sum() + _MACRO_SHARE * f1[total > 0].mean())

    candidates = (t ** (1.0 - share) * by_probabilities**share for t in _COMMON for share in _MIXTURES)
    return max(candidates, key=objective)


def _best_cuts(p: Float, credit: Float) -> Float:
    """Return the threshold of the highest F1 of each label, `(C,)`; `credit` `(N, C)` is how far a label is right."""
    order = np.argsort(-p, axis=0, kind="stable")
    sorted_p = np.take_along_axis(p, order, axis=0).astype(np.float64)
    gained = np.take_along_axis(credit, order, axis=0).astype(np.float64).cumsum(axis=0)
    taken = np.arange(1, len(p) + 1)[:, None]
    best = (gained / (taken + gained[-1])).argmax(axis=0)
    below = np.append(sorted_p, np.zeros((1, p.shape[1])), axis=0)
    columns = np.arange(p.shape[1])
    return np.clip(0.5 * (sorted_p[best, columns] + below[best + 1, columns]), _LOWEST, _HIGHEST)


def _single(p: Float, targets: Float) -> Float:
    """Return the divisor of each label's probability, `(C,)`; empty where the likeliest label is chosen."""
    frequency = np.maximum(p.mean(axis=0), 1e-6)
    draws = np.random.default_rng(0).multinomial(len(p), np.full(len(p), 1.0 / len(p)), _DRAWS)
    scores = []
    for power in _POWERS:
        chosen = decide(p, frequency**power, False)
        scores.append(macro_f1(draws @ (chosen * targets), draws @ chosen + draws @ targets))
    gains = [score - scores[0] for score in scores]
    best = int(np.argmax([gain.mean() - _DEVIATIONS * gain.std() for gain in gains]))
    return frequency ** _POWERS[best] if best else frequency[:0]
