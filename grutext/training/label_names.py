"""The labels' names, read as texts: `card_arrival` tells what its texts are about before the first of them does."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_GLUE = re.compile(r"[\s_./:|\\-]+|(?<=[a-z])(?=[A-Z])")  # between a name's words


def as_texts(names: Sequence[str], labels: int) -> tuple[list[str], NDArray[np.float32]]:
    """Gives the names as texts, and each of these the label it is the name of.

    A name without a letter tells nothing, and is left out.

    Args:
        names: The labels' names, by column; or none.
        labels: Number C of labels.

    Returns:
        The M texts, and `(M, C) float32`, 1 where a label applies.

    >>> as_texts(["card_arrival", "7", "AddToPlaylist"], 3)[0]
    ['card arrival', 'Add To Playlist']
    """
    telling = [column for column, name in enumerate(names) if any(map(str.isalpha, name))]
    targets = np.zeros((len(telling), labels), np.float32)
    targets[np.arange(len(telling)), telling] = 1.0
    return [" ".join(_GLUE.split(names[column])).strip() for column in telling], targets
