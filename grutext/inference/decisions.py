"""Probabilities to decisions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def decide(
    probabilities: npt.ArrayLike, thresholds: npt.ArrayLike, multilabel: bool
) -> npt.NDArray[np.bool_]:
    """Tells which labels each text is given.

    A label's threshold is its probability from which it applies or, where a text has one label, what its
    probability is divided by before the largest is taken: a label with a low threshold is easily chosen.

    Args:
        probabilities: `(N, C)`.
        thresholds: `(C,)`; with one label it may be empty, which is the same as equal thresholds.
        multilabel: Whether each label is decided for itself.

    Returns:
        `(N, C)`; a row has exactly one True unless `multilabel`.
    """
    values = np.asarray(probabilities, np.float32)
    if multilabel:
        return np.asarray(values >= np.asarray(thresholds, np.float32))
    return np.asarray(choose(values, thresholds)[:, None] == np.arange(values.shape[1]))


def choose(probabilities: npt.ArrayLike, thresholds: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Gives the label of each text that has one, `(N,)`; the arguments are those of `decide`."""
    values, limits = np.asarray(probabilities, np.float32), np.asarray(thresholds, np.float32)
    return np.asarray((values / limits if limits.size else values).argmax(axis=1))
