"""Choose whether a model ignores case.

It does, unless case tells labels apart: most of the time case only says where a sentence begins, and a word that has two
spellings is learned from fewer texts. The choice is made from a sample of the training texts, in two steps. First, numbers
that describe the case of a text are compared between the labels; in most data they hardly differ, and nothing else is
computed. Otherwise linear models with folded and with kept case are compared by two-fold cross-validation on the sample: `keep`
is chosen if it labels clearly more texts right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.data import Example, label_set
from grutext.inference.linear_part import LinearPart
from grutext.progress import Listener
from grutext.text import Vectorizer, Vocabulary
from grutext.training.copies import distinct
from grutext.training.gru.batches import one_hot
from grutext.training.linear.fit import LinearTask, fit_linear

CASE_TEXTS, CASE_CHARACTERS = 2_000, 400_000  # of the sample
# The share of a number's variance that is between the labels; in most data it is lower, and case is folded.
_LEAST_EXPLAINED = 0.05
# The gain in texts that are labelled right: as a share of all texts, and in standard deviations.
_LEAST_GAIN, _LEAST_SIGMAS = 0.02, 3.0


def choose_case(examples: Sequence[Example], config: Config, multilabel: bool, listener: Listener) -> Config:
    """Return the settings with `text.case` chosen, and note a choice of `keep`.

    Args:
        examples: A sample of the training texts.
        config: The settings, of which all but this one are chosen.
        multilabel: Whether a text may have several labels.
        listener: Receives a note if case is kept.
    """
    folded = replace(config, text=replace(config.text, case="fold"))
    labels = label_set(examples)
    targets = one_hot([example.labels for example in examples], labels)
    if len(labels) < 2 or explained_by_labels(describe_case(examples), targets) < _LEAST_EXPLAINED:
        return folded
    kept = replace(config, text=replace(config.text, case="keep"))
    half = _halve(examples, targets)
    right = [_label_halves(examples, targets, half, trial, multilabel) for trial in (folded, kept)]
    gained = int((right[1] & ~right[0]).sum())
    lost = int((right[0] & ~right[1]).sum())
    sigmas = (gained - lost) / math.sqrt(max(1, gained + lost))  # McNemar's test
    if sigmas < _LEAST_SIGMAS or gained - lost < _LEAST_GAIN * len(examples):
        return folded
    shares = [100 * float(found.mean()) for found in right]
    listener.note(
        f"upper and lower case are kept apart, since they tell labels apart: of {len(examples):,} training texts a model "
        f"labels {shares[1]:.0f} % right with them, {shares[0]:.0f} % without (--set text.case=fold ignores case)"
    )
    return kept


def describe_case(examples: Sequence[Example]) -> NDArray[np.float64]:
    """Return four numbers about the case of each text, `(N, 4)`.

    They are the share of capitals among its cased letters; the shares of its words that begin with a capital, and that have
    no small letter but two capitals or more; and whether its first letter is a capital.
    """
    found = np.zeros((len(examples), 4))
    for row, example in zip(found, examples, strict=True):
        cased = [c for c in example.text if c.isupper() or c.islower()]
        words = example.text.split()
        if cased:
            row[0] = sum(c.isupper() for c in cased) / len(cased)
            row[1] = sum(word[0].isupper() for word in words) / len(words)
            row[2] = sum(word.isupper() and len(word) > 1 for word in words) / len(words)
            row[3] = cased[0].isupper()
    return found


def explained_by_labels(values: NDArray[np.float64], targets: NDArray[np.float32]) -> float:
    """Return the largest share of the variance of a number that one label explains, in 0..1.

    Args:
        values: `(N, K)`, numbers that describe the texts.
        targets: `(N, C)`, 1 where a label applies.
    """
    centred = values - values.mean(axis=0)
    total = np.square(centred).sum(axis=0)  # (K,)
    inside = targets.sum(axis=0)[:, None]  # (C, 1)
    outside = len(targets) - inside
    sums = targets.T.astype(np.float64) @ centred  # (C, K)
    between = np.square(sums) * (1 / np.maximum(inside, 1) + 1 / np.maximum(outside, 1))
    return float((between / np.maximum(total, 1e-12)).max(initial=0.0))


def _halve(examples: Sequence[Example], targets: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which texts are in the second half, `(N,)`; it has its share of every label.

    Texts that differ in case only are in the same half.
    """
    half = np.zeros(len(examples), np.bool_)
    labels = targets.argmax(axis=1)
    for number, group in enumerate(sorted(distinct(examples), key=lambda group: labels[group[0]])):
        half[group] = number % 2 == 1
    return half


def _label_halves(
    examples: Sequence[Example],
    targets: NDArray[np.float32],
    half: NDArray[np.bool_],
    config: Config,
    multilabel: bool,
) -> NDArray[np.bool_]:
    """Return which texts a linear model labels right that was fitted to the other half, `(N,)`."""
    linear = replace(config.linear, enabled=True)
    vectorizer = Vectorizer(config.text, Vocabulary([]))
    task = LinearTask(
        vectorizer, linear, multilabel, config.training.seed, np.ones(targets.shape[1], np.float32)
    )
    right = np.zeros(len(examples), np.bool_)
    for part in (half, ~half):
        train, held = np.flatnonzero(~part).tolist(), np.flatnonzero(part).tolist()
        if not held or not targets[train].any(axis=0).sum() > (0 if multilabel else 1):
            continue  # nothing can be fitted
        arrays = fit_linear([examples[n].text for n in train], targets[train], task).arrays
        tokens = vectorizer.vectorize([examples[n].text for n in held])
        margins = LinearPart(linear, arrays).score(tokens)[0]
        if multilabel:
            right[held] = ((margins > 0) == (targets[held] > 0)).all(axis=1)
        else:
            best = (margins[:, 0] > 0).astype(int) if margins.shape[1] == 1 else margins.argmax(axis=1)
            right[held] = targets[held, best] > 0
    return right
