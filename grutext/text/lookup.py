"""Look up many numbers in a sorted array, faster than by binary search."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STEPS = 16  # of the linear search before it becomes a binary search; hashes need a few


class KeyIndex:
    """An immutable index of sorted keys.

    The keys are hashes and so evenly distributed: the upper bits of a key determine its position up to a few places,
    and a short linear search finds the rest. Keys of any distribution are found, only more slowly.

    Args:
        keys: `(F,) uint32`, strictly ascending.

    Attributes:
        shift: `key >> shift` are the upper bits of a key.
        first: `(2**bits,) int32`, for each value of the upper bits, the position of the first key that has them, or
            of the next key.
        keys: `(F + 1,) uint32`, the keys, then the largest uint32 as a sentinel.
    """

    def __init__(self, keys: NDArray[np.uint32]) -> None:
        bits = min(24, max(1, len(keys).bit_length() - 1))  # one to two keys per value
        self.shift = np.uint32(32 - bits)
        sizes = np.bincount(keys >> self.shift, minlength=1 << bits)
        self.first = np.zeros(1 << bits, np.int32)
        np.cumsum(sizes[:-1], out=self.first[1:])
        self.keys = np.append(keys, np.uint32(0xFFFFFFFF))

    def find(self, wanted: NDArray[np.uint32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the positions of the keys among `wanted`.

        Args:
            wanted: `(Z,) uint32`, in any order.

        Returns:
            Two arrays `(K,)`, one element per wanted number that is a key: its position in `keys`, and its position
            in `wanted`.
        """
        positions = self.first.take(wanted >> self.shift)  # (Z,)
        candidates = self.keys.take(positions)  # (Z,)
        behind = np.flatnonzero(candidates < wanted)
        for _ in range(_STEPS):
            if not len(behind):
                break
            positions[behind] += 1
            candidates[behind] = self.keys.take(positions[behind])
            behind = behind[candidates[behind] < wanted[behind]]
        if len(behind):  # the keys are not evenly distributed
            positions[behind] = self.keys[:-1].searchsorted(wanted[behind])
            candidates[behind] = self.keys.take(positions[behind])
        found = np.flatnonzero((candidates == wanted) & (positions < len(self.keys) - 1))  # (K,)
        return positions.take(found), found
