"""Measure on held-out texts what texts without labels bring to the linear part."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grutext.inference.linear_part import LinearPart
from grutext.text import text_key
from grutext.training.linear.fit import LinearTask
from grutext.training.linear.self_training import LabelledTexts, SemiSupervision, fit_semi_supervised

_FOLDS = 5
_ENOUGH = 1_000  # held-out texts


@dataclass(frozen=True, slots=True)
class HeldOutScores:
    """How well the linear part labels held-out texts.

    Attributes:
        scores: The score of each candidate, in 0..1: accuracy, or micro-F1 where a text may have several labels.
        texts: The number of held-out texts.
    """

    scores: tuple[float, ...]
    texts: int

    @property
    def best(self) -> int:
        """The candidate with the highest score; of equal ones, the first."""
        return int(np.argmax(self.scores))


def score_candidates(
    labelled: LabelledTexts,
    task: LinearTask,
    candidates: Sequence[SemiSupervision],
    seconds: float = math.inf,
) -> HeldOutScores | None:
    """Fit the linear part with each candidate to all folds but one, and score that one.

    Of many texts only some folds are held out.

    Args:
        labelled: The N training texts.
        task: The settings.
        candidates: What the linear part has from texts without labels.
        seconds: Time that this may take.

    Returns:
        The scores; None if the time is too short, or no label has two texts.
    """
    began = time.monotonic()
    truth = _choose(labelled.targets - 0.5, task.multilabel)
    fold_of = _deal(labelled, task.seed)
    used = min(_FOLDS, math.ceil(_ENOUGH * _FOLDS / max(1, len(fold_of))))
    expected: list[NDArray[np.bool_]] = []
    chosen: list[list[NDArray[np.bool_]]] = [[] for _ in candidates]
    for fold in range(used):
        is_held_out = fold_of == fold
        if not is_held_out.any():
            continue
        held_out, rest = labelled.select(is_held_out), labelled.select(~is_held_out)
        tokens = task.vectorizer.vectorize(held_out.texts)
        expected.append(truth[is_held_out])
        for candidate, found in zip(candidates, chosen, strict=True):
            fit = fit_semi_supervised(rest, task, candidate)
            found.append(_choose(LinearPart(task.config, fit.arrays).margins(tokens), task.multilabel))
        if (time.monotonic() - began) / (fold + 1) * used > seconds:
            return None
    if not expected:
        return None
    right = np.concatenate(expected)
    return HeldOutScores(tuple(_micro_f1(right, np.concatenate(found)) for found in chosen), len(right))


def _deal(labelled: LabelledTexts, seed: int) -> NDArray[np.int64]:
    """Return the fold of each text, `(N,)`; the texts of each label are spread evenly, and the only one of a label is in none (-1).

    Copies of a text are in the same fold, and have the labels of all of them.
    """
    keys = np.array([text_key(text) for text in labelled.texts], np.uint64)
    _, first, copy_of = np.unique(keys, return_index=True, return_inverse=True)
    _, group = np.unique(first[copy_of], return_inverse=True)  # in the order of the first copies
    targets = np.zeros((len(first), labelled.targets.shape[1]), np.float32)
    np.maximum.at(targets, group, labelled.targets)
    order = np.random.default_rng([seed, 3]).permutation(len(targets))
    order = order[np.argsort(targets[order].argmax(axis=1), kind="stable")]
    folds = np.empty(len(targets), np.int64)
    folds[order] = np.arange(len(targets)) % _FOLDS
    folds[targets[:, (targets > 0).sum(axis=0) == 1].any(axis=1)] = -1
    return folds[group]


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
