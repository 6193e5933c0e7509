"""What a code host reads otherwise than MkDocs: links through the repository, and pipes in tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from posixpath import dirname, normpath, relpath

_CODE = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def change_prose(markdown: str, change: Callable[[str], str]) -> str:
    """Return a page whose text outside blocks of code is changed by a function."""
    parts = _CODE.split(markdown)  # prose, code, prose, ...
    return "".join(part if number % 2 else change(part) for number, part in enumerate(parts))


def move_links(markdown: str, source: str, places: Mapping[str, str], files: Collection[str]) -> str:
    """Return a page with links from its place on the site to places on the site.

    Args:
        markdown: The page.
        source: Its path in the repository, from which its links lead.
        places: The paths on the site of the pages that are not in the same place below `docs/`, by their paths in the repository.
        files: The paths of all that is on the site. A link to anything else in the repository becomes its text.
    """

    def place(path: str) -> str:
        return places.get(path, path.removeprefix("docs/"))

    def move(match: re.Match[str]) -> str:
        text, path, heading = match[1], match[2], match[3] or ""
        if "://" in path:
            return match[0]
        target = place(normpath(f"{dirname(source)}/{path}".lstrip("/")))
        if target not in files:
            return text
        return f"[{text}]({relpath(target, dirname(place(source)) or '.')}{heading})"

    return change_prose(markdown, lambda prose: _LINK.sub(move, prose))


def unescape_pipes(markdown: str) -> str:
    r"""Return a text whose code has plain pipes: a code host wants `a\|b` in a table, Python-Markdown `a|b`."""
    return _SPAN.sub(lambda match: match[0].replace("\\|", "|"), markdown)
