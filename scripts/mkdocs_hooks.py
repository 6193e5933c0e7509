"""What MkDocs calls while it builds the site (`hooks` in mkdocs.yml)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from documentation.links import (
    change_prose,
    find_dead_links,
    move_links,
    move_links_of_notebook,
    unescape_pipes,
)
from documentation.reference import insert_tables

ROOT = Path(__file__).parents[1]
PLACES = {
    "README.md": "index.md",
    "docs/README.md": "guide/index.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
}  # pages that are not in the same place below docs/: their paths in the repository, and on the site
SOURCES = {place: path for path, place in PLACES.items()}
HIDDEN = {"index.md": ["navigation", "toc"], "start.md": ["navigation"]}  # columns that pages do without


def on_files(files: Any, config: Any) -> Any:
    """Return the files of the site, with the pages of PLACES."""
    from mkdocs.structure.files import File

    files.remove(files.get_file_from_path("README.md"))
    for path, uri in PLACES.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, files: Any, **_: Any) -> str:
    """Return the text of a page as the site shows it."""
    uri = page.file.src_uri
    source = SOURCES.get(uri, f"docs/{uri}")
    page.meta.setdefault("hide", HIDDEN.get(uri, []))
    moved = move_links(markdown, source, PLACES, {file.src_uri for file in files})
    shown = change_prose(insert_tables(moved), unescape_pipes)
    return begin_with_buttons(shown) if uri == "index.md" else shown


def on_page_content(html: str, page: Any, files: Any, **_: Any) -> str:
    """Return the HTML of a page; MkDocs moves the links of all pages but notebooks."""
    uri = page.file.src_uri
    if not uri.endswith(".ipynb"):
        return html
    return move_links_of_notebook(html, f"docs/{uri}", PLACES, {file.src_uri: file.url for file in files})


def on_post_build(config: Any) -> None:
    """Warn of dead links, which is an error with `--strict`."""
    for dead in find_dead_links(Path(config.site_dir).resolve()):
        logging.getLogger("mkdocs.hooks").warning(dead)


def begin_with_buttons(markdown: str) -> str:
    """Return the first page with buttons below its title and its first paragraph."""
    first, rest = markdown.split("\n\n", maxsplit=1)
    buttons = "[Start](start.md){ .md-button .md-button--primary } [Guides](guide/index.md){ .md-button }"
    return f'<div class="front-page" markdown>\n{first}\n\n{buttons}\n</div>\n\n{rest}'
