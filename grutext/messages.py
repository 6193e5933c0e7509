"""Pieces of other people's data inside our messages: always short, always on one line."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

LISTED = 20


def escape(text: str) -> str:
    """Gives `text` with control characters shown as escapes, so that it steers no terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shorten(text: str, width: int = 60) -> str:
    r"""Gives `text` on one line of at most `width` characters, control characters shown as escapes.

    >>> shorten("two\nlines")
    'two lines'
    """
    line = escape(" ".join(text[: 20 * width].split()))
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def quote(text: str, width: int = 60) -> str:
    """Gives `text` shortened and in double quotes."""
    return f'"{shorten(text, width)}"'


def list_names(names: Sequence[str]) -> str:
    """Gives names as a comma-separated list; a long list ends with how many more there are."""
    listed = ", ".join(shorten(name) or '""' for name in names[:LISTED])
    more = len(names) - LISTED
    return f"{listed} and {more:,} more" if more > 0 else listed


def count(number: int, thing: str) -> str:
    """Gives `1 row` or `2 rows`.

    >>> count(1200, "row")
    '1,200 rows'
    """
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def suggest(name: str, known: Sequence[str], end: str = ".") -> str:
    """Gives `, did you mean "…"?`, or `end` where no known name is near.

    >>> suggest("Lable", ["text", "label"])
    ', did you mean "label"?'
    """
    folded = {other.casefold(): other for other in known}
    near = get_close_matches(name.casefold(), list(folded), n=1)
    return f", did you mean {quote(folded[near[0]])}?" if near else end
