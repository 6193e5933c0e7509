"""A row of word vectors: what every reader of a file yields, in the file's order."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.errors import DataError
from grutext.messages import quote

Float = NDArray[np.float32]
# The bytes of a word, and a function that returns its vector, (W,): most rows of a large file are not wanted.
Row = tuple[bytes, Callable[[], Float]]
Rows = Generator[Row, None, None]

LARGEST = 2**32  # bytes of a file that is read as a whole


def check_finite(vector: NDArray[Any], name: str, word: str) -> Float:
    """Return a vector, (W,), as float32.

    Raises:
        DataError: One of its values is not finite.
    """
    with np.errstate(over="ignore"):
        values = vector.astype(np.float32)
    if not np.isfinite(values).all():
        problem = f"the vector of {quote(word)} has a value that is not a finite number"
        raise DataError(f"{problem}; the file is damaged; get it again", name)
    return values
