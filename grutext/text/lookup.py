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
    """

    def __init__(self, keys: NDArray[np.uint32]) -> None:
        bits = min(24, max(1, len(keys).bit_length() + 1))
        self._shift = np.uint32(32 - bits)
        sizes = np.bincount(keys >> self._shift, minlength=1 << bits)
        self._first = np.zeros(1 << bits, np.int32)  # the first key with these upper bits, or beyond them
        np.cumsum(sizes[:-1], out=self._first[1:])
        self._keys = np.append(keys, np.uint32(0xFFFFFFFF))  # beyond the last one: no search passes it

    def find(self, wanted: NDArray[np.uint32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Finds keys.

        Args:
            wanted: `(Z,)`, in any order.

        Returns:
            Two arrays `(K,)`: the places of those wanted that are keys, and where in `wanted` these stand.
        """
        places = self._first.take(wanted >> self._shift)  # (Z,)
        there = self._keys.take(places)
        behind = np.flatnonzero(there < wanted)
        for _ in range(_STEPS):
            if not len(behind):
                break
            places[behind] += 1
            there[behind] = self._keys.take(places[behind])
            behind = behind[there[behind] < wanted[behind]]
        if len(behind):  # keys that are no hashes
            places[behind] = self._keys[:-1].searchsorted(wanted[behind])
            there[behind] = self._keys.take(places[behind])
        found = np.flatnonzero((there == wanted) & (places < len(self._keys) - 1))
        return places.take(found), found
