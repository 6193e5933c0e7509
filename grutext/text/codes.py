"""Texts as code points, one text after the other, and where each of them is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]


def code_points(texts: Sequence[str]) -> tuple[NDArray[np.uint32], Int64]:
    """Gives the code points of N texts, and the `bounds` of each text's."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    return codes, bounds([len(text) for text in texts])


def bounds(sizes: NDArray[np.integer] | Sequence[int]) -> Int64:
    """Gives `(N + 1,)`: where each of N runs starts and, last, where the last one ends."""
    found = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=found[1:])
    return found
