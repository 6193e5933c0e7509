"""Texts as code points, one text after the other, and where each of them is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint32]
Int64 = NDArray[np.int64]


class Strings(Sequence[str]):
    """Strings that are kept as code points; one of them is made when it is asked for.

    Args:
        codes: The code points, string after string.
        bounds: `(N + 1,)`, where each of them begins and, last, where the last one ends.

    >>> strings = Strings(*code_points(["cat", "天气"]))
    >>> strings[1], strings[:1], list(strings)
    ('天气', ['cat'], ['cat', '天气'])
    """

    def __init__(self, codes: Codes, bounds: Int64) -> None:
        self.codes, self.bounds = codes, bounds

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        """Gives one, or those of a slice."""
        place = range(len(self))[at]
        if isinstance(place, range):
            return [self[one] for one in place]
        own = self.codes[self.bounds[place] : self.bounds[place + 1]]
        return own.tobytes().decode("utf-32-le", "surrogatepass")


def code_points(texts: Sequence[str]) -> tuple[Codes, Int64]:
    """Gives the code points of N texts, and the `bounds` of each text's."""
    if isinstance(texts, Strings):
        return texts.codes, texts.bounds
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    return codes, bounds([len(text) for text in texts])


def bounds(sizes: NDArray[np.integer] | Sequence[int]) -> Int64:
    """Gives `(N + 1,)`: where each of N runs starts and, last, where the last one ends."""
    found = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=found[1:])
    return found
