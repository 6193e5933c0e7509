"""Likely label errors by confident learning, from probabilities of models that have not seen the text.

Source: Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021, arXiv
1911.00068. A class's threshold is the mean probability that its own texts have for it; a text belongs confidently to a
class whose threshold it reaches, and to the likeliest of several such classes. cleanlab 2.9 counts a text that reaches
several thresholds for the likeliest of all classes, even one whose threshold it does not reach; here, as in the paper, only
classes whose threshold is reached are compared.

The counts of each given class (row) and confident class (column), scaled to the number of the class's texts, estimate how many
texts of it belong to which class. A text is listed if three things hold: another class is likelier than the given one; its given
class is less likely than that of all texts which, by the estimate, are right (prune by class); and the distance of the two
probabilities is among the largest, as many as the estimate counts for the pair of classes (prune by noise rate).

Texts are ranked by the probability of the given class. Where that is next to nothing, texts of classes that the models know well
come first, by a small part of the threshold: of a rare class, right texts have such probabilities as well.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

_THRESHOLD_SHARE = 0.02  # of a class's threshold that is taken off a text's probability for the ranking
_ROUNDING = 1e-6  # a probability that equals its threshold but for rounding reaches it


class LabelErrors(NamedTuple):
    """Texts whose label is likely wrong, the worst first.

    Attributes:
        indices: `(K,) int64`, the positions of the texts.
        suggested: `(K,) int64`, the class of each that is likely right.
    """

    indices: NDArray[np.int64]
    suggested: NDArray[np.int64]


class MultilabelErrors(NamedTuple):
    """Texts of several labels of which some are likely wrong or missing, the least likely first.

    Attributes:
        indices: `(K,) int64`, the positions of the texts.
        suggested: `(K, C) bool`, the labels of each that are likely right.
    """

    indices: NDArray[np.int64]
    suggested: NDArray[np.bool_]


def find_label_errors(given: npt.ArrayLike, probabilities: npt.ArrayLike) -> LabelErrors:
    """Return the texts whose label is likely wrong; see the top of this module for the rule.

    Examples:
        >>> p = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.95, 0.05]]
        >>> find_label_errors([0, 0, 1, 1, 1], p)
        LabelErrors(indices=array([4]), suggested=array([0]))

    Args:
        given: `(N,)`, the class of each text as it is labelled, from 0.
        probabilities: `(N, C)`, the out-of-fold probabilities; rows of NaN belong to texts that were not scored, and are
            never listed.
    """
    classes, values = _check(given, probabilities)
    scored = np.flatnonzero(~np.isnan(values).any(axis=1))
    classes, values = classes[scored], values[scored]
    estimated = estimate_joint(classes, values)
    thresholds = confident_thresholds(classes, values)
    own = values[np.arange(len(classes)), classes]
    likeliest = values.argmax(axis=1)
    listed = [np.zeros(0, np.int64)]
    for c in np.unique(classes):
        members = np.flatnonzero(classes == c)
        wrong = len(members) - max(1, estimated[c, c])
        unlikely = members[np.argsort(own[members], kind="stable")[:wrong]]
        distances = values[members] - own[members, None]  # (M, C)
        order = np.argsort(-distances, axis=0, kind="stable")
        of_pair = [order[: estimated[c, j], j] for j in range(values.shape[1]) if j != c]
        distant = members[np.unique(np.concatenate([np.zeros(0, np.int64), *of_pair]))]
        listed.append(np.intersect1d(unlikely, distant))
    indices = np.concatenate(listed)
    indices = np.sort(indices[values[indices, likeliest[indices]] > own[indices]])
    ranks = own[indices] - _THRESHOLD_SHARE * thresholds[classes[indices]]
    indices = indices[np.argsort(ranks, kind="stable")]
    return LabelErrors(scored[indices], likeliest[indices])


def find_multilabel_errors(given: npt.ArrayLike, probabilities: npt.ArrayLike) -> MultilabelErrors:
    """Return the texts of which a label is likely wrong or missing, each label taken for a question of its own.

    A text ranks by the least likely of its labels' presences and absences.

    Args:
        given: `(N, C) bool`, the labels of each text.
        probabilities: `(N, C)`, the out-of-fold probabilities; rows of NaN are never listed.
    """
    labels, values = np.asarray(given, np.bool_), np.asarray(probabilities, np.float64)
    if labels.ndim != 2 or labels.shape != values.shape:
        raise ValueError(
            f"given has the shape {labels.shape} and probabilities {values.shape}; both must be (N, C)"
        )
    suggested = labels.copy()
    for c in range(labels.shape[1]):
        pair = np.stack([1.0 - values[:, c], values[:, c]], axis=1)  # (N, 2)
        suggested[find_label_errors(labels[:, c].astype(np.int64), pair).indices, c] ^= True
    least = np.where(labels, values, 1.0 - values).min(axis=1, initial=1.0)  # (N,)
    indices = np.flatnonzero((suggested != labels).any(axis=1))
    indices = indices[np.argsort(least[indices], kind="stable")]
    return MultilabelErrors(indices, suggested[indices])


def find_errors(
    given: NDArray[np.bool_], probabilities: NDArray[np.floating], multilabel: bool
) -> MultilabelErrors:
    """Return the texts whose labels are likely wrong, the worst first, be it one label for each text or several.

    Args:
        given: `(N, C) bool`, the labels of each text; exactly one unless `multilabel`.
        probabilities: `(N, C)`, the out-of-fold probabilities; rows of NaN are never listed.
        multilabel: Whether a text may have several labels.
    """
    if multilabel:
        return find_multilabel_errors(given, probabilities)
    indices, suggested = find_label_errors(given.argmax(axis=1), probabilities)
    return MultilabelErrors(indices, suggested[:, None] == np.arange(given.shape[1]))


def confident_joint(given: npt.ArrayLike, probabilities: npt.ArrayLike) -> NDArray[np.int64]:
    """Count the texts of each given class (row) that confidently belong to each class (column), shape (C, C).

    Args:
        given: `(N,)`, as for `find_label_errors`.
        probabilities: `(N, C)`, as there.
    """
    classes, values = _check(given, probabilities)
    confident = confident_classes(classes, values)
    size = values.shape[1]
    cells = classes[confident >= 0] * size + confident[confident >= 0]
    return np.bincount(cells, minlength=size * size).reshape(size, size)


def estimate_joint(given: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Estimate how many texts of each given class (row) belong to each class (column), shape (C, C).

    Rows sum to the number of the class's texts. Each class counts at least one text that is right.

    Args:
        given: `(N,)`, the class of each text.
        probabilities: `(N, C)`, without NaN.
    """
    joint = confident_joint(given, probabilities).astype(np.float64)
    np.fill_diagonal(joint, joint.diagonal().clip(min=1.0))
    totals = np.bincount(given, minlength=len(joint))
    exact = joint / joint.sum(axis=1, keepdims=True) * totals[:, None]
    rounded: NDArray[np.int64] = np.floor(exact + _ROUNDING).astype(np.int64)
    for row, missing in enumerate(totals - rounded.sum(axis=1)):  # to the largest remainders
        rounded[row, np.argsort(rounded[row] - exact[row], kind="stable")[:missing]] += 1
    return rounded


