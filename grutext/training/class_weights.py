"""Class weights: factors on the loss of each label's texts, so that rare labels are not neglected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
MOST = 10.0  # largest factor; the smallest is 1 / MOST


def is_balanced(class_weight: str, multilabel: bool, gru: bool) -> bool:
    """Return whether the loss of a part is balanced.

    `auto` balances the GRU part where a text may have several labels: it then learns rare labels in half the epochs. It
    balances neither the linear part nor single-label data, where that gains nothing.

    Args:
        class_weight: The setting: `auto`, `none` or `balanced`.
        multilabel: Whether a text may have several labels.
        gru: Whether the part is the GRU part, rather than the linear part.
    """
    return class_weight == "balanced" or (class_weight == "auto" and multilabel and gru)


def class_weights(label_counts: Float, texts: int, balanced: bool, multilabel: bool) -> Float:
    """Return the factor on the loss of each label's texts, `(C,) float32`; ones unless `balanced`.

    One label: N / (C n_c), so that each label has the same share of the loss (as `class_weight="balanced"` in scikit-learn).
    Several labels: (N - n_c) / n_c on the texts that have the label, so that having it counts as much as not having it. Both
    are clipped to 1 / `MOST` .. `MOST`.

    Args:
        label_counts: `(C,)`, the number n_c of texts of each label.
        texts: The number N of texts.
        balanced: Whether rare labels count as much as frequent ones.
        multilabel: Whether a text may have several labels.
    """
    classes = len(label_counts)
    if not balanced:
        return np.ones(classes, np.float32)
    counts = np.maximum(label_counts, 1.0)
    factors = (texts - counts) / counts if multilabel else texts / (classes * counts)
    return np.clip(factors, 1.0 / MOST, MOST).astype(np.float32)
