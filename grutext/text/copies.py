"""Texts that a model reads alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grutext.data import hash_text
from grutext.text.normalize import normalize


def text_key(text: str, case: str = "fold") -> int:
    """Return a 64-bit hash that is equal for texts that differ only in Unicode form, white space and, if folded, case.

    Args:
        text: The text.
        case: The setting `text.case`.
    """
    return hash_text(" ".join(normalize(text, case).split()))


class KnownTexts:
    """The texts of some data, among which many others are looked up.

    Args:
        keys: The `text_key` of each text, in any order.
    """

    def __init__(self, keys: Sequence[int]) -> None:
        self._keys = np.unique(np.array(keys, np.uint64))

    def contains(self, keys: Sequence[int]) -> NDArray[np.bool_]:
        """Return which of N keys belong to a text of the data, shape (N,), bool."""
        wanted = np.array(keys, np.uint64)
        if not len(self._keys):
            return np.zeros(len(wanted), np.bool_)
        places = np.searchsorted(self._keys, wanted).clip(0, len(self._keys) - 1)
        return np.asarray(self._keys[places] == wanted)
