"""Texts for `grutext classify`: whole files, or their lines."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from grutext.cli.options import print_notes
from grutext.errors import DataError

if TYPE_CHECKING:
    from grutext.data.formats.sources import Source


def read_documents(name: str, encoding: str | None, lines: bool) -> Iterator[tuple[str, str]]:
    """Yield source and text of each document in a file, or in stdin if it is called `-`; print what encoding was found.

    Args:
        name: The file; one whose name ends like that of a compressed file is unpacked.
        encoding: Its encoding; None finds it.
        lines: Whether each line is a document, called `NAME:NUMBER`; empty lines count as well.

    Raises:
        DataError: The file is missing, is a folder, is damaged, has another encoding, or a text is too long; or it is a
            table and `lines` is false; or stdin is blank.
    """
    from grutext.data.formats.encodings import describe_encodings
    from grutext.data.formats.lines import read_lines, read_whole
    from grutext.data.formats.registry import STDIN

    source = find_document(name)
    if lines:
        for number, row in enumerate(read_lines(source, encoding), start=1):
            yield f"{name}:{number}", row.removesuffix("\n").removesuffix("\r")
        print_notes(describe_encodings(source.name, source.encodings))
        return
    check_no_table(name)
    text = read_whole(source, encoding)
    print_notes(describe_encodings(source.name, source.encodings))
    if name == STDIN and not text.strip():
        raise DataError(
            "holds no text; pipe one in: echo 'where is my parcel' | grutext classify -", source.name
        )
    yield name, text


def find_document(name: str) -> Source:
    """Return the source of a file, or of stdin if it is called `-`.

    Raises:
        DataError: The file is missing or is a folder.
    """
    from grutext.data.formats.registry import find_source
    from grutext.data.formats.sources import Source

    try:
        # Here `sample` is the name of a file, not the embedded data.
        return Source(name, name, "txt") if name == "sample" else find_source(name, "txt")
    except DataError as error:
        if _is_a_text(name):
            raise _text_as_a_name(name, error) from None
        raise


def check_no_table(name: str) -> None:
    """Raise a DataError if a file name has the extension of a table format, rather than of plain text."""
    from grutext.data.formats.compression import split_name
    from grutext.data.formats.registry import format_by_suffix

    form = format_by_suffix(Path(split_name(name)[0]).suffix)
    if form is not None and form.name != "txt":
        command = shlex.join(["grutext", "predict", name])
        raise DataError(
            f"looks like a table; did you mean: {command}? (--lines treats each line as a text)", name
        )


def _is_a_text(name: str) -> bool:
    """Return whether a name that cannot be read is probably a text: no file has it, and it does not look like a file name."""
    return not os.path.exists(name) and (" " in name or not Path(name).suffix)  # noqa: PTH110 (takes any name)


def _text_as_a_name(name: str, error: DataError) -> DataError:
    from grutext.messages import shorten

    command = f"echo {shlex.quote(shorten(name))} | grutext classify -"
    return DataError(f"{error.problem}; a text goes through stdin: {command}", shorten(name))
