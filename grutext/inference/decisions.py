"""From probabilities to labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def decide(
    probabilities: npt.ArrayLike, thresholds: npt.ArrayLike, multilabel: bool
) -> npt.NDArray[np.bool_]:
    """Return which labels each text gets, shape (N, C), bool.

    Where a text may have several labels, a label applies from its threshold on. Where it has one, each probability is
    divided by its label's threshold before the largest is taken: a label with a low threshold is easily chosen.

    Args:
        probabilities: `(N, C)`.
        thresholds: `(C,)`; where a text has one label it may be empty, which is the same as equal thresholds.
        multilabel: Whether a text may have several labels, each decided by itself.

    Returns:
        `(N, C)`; a row has exactly one True unless `multilabel`.
    """
    values = np.asarray(probabilities, np.float32)
    if multilabel:
        return np.asarray(values >= np.asarray(thresholds, np.float32))
    return np.asarray(choose(values, thresholds)[:, None] == np.arange(values.shape[1]))


def choose(probabilities: npt.ArrayLike, thresholds: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the index of the one label of each text, shape (N,); the arguments are those of `decide`."""
    values, limits = np.asarray(probabilities, np.float32), np.asarray(thresholds, np.float32)
    return np.asarray((values / limits if limits.size else values).argmax(axis=1))


def name_labels(
    probabilities: npt.NDArray[np.float32], labels: Sequence[str], thresholds: npt.ArrayLike, multilabel: bool
) -> list[str] | list[tuple[str, ...]]:
    """Return the label of each text, or the tuple of its labels if it may have several, for probabilities (N, C)."""
    if not multilabel:
        return [labels[c] for c in choose(probabilities, thresholds).tolist()]
    return [
        tuple(labels[c] for c in np.flatnonzero(row).tolist())
        for row in decide(probabilities, thresholds, True)
    ]
