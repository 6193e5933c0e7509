"""Self-training: the linear part labels texts without labels, and learns from the labels that it is sure of.

Of each label it takes as many texts as its share of the labelled texts allows, so that no label takes over (class-balanced
self-training). All of them together weigh as much as the labelled texts. A second round brings nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from grutext.inference.linear_part import LinearPart
from grutext.text import TextVectors
from grutext.training.linear.fit import LinearFit, LinearTask, Targets, fit_linear

_KEPT = 0.6  # of the texts without labels


@dataclass(frozen=True, slots=True)
class SemiSupervision:
    """What the linear part has from texts without labels.

    Attributes:
        vectors: Text vectors that it reads beside the n-grams; None for none.
        pool: Texts that it labels itself; not where a text may have several labels.
    """

    vectors: TextVectors | None = None
    pool: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """The texts that a linear part is fitted to.

    Attributes:
        texts: The N texts.
        targets: `(N, C)`, 1 where a label applies, or the probability that it does.
        weights: `(N,)`, the factor on the loss of each text.
        label_names: The labels' names by column, each of which becomes one more text of its label; none if empty.
    """

    texts: Sequence[str]
    targets: Targets
    weights: NDArray[np.float32]
    label_names: Sequence[str] = ()

    def select(self, chosen: NDArray[np.bool_]) -> LabelledTexts:
        """Return the texts that are chosen, `(N,)`."""
        texts = list(compress(self.texts, chosen))
        return replace(self, texts=texts, targets=self.targets[chosen], weights=self.weights[chosen])

    def fit(self, task: LinearTask, seconds: float | None = None) -> LinearFit:
        """Fit the linear part to the texts; the arguments are those of `fit_linear`."""
        return fit_linear(
            self.texts,
            self.targets,
            task,
            weights=self.weights,
            label_names=self.label_names,
            seconds=seconds,
        )


def fit_semi_supervised(labelled: LabelledTexts, task: LinearTask, semi: SemiSupervision) -> LinearFit:
    """Fit the linear part to labelled texts, and again to them and to the texts that it can label itself.

    Args:
        labelled: The labelled texts.
        task: The settings; its text vectors are replaced.
        semi: The text vectors, and the texts without labels.
    """
    task = replace(task, vectors=semi.vectors)
    first = labelled.fit(task)
    if not semi.pool or task.multilabel:
        return first
    targets = labelled.targets
    margins = LinearPart(task.config, first.arrays).margins(task.vectorizer.vectorize(semi.pool))
    places, labels = choose_confident(margins, targets.sum(axis=0) / len(targets))
    weight = labelled.weights.sum() / max(1, len(places))
    both = replace(
        labelled,
        texts=[*labelled.texts, *(semi.pool[n] for n in places)],
        targets=np.concatenate([targets, np.eye(targets.shape[1], dtype=np.float32)[labels]]),
        weights=np.concatenate([labelled.weights, np.full(len(places), weight, np.float32)]),
    )
    return replace(both.fit(task), rows=len(labelled.texts))


def choose_confident(
    margins: NDArray[np.float32], shares: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose the texts whose label is the surest, a part of all of them for each label.

    A text is the surer the further its largest margin is above the second largest.

    Args:
        margins: `(M, C)`, or `(M, 1)` for two labels.
        shares: `(C,)`, the share of each label.

    Returns:
        The places of the texts, ascending, and their labels, both `(K,) int64`.
    """
    if margins.shape[1] == 1:
        margins = np.hstack([-margins, margins])
    labels = margins.argmax(axis=1)
    largest = np.sort(margins, axis=1)
    lead = largest[:, -1] - largest[:, -2]
    chosen = []
    for c, share in enumerate(shares):
        own = np.flatnonzero(labels == c)
        surest = own[np.argsort(-lead[own], kind="stable")]
        chosen.append(surest[: round(_KEPT * float(share) * len(margins))])
    places = np.sort(np.concatenate(chosen))
    return places, labels[places]
