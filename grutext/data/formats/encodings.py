"""Which encoding to advise for bytes that are not in the one they were read in.

Most such files are Windows-1252, whose letters are few among ASCII; this is told by a rule, so that the advice is the same
on every machine. It never is Latin-1, which decodes anything, and turns the dashes, quotes and euro signs of Windows-1252
into control characters. What is dense with other bytes is another script, which charset-normalizer recognises where it is
installed (many packages bring it); without it the advice names no encoding that might be wrong.
"""

from __future__ import annotations

import re
import unicodedata

WESTERN = "cp1252"
# Bytes beyond ASCII among letters and such bytes; Western languages have up to 15 %, in short texts more, other alphabets 80 % and more.
_MOST_WESTERN = 0.5
_MULTIBYTE = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH, _LETTERS = re.compile(rb"[\x80-\xff]"), re.compile(rb"[A-Za-z]")
_ASK = "name its encoding, such as --encoding cp1251, shift_jis or gb18030"


def advise_encoding(data: bytes, encoding: str) -> str:
    """Return what to do about bytes that cannot be decoded.

    Args:
        data: Some bytes of the file.
        encoding: The encoding that they are not in.
    """
    high = len(_HIGH.findall(data))
    whole = sum(len(found) for found in _MULTIBYTE.findall(data))
    if encoding.lower().replace("_", "-") in {"utf-8", "utf8", "utf-8-sig"} and whole > high / 2:
        return "other lines are, so this one is damaged; correct it"
    if _is_western(data, high):
        return f"it looks like Windows-1252; try --encoding {WESTERN}"
    found = _detect(data)
    return _ASK if found is None else f"it looks like {found}; try --encoding {found}"


def _is_western(data: bytes, high: int) -> bool:
    """Return whether bytes are Windows-1252: they all have a meaning, are few, and inside words they are letters."""
    if high > _MOST_WESTERN * (high + len(_LETTERS.findall(data))):
        return False
    try:
        text = data.decode(WESTERN)
    except UnicodeDecodeError:
        return False
    words = re.findall(r"(?<=[^\W\d_])[^\x00-\x7f](?=[^\W\d_])", text)
    return all(
        letter in "\u2019\u2018\u00b4\u2013\u2014\u2026" or unicodedata.category(letter)[0] == "L"
        for letter in words
    )


def _detect(data: bytes) -> str | None:
    try:
        import charset_normalizer
    except ImportError:
        return None
    best = charset_normalizer.from_bytes(data).best()
    return None if best is None or best.encoding in {"ascii", "utf_8"} else str(best.encoding)
