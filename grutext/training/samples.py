"""Sample training texts so that every label occurs, and cut texts into runs of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item")


def nested_sample(targets: NDArray[np.float32], size: int, seed: int) -> NDArray[np.int64]:
    """Return the indices of `size` random texts, ascending, or a few more so that every label has a text.

    A smaller sample is part of every larger one with the same seed.
    """
    order = np.random.default_rng([seed, 2]).permutation(len(targets))
    firsts = [order[np.argmax(targets[order, c] > 0)] for c in range(targets.shape[1]) if targets[:, c].any()]
    return np.unique(np.concatenate([np.array(firsts, np.int64), order[:size]]))


def runs(items: Sequence[Item], size: Callable[[Item], int], limit: int) -> Iterator[Sequence[Item]]:
    """Yield runs of consecutive items; a run ends as soon as its sizes add up to `limit`."""
    start, total = 0, 0
    for end, item in enumerate(items, start=1):
        total += size(item)
        if total >= limit or end == len(items):
            yield items[start:end]
            start, total = end, 0
