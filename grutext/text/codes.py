"""Texts as one array of code points, and the bounds of each text in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint32]
Int64 = NDArray[np.int64]


class Strings(Sequence[str]):
    """A sequence of N strings stored as one array of code points; a string is created when it is accessed.

    Args:
        codes: `(S,) uint32`, the code points of all strings, one after the other.
        bounds: `(N + 1,) int64`, the offset of each string in `codes`, then the end of the last one.

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
        """Return the string at an index, or the list of strings of a slice."""
        index = range(len(self))[at]
        if isinstance(index, range):
            return [self[one] for one in index]
        codes = self.codes[self.bounds[index] : self.bounds[index + 1]]
        return codes.tobytes().decode("utf-32-le", "surrogatepass")


def code_points(texts: Sequence[str]) -> tuple[Codes, Int64]:
    """Return the code points of N texts, `(S,) uint32`, and their `bounds`, `(N + 1,)`."""
    if isinstance(texts, Strings):
        return texts.codes, texts.bounds
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    return codes, bounds([len(text) for text in texts])


def bounds(sizes: NDArray[np.integer] | Sequence[int]) -> Int64:
    """Return the start of each of N consecutive runs, then the end of the last one, `(N + 1,) int64`."""
    result = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=result[1:])
    return result
