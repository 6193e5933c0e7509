"""Finds numbers in a sorted array, without a binary search for each of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STEPS = 16  # places that a search goes on; hashes need a few


class KeyIndex:
    """The places of sorted keys; immutable.

    The keys are hashes, that is, spread evenly: the upper bits of one tell where it is, up to a few places.

    Args:
        keys: `(F,) uint32`, ascending.

    Attributes:
        shift: A key without its lower bits is `key >> shift`.
        first: `int32`, by upper bits, the place of the first key with these, or beyond them.
        keys: `(F + 1,) uint32`, the keys and one that no search passes.
    """

    def __init__(self, keys: NDArray[np.uint32]) -> None:
        bits = min(24, max(1, len(keys).bit_length() - 1))  # one to two keys for each
        self.shift = np.uint32(32 - bits)
        sizes = np.bincount(keys >> self.shift, minlength=1 << bits)
        self.first = np.zeros(1 << bits, np.int32)
        np.cumsum(sizes[:-1], out=self.first[1:])
        self.keys = np.append(keys, np.uint32(0xFFFFFFFF))

    def find(self, wanted: NDArray[np.uint32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Finds keys.

        Args:
            wanted: `(Z,)`, in any order.

        Returns:
            Two arrays `(K,)`: the places of those wanted that are keys, and where in `wanted` these stand.
        """
        places = self.first.take(wanted >> self.shift)  # (Z,)
        there = self.keys.take(places)
        behind = np.flatnonzero(there < wanted)
        for _ in range(_STEPS):
            if not len(behind):
                break
            places[behind] += 1
            there[behind] = self.keys.take(places[behind])
            behind = behind[there[behind] < wanted[behind]]
        if len(behind):  # keys that are no hashes
            places[behind] = self.keys[:-1].searchsorted(wanted[behind])
            there[behind] = self.keys.take(places[behind])
        found = np.flatnonzero((there == wanted) & (places < len(self.keys) - 1))
        return places.take(found), found