def confident_thresholds(given: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean probability of each class for its own texts, shape (C,); infinity for a class without texts."""
    size = probabilities.shape[1]
    scored = ~np.isnan(probabilities).any(axis=1)
    own = probabilities[np.arange(len(given)), given][scored]
    counts = np.bincount(given[scored], minlength=size)
    sums = np.bincount(given[scored], own, minlength=size)
    return np.asarray(np.divide(sums, counts, out=np.full(size, np.inf), where=counts > 0))


def confident_classes(given: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the class that each text confidently belongs to, shape (N,); -1 where it reaches no threshold.

    No text belongs to a class that no text is labelled with.
    """
    thresholds = confident_thresholds(given, probabilities)
    reached = np.where(probabilities >= thresholds - _ROUNDING, probabilities, -1.0)  # (N, C)
    return np.where((reached >= 0).any(axis=1), reached.argmax(axis=1), -1)


def _check(
    given: npt.ArrayLike, probabilities: npt.ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return both as arrays; raise a ValueError if their shapes do not belong together or a class is out of range."""
    classes, values = np.asarray(given, np.int64), np.asarray(probabilities, np.float64)
    if values.ndim != 2 or classes.shape != values.shape[:1]:
        raise ValueError(
            f"given has the shape {classes.shape}, probabilities {values.shape}; they must be (N,) and (N, C)"
        )
    if len(classes) and not 0 <= classes.min() <= classes.max() < values.shape[1]:
        raise ValueError(
            f"given has classes from {classes.min()} to {classes.max()}, but there are {values.shape[1]}"
        )
    return classes, values
