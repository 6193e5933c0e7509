"""The words of a text, shaded by how much they speak for a label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from grutext.explain import WordContribution

LONGEST = 600  # characters of a text that a page shows
_FAINT = 0.05  # weaker words are not shaded


class Piece(NamedTuple):
    """A piece of a text.

    Attributes:
        text: Its characters, as in the text.
        contribution: How much it adds to the logit of the label; 0 for what is between words.
        strength: The same without its sign, as a share of that of the strongest word; 0 for a piece that is not shaded.
    """

    text: str
    contribution: float = 0.0
    strength: float = 0.0


def cut(text: str, words: Sequence[WordContribution] = ()) -> tuple[int, int]:
    """Return where the shown part of a text begins and ends: all of a short one, else 600 characters around the strongest word."""
    if len(text) <= LONGEST:
        return 0, len(text)
    strongest = max(words, key=lambda word: abs(word.contribution), default=None)
    start = 0 if strongest is None else max(0, strongest.start - LONGEST // 2)
    start = min(start, len(text) - LONGEST)
    return start, start + LONGEST


def shade(text: str, words: Sequence[WordContribution]) -> list[Piece]:
    """Return the pieces of a text, or of the part of a long text that is shown; together they are its characters.

    Args:
        text: The text.
        words: Its words, in their order; none shades nothing.
    """
    start, end = cut(text, words)
    most = max((abs(word.contribution) for word in words), default=0.0)
    pieces, place = [], start
    for word in words:
        if word.start < place or word.end > end or not most:
            continue
        if word.start > place:
            pieces.append(Piece(text[place : word.start]))
        strength = abs(word.contribution) / most
        pieces.append(
            Piece(text[word.start : word.end], word.contribution, strength if strength >= _FAINT else 0.0)
        )
        place = word.end
    if place < end:
        pieces.append(Piece(text[place:end]))
    return pieces
