"""Leave a word out of a text: the check of an explanation by what the model answers without the word."""

from __future__ import annotations

from grutext.config import TextConfig
from grutext.text import find_words, normalize


def leave_out(text: str, start: int, end: int, config: TextConfig) -> str:
    """Return the text without the word from `start` to `end`; where its neighbours would grow together, with a space instead.

    Args:
        text: The original text.
        start: Where the word begins, in code points.
        end: Where it ends.
        config: The tokenizer and the case.
    """
    before, after = text[:start], text[end:]
    apart = _count_words(before, config) + _count_words(after, config)
    return before + after if _count_words(before + after, config) == apart else f"{before} {after}"


def _count_words(text: str, config: TextConfig) -> int:
    return len(find_words(text, normalize(text, config.case), config).spans)
