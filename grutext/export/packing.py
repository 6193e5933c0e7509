"""Numbers in as few bits as hold them exactly, and weights rounded to such numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_LARGEST = 127  # of an int8 that has the same number of values on both sides of 0
_LEAST_EXPONENT = -24  # of a float16


class Packed(NamedTuple):
    """An array in few bits.

    Attributes:
        values: int8, float16 or float32.
        steps: What int8 values are multiplied by, float16, one for each row `(R, 1)` or column `(1, K)`; None for
            other values.
    """

    values: NDArray[Any]
    steps: NDArray[np.float16] | None


def pack(array: NDArray[Any]) -> Packed:
    """Return an array of float16 or float32 in as few bits as hold each of its numbers exactly."""
    with np.errstate(over="ignore"):  # infinity differs from the number
        narrow = array.astype(np.float16)
    if not np.array_equal(narrow, array):
        return Packed(array, None)
    if array.ndim == 2 and array.size:
        for axis in (1, 0):
            step = _steps(array, axis)
            multiples = array / step
            if np.array_equal(multiples, np.rint(multiples)):
                return Packed(multiples.astype(np.int8), step.astype(np.float16))
    return Packed(narrow, None)


def round_to_int8(array: NDArray[np.float16], axis: int) -> NDArray[np.float16]:
    """Return the nearest multiples, from -127 to 127, of a power of two that is shared along an axis."""
    step = _steps(array, axis)
    return np.asarray(np.rint(array / step) * step, np.float16)


def round_to_float16(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the nearest numbers that float16 has; larger ones stay."""
    with np.errstate(over="ignore"):
        narrow = array.astype(np.float16).astype(np.float32)
    return np.where(np.isfinite(narrow), narrow, array)


def _steps(array: NDArray[Any], axis: int) -> NDArray[np.float32]:
    """Return the smallest powers of two of which 127 reach the largest number along an axis, which stays with length 1."""
    largest = np.abs(array.astype(np.float32)).max(axis=axis, keepdims=True)
    fractions, exponents = np.frexp(largest / np.float32(_LARGEST))
    exponents -= fractions == 0.5  # a power of two itself
    return np.asarray(np.ldexp(np.float32(1), np.maximum(exponents, _LEAST_EXPONENT)))
