"""Characters that show a wrong encoding, and the script that a text is written in."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache

REPLACEMENT, MOJIBAKE, NUL, CONTROL, SURROGATE = (
    "replacement_character",
    "mojibake",
    "nul_character",
    "control_character",
    "lone_surrogate",
)
NO_SCRIPT = "none"

# What a decoder without the right encoding leaves; tabs, line breaks, vertical tabs and form feeds are white space.
_ODD = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd\ud800-\udfff]")
_NAMES = {"\x00": NUL, "\ufffd": REPLACEMENT}
_SURROGATES = ("\ud800", "\udfff")


def _western(first: int, last: int) -> str:
    """Return the characters that these bytes are in Windows-1252 or Latin-1, as a part of a character class."""
    both = {
        bytes([n]).decode(encoding, "ignore")
        for n in range(first, last + 1)
        for encoding in ("cp1252", "latin-1")
    }
    return "".join(re.escape(character) for character in sorted(both))


_REST = f"[{_western(0x80, 0xBF)}]"
# The bytes of one character in UTF-8, each of them taken for a character of Windows-1252 or Latin-1.
_DECODED_TWICE = re.compile(
    f"[{_western(0xC2, 0xDF)}]{_REST}|[{_western(0xE0, 0xEF)}]{_REST}{{2}}|[{_western(0xF0, 0xF4)}]{_REST}{{3}}"
)
# What may follow a word's last letter; such a pair is no sign of a wrong encoding.
_AFTER_WORDS = frozenset("\u00a0“”„’‘‚«»‹›…–—·")  # noqa: RUF001
_WORD = 12  # characters shown on either side
_READ = 1_000  # characters of a text that its script is found from

_SCRIPTS = {"CJK": "Han"}  # where the first word of a character's name is not the script's name


def find_odd_characters(text: str) -> Iterator[tuple[str, str]]:
    """Yield each kind of odd character in a text once, with the characters around the first one."""
    seen = set()
    for match in _ODD.finditer(text):
        character = match[0]
        kind = SURROGATE if _SURROGATES[0] <= character <= _SURROGATES[1] else _NAMES.get(character, CONTROL)
        if kind not in seen:
            seen.add(kind)
            yield kind, _around(text, match)
    if text.isascii():
        return
    for match in _DECODED_TWICE.finditer(text):
        if _is_utf8(match[0]):
            yield MOJIBAKE, _around(text, match)
            return


def find_script(text: str) -> str:
    """Return the script of most letters of a text, such as `Latin`, `Cyrillic` or `Han`; `none` for a text without letters.

    >>> find_script("Где моя посылка? Order 17"), find_script("17 %")
    ('Cyrillic', 'none')
    """
    text = text[:_READ]
    if text.isascii():
        return "Latin" if any(map(str.isalpha, text)) else NO_SCRIPT
    counts = Counter(map(_script, filter(str.isalpha, text)))
    return counts.most_common(1)[0][0] if counts else NO_SCRIPT


@cache
def _script(letter: str) -> str:
    """Return the script of a letter, which its name in Unicode begins with."""
    first = unicodedata.name(letter, "OTHER").split()[0].split("-")[0]
    return _SCRIPTS.get(first, first.capitalize())


def _is_utf8(characters: str) -> bool:
    """Return whether characters are the bytes of a character in UTF-8, and not a letter with the punctuation after it."""
    if _AFTER_WORDS.issuperset(characters[1:]):
        return False
    try:
        decoded = b"".join(map(_western_byte, characters)).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return unicodedata.category(decoded) != "Cc"


def _western_byte(character: str) -> bytes:
    """Return the byte of a character in Windows-1252, or else in Latin-1."""
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return character.encode("latin-1")


def _around(text: str, match: re.Match[str]) -> str:
    """Return a match with a few characters on either side."""
    return text[max(0, match.start() - _WORD) : match.end() + _WORD]
