"""Links of the site; and what a code host reads otherwise than MkDocs: links through the repository, pipes in tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, normpath, relpath
from urllib.parse import unquote, urlsplit

_CODE = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_SPAN = r"(?<!`)(?P<ticks>`+)(?!`)[^\n]*?(?<!`)(?P=ticks)(?!`)"  # code within a line
_LINK = r"\[(?P<text>[^\]]*)\]\((?P<path>[^)\s#]+)(?P<heading>#[^)\s]*)?\)"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_LINK_OF_NOTEBOOK = re.compile(r'(?<=<a href=")([^":#]+)((?:#[^"]*)?")')


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
        text, path, heading = match["text"], match["path"], match["heading"] or ""
        if match["ticks"] or _SCHEME.match(path):
            return match[0]
        target = place(normpath(f"{dirname(source)}/{path}".lstrip("/")))
        if target not in files:
            return text
        return f"[{text}]({relpath(target, dirname(place(source)) or '.')}{heading})"

    return change_prose(markdown, lambda prose: re.sub(f"{_SPAN}|{_LINK}", move, prose))


def move_links_of_notebook(
    page: str, source: str, places: Mapping[str, str], addresses: Mapping[str, str]
) -> str:
    """Return the HTML of a notebook with links to the pages of the site, in place of those to their sources.

    Args:
        page: The HTML, which is made from the notebook without MkDocs' own care for links.
        source: The path of the notebook in the repository.
        places: As for `move_links`.
        addresses: The addresses of all that is on the site, by the paths there.
    """
    start = dirname(addresses[places.get(source, source.removeprefix("docs/"))])

    def move(match: re.Match[str]) -> str:
        path = normpath(f"{dirname(source)}/{match[1]}")
        address = addresses.get(places.get(path, path.removeprefix("docs/")))
        return relpath(address, start or ".") + match[2] if address else match[0]

    return _LINK_OF_NOTEBOOK.sub(move, page)


class _Page(HTMLParser):
    """The links of a page, and the names that links may lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" or (name == "name" and tag == "a"):
                self.names.add(value or "")
            elif name == "href" and tag == "a":
                self.links.append(value or "")


def find_dead_links(folder: Path) -> list[str]:
    """Return the links between the pages of a built site that lead to no file, or to no heading of a page."""
    pages = {path: _Page(path.read_text("utf-8")) for path in sorted(folder.rglob("*.html"))}
    dead = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            start = folder if parts.path.startswith("/") else path.parent  # 404.html is shown for any address
            target = (start / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
            reached = target.is_file() and (
                target not in pages or unquote(parts.fragment) in pages[target].names
            )
            if not reached:
                dead.append(f"{path.relative_to(folder)} links to {link}")
    return dead


def unescape_pipes(markdown: str) -> str:
    r"""Return a text whose code has plain pipes: a code host wants `a\|b` in a table, Python-Markdown `a|b`."""
    return re.sub(_SPAN, lambda match: match[0].replace("\\|", "|"), markdown)
