"""Tables that Spark reads from files and writes to a folder: parquet, CSV, TSV and JSON lines."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from grutext.errors import DataError
from grutext.messages import quote

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FORMATS = ("csv", "jsonl", "parquet", "tsv")
_SUFFIXES = {f".{name}": name for name in FORMATS} | {".json": "jsonl"}  # Spark's own name for JSON lines
_COMPRESSED = {".gz", ".bz2", ".zst", ".snappy", ".lz4"}
_OF_SPARK = {"csv": "csv", "tsv": "csv", "jsonl": "json", "parquet": "parquet"}
_CSV = {"header": "true", "quote": '"', "escape": '"'}  # as RFC 4180 has it
# FAILFAST, since Spark would otherwise read what it does not understand as nulls. The others, since it would read all files with the
# columns of one of them: cells of CSV by their places, and columns of parquet that this one lacks not at all.
_READING = {
    "csv": _CSV | {"multiLine": "true", "mode": "FAILFAST", "enforceSchema": "false"},
    "json": {"mode": "FAILFAST"},
    "parquet": {"mergeSchema": "true"},
}
_WRITING = {
    "csv": _CSV | {"emptyValue": "", "ignoreLeadingWhiteSpace": "false", "ignoreTrailingWhiteSpace": "false"},
    "json": {"ignoreNullFields": "false"},
    "parquet": {},
}


_ENCODINGS = {
    "ascii": "US-ASCII",
    "iso8859-1": "ISO-8859-1",
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-be": "UTF-16BE",
    "utf-16-le": "UTF-16LE",
    "utf-32": "UTF-32",
}  # Spark's names of encodings, by Python's


@dataclass(frozen=True, slots=True)
class TableFormat:
    """The format of a table.

    Attributes:
        name: One of `FORMATS`.
        delimiter: The character between two cells of CSV and TSV; None is a comma, and a tab in TSV.
        encoding: The encoding of CSV, TSV and JSON lines that are read; None is UTF-8.
    """

    name: str
    delimiter: str | None = None
    encoding: str | None = None

    @property
    def of_spark(self) -> str:
        """The name that Spark has for it."""
        return _OF_SPARK[self.name]

    def options(self, defaults: dict[str, dict[str, str]]) -> dict[str, str]:
        """Return Spark's options for it, those of `defaults` among them."""
        options = dict(defaults[self.of_spark])
        if self.of_spark == "csv":
            options["sep"] = self.delimiter or ("\t" if self.name == "tsv" else ",")
        return options


def find_format(path: str, named: str | None = None, default: str | None = None) -> str:
    """Return the format of a table, one of `FORMATS`.

    Args:
        path: A file, a folder or a pattern, whose suffix names the format.
        named: The format in place of the one that the suffix names.
        default: The format where the suffix names none.

    Raises:
        DataError: Spark does not have the format, or there is none.
    """
    name = PurePosixPath(path.lower())
    if name.suffix in _COMPRESSED:
        name = PurePosixPath(name.stem)
    found = named or _SUFFIXES.get(name.suffix, default)
    if found not in FORMATS:
        known = ", ".join(FORMATS)
        raise DataError(
            f"on Spark tables are {known}; end the name in one of these, or name it: --format", path
        )
    return found


def find_encoding(name: str) -> str:
    """Return Spark's name of an encoding.

    Raises:
        DataError: Spark does not have it.
    """
    try:
        return _ENCODINGS[codecs.lookup(name).name]
    except LookupError:
        known = ", ".join(sorted(set(_ENCODINGS.values())))
        raise DataError(
            f"on Spark there is no encoding {quote(name)}; encode the files in one of {known}"
        ) from None


def read_table(session: SparkSession, paths: Sequence[str], form: TableFormat) -> DataFrame:
    """Return the rows of files, which in CSV and TSV must have the same columns; cells of these are strings.

    Args:
        session: The session.
        paths: Files, folders and patterns, on any storage that Spark knows.
        form: Their format.

    Raises:
        DataError: The files have no columns, or Spark does not have the encoding.
    """
    options = form.options(_READING)
    if form.encoding is not None:
        options["encoding"] = find_encoding(form.encoding)
    reader = session.read.options(**options).format(form.of_spark)
    frame = reader.load(list(paths))
    if not frame.columns:
        raise DataError("has no columns", " ".join(paths))
    if form.of_spark != "csv":
        return frame
    if any(name == f"_c{number}" for number, name in enumerate(frame.columns)):
        # Columns without names, which Spark does not compare with those of other files.
        if len(frame.inputFiles()) > 1:
            problem = "has a column without a name; files that are read together need a name for each"
            raise DataError(problem, " ".join(paths))
        frame = reader.option("enforceSchema", "true").load(list(paths))
    return frame.toDF(*map(str.strip, frame.columns))


def write_table(frame: DataFrame, path: str, form: TableFormat, probabilities: Collection[str] = ()) -> None:
    """Write rows to a folder, which must not exist; a file `_SUCCESS` in it says that it is complete.

    Args:
        frame: The rows.
        path: The folder, on any storage that Spark knows.
        form: The format.
        probabilities: Columns that CSV and TSV get with six decimals.
    """
    if form.of_spark == "csv":
        frame = frame.selectExpr(*_as_cells(frame, probabilities))
    frame.write.options(**form.options(_WRITING)).format(form.of_spark).save(path)


def quote_column(name: str) -> str:
    """Return the name of a column as SQL quotes it."""
    return f"`{name.replace('`', '``')}`"


def _as_cells(frame: DataFrame, probabilities: Collection[str]) -> list[str]:
    """Return an expression of each column that CSV can hold: lists and objects as JSON."""
    cells = []
    for field in frame.schema.fields:
        name = quote_column(field.name)
        if field.name in probabilities:
            cells.append(f"cast({name} as decimal(7, 6)) as {name}")
        elif field.dataType.typeName() in {"array", "map", "struct"}:
            cells.append(f"to_json({name}) as {name}")
        else:
            cells.append(name)
    return cells
