"""What MkDocs calls while it builds the site (`hooks` in mkdocs.yml)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from documentation.links import change_prose, move_links, unescape_pipes
from documentation.reference import insert_tables

ROOT = Path(__file__).parents[1]
PLACES = {
    "README.md": "index.md",
    "docs/README.md": "guide/index.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
}  # pages that are not in the same place below docs/: their paths in the repository, and on the site


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
    source = {place: path for path, place in PLACES.items()}.get(uri, f"docs/{uri}")
    if source == "README.md":
        page.meta["hide"] = ["navigation", "toc"]
    moved = move_links(markdown, source, PLACES, {file.src_uri for file in files})
    return change_prose(insert_tables(moved), unescape_pipes)
