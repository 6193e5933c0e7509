"""Texts for `grutext classify`: whole files, or their lines."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import click

from grutext.errors import DataError


def read_documents(name: str, encoding: str, lines: bool) -> Iterator[tuple[str, str]]:
    """Gives source and text of each document in a file, or in stdin if it is called `-`.

    Args:
        name: The file; what ends in `.gz` is unpacked.
        encoding: Its encoding; `utf-8` also takes a byte order mark.
        lines: Whether each line is a document, called `NAME:NUMBER`; empty lines count as well.

    Raises:
        DataError: The file is missing, is a folder, is damaged or has another encoding.
    """
    text = _decode(name, _read_bytes(name), encoding)
    if not lines:
        yield name, text
        return
    # Not str.splitlines: it would also break at U+2028 and other characters inside a text.
    rows = text.replace("\r\n", "\n").split("\n")
    if not rows[-1]:
        rows.pop()
    for number, row in enumerate(rows, start=1):
        yield f"{name}:{number}", row


def _read_bytes(name: str) -> bytes:
    if name == "-":
        return click.get_binary_stream("stdin").read()
    try:
        with gzip.open(name) if name.lower().endswith(".gz") else open(name, "rb") as file:
            return file.read()
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise DataError("the .gz file is damaged or cut off; copy it again", name) from None
    except FileNotFoundError:
        raise DataError("there is no such file", name) from None
    except IsADirectoryError:
        raise DataError("is a folder; name its files, such as FOLDER/*.txt", name) from None


def _decode(name: str, raw: bytes, encoding: str) -> str:
    try:
        return raw.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except LookupError:
        raise DataError(f'there is no encoding "{encoding}"; --encoding takes names such as latin-1', name) from None
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        raise DataError(f"the text is not {encoding}; name its encoding, such as --encoding latin-1", name, row) from None
