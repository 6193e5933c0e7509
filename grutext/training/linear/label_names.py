"""Use the labels' names as training texts: `card_arrival` alone says what its texts are about."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grutext.training.gru.batches import one_hot

_GLUE = re.compile(r"[\s_./:|\\-]+|(?<=[a-z])(?=[A-Z])")  # between a name's words


def as_texts(names: Sequence[str]) -> tuple[list[str], NDArray[np.float32]]:
    """Return the names as texts, each with its label.

    A name without a letter says nothing, and is left out.

    Args:
        names: The C labels' names, by column.

    Returns:
        The M texts, and `(M, C) float32`, 1 where a label applies.

    >>> as_texts(["card_arrival", "7", "AddToPlaylist"])[0]
    ['card arrival', 'Add To Playlist']
    """
    telling = [name for name in names if any(map(str.isalpha, name))]
    texts = [" ".join(_GLUE.split(name)).strip() for name in telling]
    return texts, one_hot([(name,) for name in telling], names)
