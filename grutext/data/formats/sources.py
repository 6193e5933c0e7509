"""Sources of data, and the bytes of them."""

from __future__ import annotations

import errno
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from grutext.data.dialect import Dialect
from grutext.data.formats.compression import unpack
from grutext.errors import DataError


@dataclass(frozen=True, slots=True)
class Source:
    """A source of data.

    Attributes:
        name: Its name in messages: as the user wrote it, or `standard input`.
        path: The path of the file or folder; None for standard input.
        format: The name of its format; None if neither name nor option says it (standard input).
        compression: What its name ends in if it is compressed, one of `compression.SUFFIXES`; else empty.
        dialect: What the user says about its dialect, if it is a file of delimited cells.
        encodings: The encodings that were found while it was read, and in how many files.
    """

    name: str
    path: str | None
    format: str | None
    compression: str = ""
    dialect: Dialect = field(default_factory=Dialect)
    encodings: Counter[str] = field(default_factory=Counter, compare=False)


def explain_os_error(error: OSError) -> str:
    """Return what is wrong with a file, in words for the user, from an error of the operating system."""
    if isinstance(error, PermissionError):
        return "cannot be read: permission denied"
    if isinstance(error, IsADirectoryError):
        return "is a folder, not a file"
    if error.errno == errno.ENAMETOOLONG:
        return "the name is too long"
    return f"cannot be read: {error.strerror or error}"


@contextmanager
def open_bytes(source: Source) -> Iterator[IO[bytes]]:
    """Open a source and yield its bytes, decompressed; standard input stays open afterwards.

    Raises:
        DataError: It cannot be opened.
    """
    if source.path is None:
        if sys.stdin is None:
            raise DataError("is closed; name a file", source.name)
        yield sys.stdin.buffer
        return
    try:
        file = Path(source.path).open("rb")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise DataError(explain_os_error(error), source.name) from None
    with file:
        yield unpack(file, source.compression, source.name) if source.compression else file
