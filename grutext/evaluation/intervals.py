"""How sure metrics are, measured on as many texts as there were."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from grutext.evaluation.decisions import Decisions, FloatArray

REPLICATES, SEED = 1000, 1
_AT_ONCE = 50  # replicates, so that the counts of 25,000 texts need 10 MB
_NORMAL = 1.959964  # the 97.5 % quantile of the normal distribution


class Interval(NamedTuple):
    """A 95 % confidence interval."""

    low: float
    high: float


def bootstrap_intervals(decisions: Decisions, replicates: int = REPLICATES) -> dict[str, Interval]:
    """Return a 95 % interval for each of accuracy, macro-, micro- and weighted F1 and log loss, by the bootstrap.

    N texts are drawn with replacement as often as there are replicates, always the same ones for the same N, and the interval
    reaches from the 2.5 % to the 97.5 % quantile of each metric. The ECE has none: draws repeat texts, which raises it.

    Source: Efron, Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (the percentile interval).
    """
    from scipy.sparse import csr_array

    actual, predicted, count = decisions.actual, decisions.predicted, len(decisions.actual)
    tables = [csr_array(table.astype(np.float64)) for table in (actual & predicted, predicted, actual)]
    rows = np.column_stack([decisions.correct, decisions.text_losses])  # (N, 2)
    draw = np.random.default_rng(SEED)
    found = []
    for start in range(0, replicates, _AT_ONCE):
        drawn = draw.integers(count, size=(min(_AT_ONCE, replicates - start), count))
        times = np.stack([np.bincount(own, minlength=count) for own in drawn]).astype(np.float64)  # (R, N)
        hits, positives, support = ((table.T @ times.T).T for table in tables)  # (R, C)
        found.append(np.column_stack([times @ rows / count, _f1_scores(hits, positives, support)]))
    low, high = np.quantile(np.concatenate(found), (0.025, 0.975), axis=0)
    names = ("accuracy", "log_loss", "macro_f1", "micro_f1", "weighted_f1")
    return {name: Interval(float(a), float(b)) for name, a, b in sorted(zip(names, low, high, strict=True))}


def _f1_scores(hits: FloatArray, positives: FloatArray, support: FloatArray) -> FloatArray:
    """Return macro-, micro- and weighted F1, shape (R, 3).

    Args:
        hits: `(R, C)`, texts that have a label and got it.
        positives: `(R, C)`, texts that got it.
        support: `(R, C)`, texts that have it.
    """
    total = positives + support  # (R, C)
    f1 = 2 * hits / np.maximum(total, 1)
    macro = f1.sum(axis=1) / np.maximum((total > 0).sum(axis=1), 1)
    micro = 2 * hits.sum(axis=1) / np.maximum(total.sum(axis=1), 1)
    weighted = (f1 * support).sum(axis=1) / np.maximum(support.sum(axis=1), 1)
    return np.column_stack([macro, micro, weighted])


def wilson_interval(successes: npt.ArrayLike, trials: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the lower and the upper end of the 95 % interval of a share; 0 and 1 without trials.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.
    """
    hits, number = np.asarray(successes, np.float64), np.asarray(trials, np.float64)
    known = np.maximum(number, 1)
    share, square = hits / known, _NORMAL**2
    middle = (share + square / (2 * known)) / (1 + square / known)
    reach = _NORMAL / (1 + square / known) * np.sqrt(share * (1 - share) / known + square / (4 * known**2))
    low = np.clip(middle - reach, 0.0, share)  # but for rounding, it always lies there
    high = np.clip(middle + reach, share, 1.0)
    return np.where(number > 0, low, 0.0), np.where(number > 0, high, 1.0)
