"""Samples of the training part that keep every label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def nested_sample(targets: NDArray[np.float32], size: int, seed: int) -> NDArray[np.int64]:
    """Gives the places of `size` texts, ascending, or a few more so that every label has a text.

    A smaller sample is part of every larger one with the same seed.
    """
    order = np.random.default_rng([seed, 2]).permutation(len(targets))
    firsts = [order[np.argmax(targets[order, c] > 0)] for c in range(targets.shape[1]) if targets[:, c].any()]
    return np.unique(np.concatenate([np.array(firsts, np.int64), order[:size]]))
