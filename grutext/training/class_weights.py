"""How much each label counts in the losses of both parts, so that rare labels are not drowned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
MOST = 10.0  # times that a text counts, at most


def is_balanced(class_weight: str, multilabel: bool, gru: bool) -> bool:
    """Tells whether a part's loss is balanced: what `auto` stands for.

    It balances the GRU where there are several labels, which then learns the rare ones in half the
    epochs; it leaves alone the linear part and texts of one label, which gain nothing.
    """
    return class_weight == "balanced" or (class_weight == "auto" and multilabel and gru)


def class_weights(label_counts: Float, texts: int, balanced: bool, multilabel: bool) -> Float:
    """Gives the factor `(C,)` on the loss of a label's texts; ones unless `balanced`.

    One label: N / (C n_c), so that each label has the same share of the loss. Several labels: (N - n_c) / n_c
    on the texts that have the label, so that having it counts as much as not having it. Neither is above
    `MOST` or below 1 / `MOST`.

    Args:
        label_counts: `(C,)`, n_c: how many texts each label has.
        texts: N, how many there are.
        balanced: Whether rare labels count as much as frequent ones.
        multilabel: Whether a text may have several.
    """
    classes = len(label_counts)
    if not balanced:
        return np.ones(classes, np.float32)
    counts = np.maximum(label_counts, 1.0)
    factors = (texts - counts) / counts if multilabel else texts / (classes * counts)
    return np.clip(factors, 1.0 / MOST, MOST).astype(np.float32)
