"""Split strings into tokens: words, pairs or characters.

Every tokenizer takes a normalised text (see `grutext.text.normalize`) and returns a list of non-empty strings. Any
`str` is accepted, and nothing but white space is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

Tokenizer = Callable[[str], list[str]]

# Scripts written without spaces between words: each character, with its combining marks, is a token.
UNSPACED = (
    "\u0e00-\u0e7f"  # Thai
    "\u0e80-\u0eff"  # Lao
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\U0001b000-\U0001b16f"  # old kana
    "\U00020000-\U0003ffff"  # Han, further planes
)
# Combining marks and joiners, which are parts of words although Python's \w does not match them.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f"
    "\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u07eb-\u07f3"
    "\u0816-\u082d\u0859-\u085b\u0898-\u089f\u08ca-\u0903\u093a-\u093c\u093e-\u094f\u0951-\u0957\u0962\u0963"
    "\u0981-\u0983\u09bc\u09be-\u09cd\u09d7\u09e2\u09e3\u0a01-\u0a03\u0a3c-\u0a51\u0a70\u0a71\u0a75"
    "\u0a81-\u0a83\u0abc\u0abe-\u0acd\u0ae2\u0ae3\u0afa-\u0aff\u0b01-\u0b03\u0b3c\u0b3e-\u0b57\u0b62\u0b63"
    "\u0b82\u0bbe-\u0bcd\u0bd7\u0c00-\u0c04\u0c3c\u0c3e-\u0c56\u0c62\u0c63\u0c81-\u0c83\u0cbc\u0cbe-\u0cd6"
    "\u0ce2\u0ce3\u0d00-\u0d03\u0d3b\u0d3c\u0d3e-\u0d4d\u0d57\u0d62\u0d63\u0d81-\u0d83\u0dca-\u0ddf\u0df2\u0df3"
    "\u0f18\u0f19\u0f35\u0f37\u0f39\u0f3e\u0f3f\u0f71-\u0f84\u0f86\u0f87\u0f8d-\u0fbc"
    "\u1ab0-\u1aff\u1b00-\u1b04\u1b34-\u1b44\u1dc0-\u1dff\u200c\u20d0-\u20f0\ua66f-\ua67d\ua6f0\ua6f1"
    "\ua802\ua806\ua80b\ua823-\ua827\ua880\ua881\ua8b4-\ua8c5\ua8e0-\ua8f1\ufb1e\ufe20-\ufe2f"
)
_UNSPACED_MARKS = (
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060"
    "\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u17b4-\u17d3\u17dd\u3099\u309a\uff9e\uff9f"
)
_EMOJI = "\u231a-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001f1e5\U0001f200-\U0001faff"
_EMOJI_TAIL = "[\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*"  # colour, skin, keycap, flag

LETTERS = rf"[^\W{UNSPACED}]"
# Characters that may belong to the same token as a neighbour of another kind.
ODD = rf"{_MARKS}{_UNSPACED_MARKS}{_EMOJI}\u200d\u20e3\ufe0e\ufe0f"
_WORD = rf"{LETTERS}+(?:[{_MARKS}]+{LETTERS}*)*"
TOKEN = re.compile(
    "|".join(
        (
            r"[0-9#*]\ufe0f?\u20e3",  # keycap
            r"\d+(?:[.,:]\d+)+",  # number with separators
            rf"{_WORD}(?:'{_WORD})*",  # word, apostrophes inside
            r"\d+",  # number in the digits of an unspaced script
            rf"[{UNSPACED}][{_MARKS}{_UNSPACED_MARKS}]*",  # one character of an unspaced script
            "[\U0001f1e6-\U0001f1ff]{2}",  # flag
            rf"[{_EMOJI}]{_EMOJI_TAIL}(?:\u200d[{_EMOJI}]{_EMOJI_TAIL})*",  # emoji, joined or not
            r"\.{2,}|!{2,}|\?{2,}|-{2,}",  # runs of punctuation that carry meaning
            r"\S",
        )
    )
)
_ASCII_TOKEN = re.compile(r"\d+(?:[.,:]\d+)+|\w+(?:'\w+)*|\.{2,}|!{2,}|\?{2,}|-{2,}|[^\s\x1c-\x1f]", re.ASCII)
_IS_UNSPACED = re.compile(f"[{UNSPACED}]")
CHARACTER = re.compile(rf"\S[{_MARKS}{_UNSPACED_MARKS}\ufe0e\ufe0f]*")


def words(text: str) -> list[str]:
    """Split a normalised text into words, numbers, emoji and punctuation marks.

    Each character of a script without spaces (Han, kana, Thai, ...) is a token.

    >>> words("don't pay 3.50 for 天气!! 👩🏽‍🚀")
    ["don't", 'pay', '3.50', 'for', '天', '气', '!!', '👩🏽\u200d🚀']
    """
    return (_ASCII_TOKEN if text.isascii() else TOKEN).findall(text)


def pairs(text: str) -> list[str]:
    """Split like `words`, but join each character of a script without spaces with the next one.

    In Chinese and Japanese, two characters carry far more meaning than one. Pairs overlap, so that every pair occurs.

    >>> pairs("3 天气很好 ok")
    ['3', '天气', '气很', '很好', '好', 'ok']
    """
    tokens = words(text)
    unspaced = [is_unspaced(token) for token in tokens]
    followed = zip(tokens, unspaced, [*tokens[1:], ""], [*unspaced[1:], False], strict=False)
    return [token + after if own and other else token for token, own, after, other in followed]


def is_unspaced(token: str) -> bool:
    """Return whether a token begins with a character of a script without spaces."""
    return _begins_unspaced(token[:1])


@lru_cache(1 << 16)
def _begins_unspaced(character: str) -> bool:
    return _IS_UNSPACED.match(character) is not None


def characters(text: str) -> list[str]:
    """Split a normalised text into characters, each with its combining marks.

    >>> characters("né 天")
    ['n', 'é', '天']
    """
    return CHARACTER.findall(text)


# `auto` is resolved from the training texts; until then, texts are split into words.
TOKENIZERS: dict[str, Tokenizer] = {"auto": words, "word": words, "pair": pairs, "character": characters}
