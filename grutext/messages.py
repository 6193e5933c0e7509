"""Texts, names and numbers from the user's data inside messages: always short, always on one line."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

LISTED = 20
_NO_WIDTH = ("Mn", "Me", "Cf")  # categories of marks and of characters that are not seen


# For `str.translate`: what could control a terminal or begin a new line, by its escape.
CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160))}


def escape(text: str) -> str:
    """Return `text` with escapes for unprintable characters, so that it cannot control a terminal or break a line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shorten(text: str, width: int = 60) -> str:
    r"""Return `text` on one line of at most `width` characters, with escapes for unprintable characters.

    >>> shorten("two\nlines")
    'two lines'
    """
    line = escape(" ".join(text[: 20 * width].split()))
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def quote(text: str, width: int = 60) -> str:
    """Return `text`, shortened to `width` characters, in double quotes."""
    return f'"{shorten(text, width)}"'


def list_names(names: Sequence[str]) -> str:
    """Return names as a comma-separated list; after 20 names it ends with how many more there are."""
    listed = ", ".join(shorten(name) or '""' for name in names[:LISTED])
    more = len(names) - LISTED
    return f"{listed} and {more:,} more" if more > 0 else listed


def count(number: int, thing: str) -> str:
    """Return a number with its noun, in the plural unless the number is 1.

    >>> count(1200, "row")
    '1,200 rows'
    """
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for a wide character, none for a mark.

    >>> width("parcel"), width("包裹"), width("e\u0301")
    (6, 4, 1)
    """
    if text.isascii():
        return len(text)
    seen = [character for character in text if unicodedata.category(character) not in _NO_WIDTH]
    return len(seen) + sum(unicodedata.east_asian_width(character) in "WF" for character in seen)


def pad(text: str, columns: int) -> str:
    """Return a text with spaces behind it, so that it takes a number of columns of a terminal."""
    return text + " " * (columns - width(text))


def signed(number: float) -> str:
    """Return a number with its sign and three decimals.

    >>> signed(1.5), signed(-0.0001)
    ('+1.500', '+0.000')
    """
    return f"{round(number, 3) + 0.0:+.3f}"  # adding 0 makes a positive zero of a negative one


def suggest(name: str, known: Sequence[str], end: str = ".") -> str:
    """Return `, did you mean "…"?` with the known name that is most similar to `name`, or `end` if none is.

    >>> suggest("Lable", ["text", "label"])
    ', did you mean "label"?'
    """
    from difflib import (
        get_close_matches,  # not at the top: errors, which every command imports, import this module
    )

    folded = {other.casefold(): other for other in known}
    near = get_close_matches(name.casefold(), list(folded), n=1)
    return f", did you mean {quote(folded[near[0]])}?" if near else end
