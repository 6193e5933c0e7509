"""Texts for `grutext classify`: whole files, or their lines."""

from __future__ import annotations

from collections.abc import Iterator


def read_documents(name: str, encoding: str, lines: bool) -> Iterator[tuple[str, str]]:
    """Gives source and text of each document in a file, or in stdin if it is called `-`.

    Args:
        name: The file; what ends in `.gz` is unpacked.
        encoding: Its encoding; `utf-8` also takes a byte order mark.
        lines: Whether each line is a document, called `NAME:NUMBER`; empty lines count as well.

    Raises:
        DataError: The file is missing, is a folder, is damaged, has another encoding, or a text is too long.
    """
    from grutext.data.formats.lines import read_lines, read_whole
    from grutext.data.formats.sources import Source, find_source

    # Here `sample` is a file like any other, and not the embedded data.
    source = Source(name, name, "txt") if name == "sample" else find_source(name, "txt")
    if not lines:
        yield name, read_whole(source, encoding)
        return
    for number, row in enumerate(read_lines(source, encoding), start=1):
        yield f"{name}:{number}", row.removesuffix("\n").removesuffix("\r")
