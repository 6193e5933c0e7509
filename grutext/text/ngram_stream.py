"""The n-grams of texts that are still coming, in the order in which they end; the same however a text is cut.

Each text keeps its last symbols, in which n-grams that are not complete yet begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grutext.text.codes import bounds
from grutext.text.ngrams import roll

UInt32 = NDArray[np.uint32]
UInt64 = NDArray[np.uint64]
Int64 = NDArray[np.int64]

NOTHING, AFTER_CHARACTER, AFTER_SPACE = 0, 1, 2


class NewNgrams(NamedTuple):
    """The n-grams that end in the new part of N texts.

    Attributes:
        keys: `(Z,) uint32`, text after text, in the order of their ends, short ones first.
        owners: `(Z,) int64`, the text of each.
    """

    keys: UInt32
    owners: Int64


class SymbolStream:
    """Word or character n-grams of texts whose symbols come bit by bit.

    Args:
        shortest: Length of the shortest n-gram.
        longest: Length of the longest n-gram; 0 for none.
        characters: Whether the symbols are characters, rather than words.

    Attributes:
        kept: How many symbols a text keeps.
    """

    def __init__(self, shortest: int, longest: int, *, characters: bool) -> None:
        self.kept = max(0, longest - 1)
        self._shortest, self._longest, self._characters = shortest, longest, characters

    def read(self, last: UInt64, seen: Int64, parts: Sequence[UInt64]) -> NewNgrams:
        """Return the n-grams that end in new symbols, and keep the last symbols.

        Args:
            last: `(N, kept)`, the last symbols of each text, at the end of its row; is changed in place.
            seen: `(N,)`, how many of them there are; is changed in place.
            parts: The new symbols of each text.
        """
        texts = len(parts)
        pieces = [array for n in range(texts) for array in (last[n, self.kept - seen[n] :], parts[n])]
        symbols = np.concatenate(pieces)
        text_bounds = bounds(seen + np.array([len(part) for part in parts], np.int64))
        owners = np.repeat(np.arange(texts), np.diff(text_bounds))
        places = np.arange(len(symbols)) - text_bounds.take(owners)
        is_new = places >= seen.take(owners)
        rolled = roll(symbols, text_bounds, self._shortest, self._longest, characters=self._characters)
        keys = np.zeros((len(symbols), len(rolled)), np.uint32)  # (S, J), at the symbol where the n-gram ends
        complete = np.zeros(keys.shape, np.bool_)
        for j, grams in enumerate(rolled):
            n = self._shortest + j
            keys[n - 1 :, j] = grams.keys
            complete[:, j] = is_new & (places >= n - 1)
        self._keep(last, seen, symbols, text_bounds)
        return NewNgrams(keys[complete], np.broadcast_to(owners[:, None], keys.shape)[complete])

    def _keep(self, last: UInt64, seen: Int64, symbols: UInt64, text_bounds: Int64) -> None:
        seen[:] = np.minimum(np.diff(text_bounds), self.kept)
        if self.kept and len(symbols):
            from_end = text_bounds[1:, None] - np.arange(self.kept, 0, -1)  # (N, kept)
            own = from_end >= text_bounds[1:, None] - seen[:, None]
            last[...] = np.where(own, symbols.take(np.maximum(from_end, 0)), 0)


def fold_part(text: str, place: int) -> tuple[str, int]:
    """Return the next part of a normalised text with each run of white space as one space, and the place after it.

    The parts of a text together are the same as `grutext.text.ngrams` makes of the whole, but for the space at its end.

    Args:
        text: The part.
        place: NOTHING at the beginning of the text, else AFTER_CHARACTER or AFTER_SPACE.
    """
    folded = " ".join(text.split())
    if not text or (not folded and place != AFTER_CHARACTER):
        return "", place
    if not folded:
        return " ", AFTER_SPACE
    begins = place == NOTHING or (place == AFTER_CHARACTER and text[0].isspace())
    ends = text[-1].isspace()
    return f"{' ' * begins}{folded}{' ' * ends}", AFTER_SPACE if ends else AFTER_CHARACTER
