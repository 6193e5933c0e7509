"""The encoding of a file, found from its first block; and what to advise where none is sure.

The block is the first 262,144 bytes, or the whole file; of a pipe, what is there at first. The rule, in this order:

1. **A byte order mark** names UTF-8, UTF-16 or UTF-32.
2. **Zero bytes** name UTF-16, little or big endian: a tenth of the bytes at odd places or more are zero, and hardly any at
   even ones (or the other way round), and the block is UTF-16 without control characters.
3. **UTF-8**, if the block is UTF-8.
4. **Windows-1252** (`cp1252`, of which Latin-1 is a part), if all of this holds: each byte has a meaning there and none is a
   control character; those beyond ASCII are fewer than the letters of ASCII; hardly any of them (one in twenty) form
   characters of UTF-8, are rare signs such as `¤`, or stand inside words without being letters, in capitals between small
   letters, three letters in a row, or alone without being a word (`à`); and the letters among them are those of one Western language (but for one in fifty, in names), or at most
   one in a hundred of all letters, as the foreign words of an English text. In the other code pages of one byte the same bytes
   are other letters; read as Windows-1252, a text in their languages has letters together that no Western language has.
5. Otherwise the file is read as UTF-8, which fails with an error that names the line and the likely encodings.

The rule is the same on every machine. Only the encodings that the error names come from charset-normalizer where it is installed
(many packages bring it). It is never Latin-1, which decodes anything, and turns the dashes, quotes and euro signs of
Windows-1252 into control characters.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter

from grutext.messages import count

UTF8, WESTERN = "utf-8", "cp1252"
BLOCK = 2**18  # bytes

_MARKS = (  # that of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LEAST_ZEROS = 0.1
_MOST_WESTERN = 0.5  # bytes beyond ASCII among letters and such bytes; other alphabets have 0.8 and more
_MOST_FOREIGN = 0.01  # the same in texts with a foreign word here and there
_ODD = 0.05
_MOST_NAMES = 0.02
_MULTIBYTE = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH, _LETTERS = re.compile(rb"[\x80-\xff]"), re.compile(rb"[A-Za-z]")
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\x81\x8d\x8f\x90\x9d]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_THREE_LETTERS = re.compile(r"[^\W\x00-\x7f]{3,}")
_RARE = "¤†‡‰ˆ˜ƒ¦¬¨¯¸"  # noqa: RUF001 (what other encodings have in place of letters and the euro sign)
# Spaces, apostrophes, dashes, dots and hyphens that stand between two letters.
_INSIDE_WORDS = "\u00a0\u00ad\u00b4\u00b7\u2013\u2014\u2018\u2019\u2022\u2026"
_SIGNS = "ªºµ"  # letters to Unicode
_WORDS = "àéèóöüåøíæ"  # of a single letter, also in text messages
# Letters beyond ASCII of Western languages, and some of which one occurs in any longer text. Without these, the rest may
# be another language: õ and û are also Hungarian, â, ç, î and û Latvian, ð, ý and þ Turkish.
_ALPHABETS = (
    ("àâæçéèêëîïôœùûäöüß", "àêœäß"),  # French and German
    ("áàéèíìïñóòúùüç", ""),  # Spanish, Italian, Catalan, Irish
    ("áâãàçéêíóôõúü", "ãç"),  # Portuguese
    ("åäöæøéèàüôò", ""),  # Danish, Norwegian, Swedish, Finnish
    ("áéèëíïóöúü", ""),  # Dutch
    ("äöüõ", "ä"),  # Estonian
    ("áðéíóúýþæö", "áíæ"),  # Icelandic
)
_FOREIGN = "àáâãäåæçèéêëìíîïñòóôöøùúüœß"  # in the foreign words of an English text
_ASK = "name its encoding, such as --encoding cp1252, cp1251, shift_jis or gb18030"
_NAMED = 3  # encodings in an error


def find_encoding(block: bytes, whole: bool) -> str:
    """Return the encoding of a file; `utf-8` where none is sure.

    Args:
        block: Its first bytes.
        whole: Whether it has no others.
    """
    for mark, encoding in _MARKS:
        if block.startswith(mark):
            return encoding
    wide = _find_wide(block)
    if wide is not None:
        return wide
    return WESTERN if _decode(block, UTF8, whole) is None and is_western(block) else UTF8


def _find_wide(block: bytes) -> str | None:
    """Return the byte order of UTF-16 without a byte order mark; None if the zero bytes do not show one."""
    even, odd = block[::2].count(0), block[1::2].count(0)
    most, least = max(even, odd), min(even, odd)
    if not most or most < _LEAST_ZEROS * len(block) / 2 or least > _ODD * most:
        return None
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    text = _decode(block[: len(block) // 2 * 2], encoding, whole=False)
    return None if text is None or _CONTROL.search(text) else encoding


def _decode(block: bytes, encoding: str, whole: bool) -> str | None:
    """Return bytes as text, None if they cannot be decoded; the last character may be cut off if they are not the whole file."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(block, final=whole)
    except UnicodeDecodeError:
        return None


