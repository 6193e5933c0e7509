"""Which form of data a name stands for, and the bytes behind it."""

from __future__ import annotations

import errno
import gzip
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from grutext.data.sample import sample_path
from grutext.errors import DataError
from grutext.messages import list_names, quote, suggest

FORMATS = ("csv", "tsv", "jsonl", "parquet", "fasttext", "txt", "folder")
STDIN = "-"
TFDS = "tfds"
KNOWN_NAMES = ".csv .tsv .jsonl .parquet .txt (each also .gz), a folder of class folders, tfds:NAME[/CONFIG][:SPLIT], sample"


@dataclass(frozen=True, slots=True)
class Source:
    """A name, understood.

    Attributes:
        name: What messages call it: the name as the user wrote it, or `standard input`.
        path: Where it lies; None for standard input.
        format: One of `FORMATS`, or `tfds`; None where neither name nor option tells (standard input).
        compressed: Whether it is packed with gzip.
    """

    name: str
    path: str | None
    format: str | None
    compressed: bool = False


def find_source(name: str, form: str | None = None) -> Source:
    """Gives what `name` stands for.

    Args:
        name: A path, `-`, `sample` or `tfds:…`.
        form: One of `FORMATS`, instead of what the name says.

    Raises:
        DataError: There is no such file, or its form is unknown.
    """
    if form is not None and form not in FORMATS:
        near = suggest(form, FORMATS)
        raise DataError(f"there is no format {quote(form)}{near} The formats are: {list_names(FORMATS)}")
    if name == STDIN:
        return Source("standard input", None, form)
    if name.startswith(f"{TFDS}:"):
        return Source(name, name, TFDS)
    if name == "sample":
        path = str(sample_path() / "train.csv")
        return Source(path, path, "csv")
    if _is_folder(name):
        if form not in (None, "folder"):
            raise DataError(f"is a folder; {form} needs a file", name)
        return Source(name, name, "folder")
    if form == "folder":
        raise DataError("is a file, and not a folder of class folders", name)
    stem, compressed = (name[:-3], True) if name.lower().endswith(".gz") else (name, False)
    return Source(name, name, form or _format_by_name(stem, name), compressed)


def _is_folder(name: str) -> bool:
    try:
        return stat.S_ISDIR(Path(name).stat().st_mode)
    except FileNotFoundError:
        raise DataError(f"there is no such file or folder{_suggest_file(name)}", name) from None
    except OSError as error:
        raise DataError(explain_os_error(error), name) from None
    except ValueError:  # a NUL or a lone surrogate
        raise DataError("is no possible file name", quote(name)) from None


def _suggest_file(name: str) -> str:
    try:
        return suggest(Path(name).name, [other.name for other in Path(name).parent.iterdir()], end="")
    except OSError:
        return ""


def _format_by_name(stem: str, name: str) -> str:
    extension = Path(stem).suffix.lower()
    form = extension.removeprefix(".")
    if form in ("csv", "tsv", "jsonl", "parquet", "txt"):
        return form
    what = f"the extension {quote(extension)} is unknown" if extension else "the name has no extension"
    raise DataError(f"{what}; known are {KNOWN_NAMES}; --format tells the form of other names", name)


def explain_os_error(error: OSError) -> str:
    """Gives what an error of the operating system means for the one who named the file."""
    if isinstance(error, PermissionError):
        return "cannot be read: permission denied"
    if isinstance(error, IsADirectoryError):
        return "is a folder, not a file"
    if error.errno == errno.ENAMETOOLONG:
        return "the name is too long"
    return f"cannot be read: {error.strerror or error}"


@contextmanager
def open_bytes(source: Source) -> Iterator[IO[bytes]]:
    """Opens a source for reading, unpacked; standard input stays open afterwards.

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
        if source.compressed:
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast("IO[bytes]", unpacked)
        else:
            yield file
