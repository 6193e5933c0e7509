"""Precision-recall and ROC curves: how well probabilities put the texts of a label before the others."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from grutext.evaluation.decisions import BoolArray, FloatArray

POINTS = 100  # of a curve


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well scores separate the texts that have a label from those that do not.

    Attributes:
        average_precision: `sum over thresholds of (R_n - R_{n-1}) P_n`, as scikit-learn has it; None if no text has the label.
        roc_auc: The area under the ROC curve; None if all texts have the label, or none.
        recall: Of at most 100 points of the precision-recall curve, from the highest threshold down.
        precision: Of the same points.
        false_positive_rate: Of at most 100 points of the ROC curve, from the highest threshold down.
        true_positive_rate: Of the same points.
    """

    average_precision: float | None
    roc_auc: float | None
    recall: tuple[float, ...] = ()
    precision: tuple[float, ...] = ()
    false_positive_rate: tuple[float, ...] = ()
    true_positive_rate: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the ranking as plain values, for JSON."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }


def rank(scores: npt.NDArray[np.floating], hits: BoolArray) -> Ranking:
    """Compare a ranking with the truth; equal scores are one threshold.

    Args:
        scores: `(N,)`, higher for texts that should have the label.
        hits: `(N,)`, whether they have it.
    """
    order = np.argsort(-scores)
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # the last of equal scores
    true = np.cumsum(hits[order])[ends]
    false = ends + 1 - true
    positives, negatives = int(true[-1]), int(false[-1])
    if not positives:
        return Ranking(None, None)
    recall, precision = true / positives, true / (true + false)
    average = float((np.diff(recall, prepend=0.0) * precision).sum())
    shown = _thin(recall)
    curve = tuple(recall[shown].tolist()), tuple(precision[shown].tolist())
    if not negatives:
        return Ranking(average, None, *curve)
    # Both curves of shares begin at 0, where nothing is found yet.
    found, alarms = np.append(0.0, recall), np.append(0.0, false / negatives)
    area = float((np.diff(alarms) * (found[1:] + found[:-1]) / 2).sum())
    shown = _thin(found + alarms)
    return Ranking(average, area, *curve, tuple(alarms[shown].tolist()), tuple(found[shown].tolist()))


def _thin(way: FloatArray) -> npt.NDArray[np.intp]:
    """Return the positions of at most 100 points that are evenly spread along a curve, with its first and last.

    Args:
        way: `(K,)`, how far along the curve each point is; it never decreases.
    """
    if len(way) <= POINTS:
        return np.arange(len(way))
    wanted = np.linspace(way[0], way[-1], POINTS)
    chosen = np.searchsorted(way, wanted).clip(0, len(way) - 1)
    chosen[-1] = len(way) - 1
    return np.unique(chosen)