def is_western(data: bytes) -> bool:
    """Return whether bytes that are not UTF-8 surely are Windows-1252; the module has the rule."""
    high = len(_HIGH.findall(data))
    letters = len(_LETTERS.findall(data))
    if high > _MOST_WESTERN * (high + letters) or _NO_TEXT.search(data):
        return False
    text = data.decode(WESTERN)
    if _count_utf8(data) > _ODD * high or _count_odd(text) > _ODD * high:
        return False
    found = Counter(
        letter for letter in _BEYOND_ASCII.findall(text.lower()) if letter.isalpha() and letter not in _SIGNS
    )
    if found.total() <= _MOST_FOREIGN * letters and _are_of(found, _FOREIGN):
        return True
    return any(
        _are_of(found, alphabet) and (not needed or not found.keys().isdisjoint(needed))
        for alphabet, needed in _ALPHABETS
    )


def _are_of(found: Counter[str], alphabet: str) -> bool:
    """Return whether letters are of an alphabet, but for a few in names."""
    others = sum(number for letter, number in found.items() if letter not in alphabet)
    return others <= _MOST_NAMES * found.total()


def _count_utf8(data: bytes) -> int:
    """Return the number of bytes in characters of UTF-8 beyond ASCII."""
    return sum(map(len, _MULTIBYTE.findall(data)))


def _count_odd(text: str) -> int:
    """Return the number of characters that have no place in a Western text where they stand."""
    odd = sum(map(len, _THREE_LETTERS.findall(text))) + sum(map(text.count, _RARE))
    for match in _BEYOND_ASCII.finditer(text):
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        letter = match.group()
        is_letter = letter.isalpha() and letter not in _SIGNS
        if before.isalpha() and after.isalpha():
            among_small = before.islower() and after.islower()
            odd += letter not in _INSIDE_WORDS if not is_letter else among_small and letter.isupper()
        elif is_letter and not before.isalpha() and not after.isalpha():
            odd += letter.lower() not in _WORDS
    return odd


def advise_encoding(data: bytes, encoding: str) -> str:
    """Return what to do about bytes that cannot be decoded.

    Args:
        data: Some bytes of the file.
        encoding: The encoding that they are not in.
    """
    high = len(_HIGH.findall(data))
    if (
        encoding.lower().replace("_", "-") in {"utf-8", "utf8", "utf-8-sig"}
        and _count_utf8(data) > 0.75 * high
    ):
        return "other lines are, so this one is damaged; correct it"
    if is_western(data):
        return f"it looks like Windows-1252; try --encoding {WESTERN}"
    found = _detect(data)
    if not found:
        return _ASK
    if len(found) == 1:
        return f"it looks like {found[0]}; try --encoding {found[0]}"
    return f"it may be {', '.join(found[:-1])} or {found[-1]}; name the one that it is by --encoding"


def _detect(data: bytes) -> list[str]:
    """Return the encodings that charset-normalizer finds likely, the likeliest first; none if it is not installed."""
    try:
        import charset_normalizer
    except ImportError:
        return []
    found = [match.encoding for match in charset_normalizer.from_bytes(data)]
    return [name for name in found if name not in {"ascii", "utf_8"}][:_NAMED]


def is_wide(encoding: str) -> bool:
    """Return whether each character has two bytes or four, in UTF-16 or UTF-32."""
    return encoding.lower().startswith(("utf-16", "utf-32", "utf16", "utf32"))


def describe_encodings(source: str, encodings: Counter[str]) -> list[str]:
    """Return a note on the encodings other than UTF-8 that were found.

    Args:
        source: The source, for the note.
        encodings: The number of files in each encoding.
    """
    others = {name: number for name, number in sorted(encodings.items()) if name != UTF8}
    if not others:
        return []
    found = ", ".join(others)
    if encodings.total() > 1:
        found = ", ".join(f"{count(number, 'file')} in {name}" for name, number in others.items())
    return [f"{source}: its encoding is not UTF-8 but {found} (found; --encoding names another)"]
