"""Find the words of a text in its original characters, and which tokens and normalised characters belong to each.

Normalisation changes characters (`ß` to `ss`, `№` to `no`, a letter and its mark to one letter), so positions in the normalised
text are not positions in the original one. Both are cut into the smallest pieces that are normalised independently; a word is made of
whole pieces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from grutext.config import TextConfig
from grutext.text.normalize import normalize
from grutext.text.tokenizers import TOKENIZERS, is_unspaced

Int = NDArray[np.int64]
Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WordSpans:
    """The W words of a text of T tokens and L normalised characters.

    A word is what the tokenizer cuts; tokens that share an original character, such as those of `½`, are one word. With the
    tokenizer `pair` a word is a single character of a script without spaces, and a pair belongs to two words.

    Attributes:
        spans: Start and end of each word in the original text, in code points; ascending, and never overlapping.
        of_tokens: `(T, 2)`, the first and the last word of each token.
        of_characters: `(L,)`, the word of each character of the normalised text; -1 for white space.
    """

    spans: tuple[tuple[int, int], ...]
    of_tokens: Int
    of_characters: Int

    def sum_tokens(self, values: Float) -> Float:
        """Return the sum over each word's tokens, `(W,)`, of T values; a token of two words gives each a half."""
        first, last = (np.bincount(words, values, len(self.spans)) for words in self.of_tokens.T)
        return np.asarray(first + last) / 2


def find_words(text: str, normalized: str, config: TextConfig) -> WordSpans:
    """Return the words of a text; none for an empty text.

    Args:
        text: The original text.
        normalized: The text as `grutext.text.normalize` returns it.
        config: The tokenizer and the case.

    >>> find_words("№1 Maß, 天气", "no1 mass, 天气", TextConfig()).spans
    ((0, 2), (3, 6), (6, 7), (8, 9), (9, 10))
    """
    is_pair = config.tokenizer == "pair"
    units = TOKENIZERS["word" if is_pair else config.tokenizer](normalized)
    starts, ends = _align(text, normalized, config.case)
    of_characters: list[int] = []
    spans: list[tuple[int, int]] = []
    of_units = []
    at = 0
    for unit in units:
        first = normalized.index(unit, at)  # nothing but white space is between two tokens
        at = first + len(unit)
        start, end = starts[first], ends[at - 1]
        if spans and start < spans[-1][1]:
            start, _ = spans.pop()
        spans.append((start, end))
        of_units.append(len(spans) - 1)
        of_characters += [-1] * (first - len(of_characters)) + [len(spans) - 1] * len(unit)
    of_characters += [-1] * (len(normalized) - at)
    first_words = np.array(of_units, np.int64)
    last_words = first_words.copy()
    if is_pair:
        unspaced = np.array([is_unspaced(unit) for unit in units], bool)
        paired = np.flatnonzero(unspaced[:-1] & unspaced[1:])
        last_words[paired] = first_words[paired + 1]
    return WordSpans(
        tuple(spans), np.stack([first_words, last_words], axis=1), np.array(of_characters, np.int64)
    )


def _align(text: str, normalized: str, case: str) -> tuple[list[int], list[int]]:
    """Return, for each normalised character, start and end of the piece of the original text that it is from."""
    if text.isascii():  # normalised character by character
        return list(range(len(text))), list(range(1, len(text) + 1))
    for pieces in (_clusters(text), re.findall(r"\s+|\S+", text)):
        changed = [_normalize_piece(piece, case) for piece in pieces]
        if "".join(changed) == normalized:
            return _positions(pieces, changed)
    return _positions([text], [normalized])


def _positions(pieces: Iterable[str], changed: Iterable[str]) -> tuple[list[int], list[int]]:
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for piece, result in zip(pieces, changed, strict=True):
        starts += [at] * len(result)
        at += len(piece)
        ends += [at] * len(result)
    return starts, ends


def _clusters(text: str) -> list[str]:
    """Cut a text before each character that does not compose with the one before it."""
    cuts = [n for n in range(1, len(text)) if not _composes(text[n]) or text[n - 1].isspace()]
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@lru_cache(1 << 14)
def _composes(character: str) -> bool:
    """Return whether a character may compose with the one before it: a mark, or the second or third jamo of a syllable."""
    first = unicodedata.normalize("NFKD", character)[0]
    return unicodedata.category(first)[0] == "M" or "\u1160" <= first <= "\u11ff"


def _normalize_piece(piece: str, case: str) -> str:
    return _normalize_character(piece, case) if len(piece) == 1 else normalize(piece, case)


@lru_cache(1 << 14)
def _normalize_character(character: str, case: str) -> str:
    return normalize(character, case)
