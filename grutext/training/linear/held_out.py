"""Measure on held-out texts whether text vectors help the linear part."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from grutext.inference.linear_part import LinearPart
from grutext.training.linear.fit import LinearTask, Targets, fit_linear

_FOLDS = 5
_ENOUGH = 1_000  # held-out texts


@dataclass(frozen=True, slots=True)
class VectorGain:
    """How well the linear part labels held-out texts.

    Attributes:
        without: The score with n-grams alone, in 0..1: accuracy, or micro-F1 where a text may have several labels.
        together: The score with text vectors beside them.
        texts: The number of held-out texts.
    """

    without: float
    together: float
    texts: int


def measure_gain(
    texts: Sequence[str],
    targets: Targets,
    task: LinearTask,
    *,
    weights: NDArray[np.float32] | None = None,
    label_names: Sequence[str] = (),
    seconds: float = math.inf,
) -> VectorGain | None:
    """Fit the linear part with and without text vectors to all folds but one, and score that one.

    Of many texts only some folds are held out.

    Args:
        texts: The N training texts.
        targets: `(N, C)`, 1 where a label applies, or the probability that it does.
        task: The settings, with text vectors.
        weights: As in `fit_linear`, as the next.
        label_names: The labels' names by column.
        seconds: Time that this may take.

    Returns:
        The scores; None if the time is too short, or no label has two texts.
    """
    began = time.monotonic()
    counted = np.ones(len(texts), np.float32) if weights is None else weights
    truth = _choose(targets - 0.5, task.multilabel)
    fold_of = _deal(targets, task.seed)
    used = min(_FOLDS, math.ceil(_ENOUGH * _FOLDS / max(1, len(texts))))
    scored: list[tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]] = []
    for fold in range(used):
        is_held_out = fold_of == fold
        if not is_held_out.any():
            continue
        tokens = task.vectorizer.vectorize(list(compress(texts, is_held_out)))
        rest = list(compress(texts, ~is_held_out))
        chosen = []
        for one in (replace(task, vectors=None), task):
            fit = fit_linear(
                rest, targets[~is_held_out], one, weights=counted[~is_held_out], label_names=label_names
            )
            chosen.append(_choose(LinearPart(task.config, fit.arrays).margins(tokens), task.multilabel))
        scored.append((truth[is_held_out], chosen[0], chosen[1]))
        if (time.monotonic() - began) / (fold + 1) * used > seconds:
            return None
    if not scored:
        return None
    expected, without, together = (np.concatenate(parts) for parts in zip(*scored, strict=True))
    return VectorGain(_micro_f1(expected, without), _micro_f1(expected, together), len(expected))


def _deal(targets: Targets, seed: int) -> NDArray[np.int64]:
    """Return the fold of each text, `(N,)`; the texts of each label are spread evenly, and the only one of a label is in none (-1)."""
    order = np.random.default_rng([seed, 3]).permutation(len(targets))
    order = order[np.argsort(targets[order].argmax(axis=1), kind="stable")]
    folds = np.empty(len(targets), np.int64)
    folds[order] = np.arange(len(targets)) % _FOLDS
    folds[targets[:, targets.sum(axis=0) == 1].any(axis=1)] = -1
    return folds


def _choose(margins: NDArray[np.float32], multilabel: bool) -> NDArray[np.bool_]:
    """Return which labels apply, `(N, C)`."""
    if multilabel:
        return margins > 0
    if margins.shape[1] == 1:
        margins = np.hstack([-margins, margins])
    return np.arange(margins.shape[1]) == margins.argmax(axis=1)[:, None]


def _micro_f1(truth: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> float:
    """Return the micro-averaged F1, which is the accuracy where each text has one label."""
    return float(2 * (truth & chosen).sum() / max(1, truth.sum() + chosen.sum()))
