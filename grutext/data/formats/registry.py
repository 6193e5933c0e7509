"""The formats of labelled data, and which of them a name stands for.

A format is one module of this package with a tuple `FORMATS` of `Format`; adding such a module is all that reading,
`--format`, the suffixes of file names, writing and the messages need.
"""

from __future__ import annotations

import importlib
import pkgutil
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from grutext.data.dialect import Dialect
from grutext.data.examples import ReadOptions
from grutext.data.formats.compression import SUFFIXES, ZIP, member_name, split_name
from grutext.data.formats.sources import Source, explain_os_error
from grutext.data.records import Table
from grutext.data.sample import sample_path
from grutext.errors import DataError, MissingExtraError
from grutext.messages import list_names, quote, suggest

STDIN = "-"
SAMPLE = "sample"

Opener = Callable[[Source, str | None], Table]  # from a source and its encoding, which None finds
RowRenderer = Callable[[Sequence[str], Mapping[str, Any], bool], str]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of labelled data.

    Attributes:
        name: Its name in `--format` and in messages.
        open: Opens a source of labelled rows. Heavy packages are imported here, not at the top of the module.
        suffixes: The file name extensions that stand for it, in lower case with the dot; that of a compression may follow them.
        kind: `file`, whose bytes come from a file or from standard input; `folder`; or `name`, for data sets that are
            named `FORMAT:NAME`.
        open_rows: Opens a source of rows to predict on, if that differs from `open`.
        write_row: Returns a row as text with its line end, from the names of the columns, the row, and whether cells
            must be safe from being taken for formulas; None if the format cannot be written.
        header: Whether the first line of a written file names the columns, so that all rows have the same ones.
        delimiter: The usual character between two cells; empty for formats that have no such dialects.
        typed: Whether its columns have types; truth values of such a column are written in CSV as pandas does, `True`.
        magic: The first bytes of its files, by which an error recognises a file that was read as another format.
        package: The package that `open` imports and that the base installation lacks.
        extra: The extra of grutext that installs this package.
        usage: How a source is named, for formats that no suffix stands for.
        recognise: Returns whether a folder is of this format, for formats of the kind `folder`; None for the format of
            folders that no other one recognises.
    """

    name: str
    open: Opener
    suffixes: tuple[str, ...] = ()
    kind: str = "file"
    open_rows: Opener | None = None
    write_row: RowRenderer | None = None
    header: bool = False
    delimiter: str = ""
    typed: bool = False
    magic: bytes = b""
    package: str | None = None
    extra: str = ""
    usage: str = ""
    recognise: Callable[[Path], bool] | None = None


@cache
def load_formats() -> dict[str, Format]:
    """Return all formats by name, sorted by name."""
    package = __name__.rpartition(".")[0]
    folders = importlib.import_module(package).__path__
    found: list[Format] = []
    for module in pkgutil.iter_modules(folders):
        found += getattr(importlib.import_module(f"{package}.{module.name}"), "FORMATS", ())
    return {form.name: form for form in sorted(found, key=lambda form: form.name)}


def format_names() -> tuple[str, ...]:
    """Return the names that `--format` takes."""
    return tuple(form.name for form in load_formats().values() if form.kind != "name")


def written_formats() -> tuple[str, ...]:
    """Return the names of the formats that can be written."""
    return tuple(form.name for form in load_formats().values() if form.write_row)


def list_suffixes(*, written: bool = False) -> str:
    """Return the known file name extensions, or those of formats that can be written, for messages."""
    forms = [form for form in load_formats().values() if form.write_row or not written]
    return " ".join(suffix for form in forms for suffix in form.suffixes)


def format_by_suffix(suffix: str) -> Format | None:
    """Return the format that a file name extension stands for in upper or lower case; None if there is none."""
    return next((form for form in load_formats().values() if suffix.lower() in form.suffixes), None)


def find_source(name: str, form: str | None = None) -> Source:
    """Return the source that `name` stands for.

    Args:
        name: A path, `-`, `sample` or `FORMAT:NAME`, such as `tfds:imdb_reviews`.
        form: A name of `format_names`, in place of the one that the file name's extension stands for.

    Raises:
        DataError: There is no such format or file, or the extension of the file name stands for no format.
    """
    formats = load_formats()
    if form is not None and form not in format_names():
        names = format_names()
        raise DataError(
            f"there is no format {quote(form)}{suggest(form, names)} The formats are: {list_names(names)}"
        )
    if name == STDIN:
        return Source("standard input", None, form)
    prefix = name.partition(":")[0]
    if prefix != name and prefix in formats and formats[prefix].kind == "name":
        return Source(name, name, prefix)
    if name == SAMPLE:
        path = str(sample_path() / "train.csv")
        return Source(path, path, "csv")
    kind = "folder" if _is_folder(name) else "file"
    if kind == "folder":
        if form is not None and formats[form].kind != "folder":
            raise DataError(f"is a folder; {form} needs a file", name)
        return Source(name, name, form or _recognise_folder(Path(name)))
    if form is not None and formats[form].kind == "folder":
        raise DataError(f"is a file, and not {formats[form].usage}", name)
    stem, compression = split_name(name)
    if form is None and compression == ZIP:
        stem = _name_in_zip(name, stem)
    return Source(name, name, form or _guess_format(stem, name), compression)


def _recognise_folder(path: Path) -> str:
    """Return the name of the format of a folder."""
    folders = [form for form in load_formats().values() if form.kind == "folder"]
    found = [form.name for form in folders if form.recognise is not None and form.recognise(path)]
    return found[0] if found else next(form.name for form in folders if form.recognise is None)


def _name_in_zip(name: str, stem: str) -> str:
    """Return the name that shows the format of a .zip: that of the file in it, or else its own."""
    try:
        with Path(name).open("rb") as file:
            inner = member_name(file, name)
    except OSError as error:
        raise DataError(explain_os_error(error), name) from None
    return inner if format_by_suffix(Path(inner).suffix) else stem


def open_table(source: Source, options: ReadOptions, *, labelled: bool = True) -> Table:
    """Open a source of labelled rows, or of rows to predict on.

    Args:
        source: The source.
        options: How to read it. Binary formats ignore the encoding, and formats without dialects the remembered one.
        labelled: Whether the rows must have labels.

    Raises:
        DataError: The source, or one of its first rows, cannot be read.
        MissingExtraError: The format needs a package that is not installed.
    """
    if source.format is None:
        choices = ", ".join(name for name in format_names() if load_formats()[name].kind == "file")
        raise DataError(f"its format is not known; name it by --format: {choices}", source.name)
    form = load_formats()[source.format]
    if options.dialect != Dialect() and not form.delimiter:
        problem = "--delimiter, --quotes, --no-quotes, --escape, --header, --no-header and --columns are for CSV and TSV"
        raise DataError(f"is read as {form.name}; {problem}", source.name)
    open_source = form.open if labelled else form.open_rows or form.open
    try:
        dialect = options.dialect.over(options.remembered)
        table = open_source(replace(source, dialect=dialect), options.encoding)
    except ImportError:
        if form.package is None:
            raise
        raise MissingExtraError(f"reading {form.name}", form.package, form.extra) from None
    table.format, table.encodings = form.name, source.encodings
    return table


def _is_folder(name: str) -> bool:
    try:
        return stat.S_ISDIR(Path(name).stat().st_mode)
    except FileNotFoundError:
        raise DataError(f"there is no such file or folder{_suggest_file(name)}", name) from None
    except OSError as error:
        raise DataError(explain_os_error(error), name) from None
    except ValueError:  # a NUL or a lone surrogate
        raise DataError("is not a possible file name", quote(name)) from None


def _suggest_file(name: str) -> str:
    try:
        return suggest(Path(name).name, [other.name for other in Path(name).parent.iterdir()], end="")
    except OSError:
        return ""


def _guess_format(stem: str, name: str) -> str:
    suffix = Path(stem).suffix
    form = format_by_suffix(suffix)
    if form is not None:
        return form.name
    what = f"the extension {quote(suffix.lower())} is unknown" if suffix else "the name has no extension"
    usages = ", ".join(other.usage for other in load_formats().values() if other.usage)
    known = f"{list_suffixes()} (each also {' '.join(SUFFIXES)}), {usages}, {SAMPLE}"
    raise DataError(f"{what}; known are {known}; --format names the format of other files", name)
