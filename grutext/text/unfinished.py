"""How much of a text that is still coming is finished: no further character changes its tokens.

A text may be cut after white space, because nothing composes with it and no token contains it. It may also be cut before
a character of which a token begins whatever stands before it, and which composes with nothing before it. Unicode
normalisation and tokenizers then return the same for the two parts as for the whole.
"""

from __future__ import annotations

import re
from functools import lru_cache

# Letters of scripts without spaces: each begins a token. Marks, which may belong to the letter before, are left out.
_UNSPACED_LETTERS = (
    "\u0e01-\u0e2e\u0e40-\u0e44"  # Thai
    "\u0e81-\u0eae\u0ec0-\u0ec4"  # Lao
    "\u1000-\u1021"  # Myanmar
    "\u1780-\u17a2"  # Khmer
    "\u3041-\u3096\u30a1-\u30fa"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002a6df"  # Han
)
# Where each character is a token, other letters begin one as well.
_LETTERS = "!-~\u00c0-\u024f\u0391-\u03ce\u0400-\u0481\uac00-\ud7a3"
_SPACE = "[ \t-\r]"


def _last_cut(starts: str) -> re.Pattern[str]:
    return re.compile(f"(?s:.*)(?:(?<={_SPACE})|(?=[{starts}]))")


_LAST_CUT = _last_cut(_UNSPACED_LETTERS)
_LAST_CUT_OF_CHARACTERS = _last_cut(_UNSPACED_LETTERS + _LETTERS)


def _word(starts: str) -> re.Pattern[str]:
    return re.compile(f"[^ \t-\r][^ \t-\r{starts}]*")


_WORD, _WORD_OF_CHARACTERS = _word(_UNSPACED_LETTERS), _word(_UNSPACED_LETTERS + _LETTERS)


def cut_words(text: str, tokenizer: str, most: int) -> tuple[str, int]:
    """Return the first words of a finished text, and their number: at most `most`.

    A word ends where a text may be cut: in scripts without spaces, each letter is one. White space belongs to the word before it.

    >>> cut_words("one two  three ", "word", 2), cut_words("天气 ok", "word", 9)
    (('one two  ', 2), ('天气 ok', 3))
    """
    word = _WORD_OF_CHARACTERS if tokenizer == "character" else _WORD
    if most < len(text):
        first = _first_words(word.pattern, most).match(text)
        if first is not None and first.end() < len(text):
            return first.group(), most
    return text, len(word.findall(text))


@lru_cache(64)
def _first_words(word: str, most: int) -> re.Pattern[str]:
    return re.compile(f"{_SPACE}*(?:{word}{_SPACE}*){{0,{most}}}")


def find_last_cut(text: str, tokenizer: str) -> int | None:
    """Return the last position at which a text may be cut, whatever stands before it and follows; None if there is none.

    Args:
        text: The latest part of a text, not normalised.
        tokenizer: A name in `grutext.text.TOKENIZERS`.

    >>> find_last_cut("one two thr", "word"), find_last_cut("thr", "word"), find_last_cut("天气", "word")
    (8, None, 1)
    """
    cut = (_LAST_CUT_OF_CHARACTERS if tokenizer == "character" else _LAST_CUT).match(text)
    return cut.end() if cut else None
