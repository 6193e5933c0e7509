"""CSV and TSV: a line of column names, then rows."""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from grutext.data.formats.lines import read_lines
from grutext.data.formats.sources import Source
from grutext.data.limits import LONGEST_RECORD, check_record
from grutext.data.records import Record, Table, check_columns
from grutext.errors import DataError
from grutext.messages import count

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = {"csv": ",", "tsv": "\t"}


def open_delimited(source: Source, encoding: str, form: str) -> Table:
    """Opens a file of delimited cells.

    Every cell stays text, character for character. Lines without anything are no rows. A column without a name
    is called `column_N`, counted from 1.

    Args:
        source: A file or standard input.
        encoding: Its encoding.
        form: `csv` or `tsv`.

    Raises:
        DataError: The header or one of the first rows cannot be used.
    """
    # The csv module has one limit for the whole process, 131,072 characters, which real documents exceed. It is
    # raised and stays so: lowering it again would fail another thread that is reading a long text.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_RECORD))
    lines = _Lines(read_lines(source, encoding), source)
    rows = _read_rows(csv.reader(lines, delimiter=DELIMITERS[form], strict=True), lines, source)
    header = next(rows, None)
    if header is None:
        raise DataError("is empty; the first line names the columns, such as text,label", source.name)
    columns = _read_header(*header, source)
    table_rows = _build_records(rows, lines, columns, source)
    return Table(
        source.name, table_rows, columns, empty="has a line of column names, but no rows below it; add some"
    )


class _Lines:
    """Lines on their way to the csv module, which takes as many as a row goes on.

    Attributes:
        size: Characters of the lines since it was last set to 0.
    """

    def __init__(self, lines: Generator[str, None, None], source: Source) -> None:
        self.size = 0
        self.close = lines.close
        self._lines = lines
        self._source = source

    def __iter__(self) -> Iterator[str]:
        """Refuses NUL, which the csv module takes or not, depending on its version, and rows that never end."""
        start = 1
        for number, line in enumerate(self._lines, start=1):
            start = start if self.size else number
            self.size += len(line)
            check_record(self.size, self._source.name, start)
            if "\0" in line:
                problem = "a NUL character is no text; if the file is UTF-16, name it: --encoding utf-16"
                raise DataError(problem, self._source.name, number)
            yield line


def _read_rows(reader: Reader, lines: _Lines, source: Source) -> Generator[tuple[int, list[str]], None, None]:
    """Gives each row that has anything with the line on which it starts."""
    while True:
        start = reader.line_num + 1
        lines.size = 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(_explain(error, start, reader.line_num), source.name, start) from None
        if cells:
            yield start, cells


def _explain(error: csv.Error, start: int, end: int) -> str:
    span = f" (the row runs on to line {end})" if end > start else ""
    if "unexpected end of data" in str(error):
        return f'a quoted cell of the row that starts here never ends{span}; close its quote, or write "" for " in it'
    if "expected after" in str(error):
        return f'text follows the closing quote of a cell{span}; inside a quoted cell write "" for "'
    return f"the row cannot be read: {error}{span}"


def _read_header(row: int, cells: list[str], source: Source) -> list[str]:
    names = [cell.strip() or f"column_{number}" for number, cell in enumerate(cells, start=1)]
    check_columns(names, source.name, row)
    return names


def _build_records(
    rows: Iterator[tuple[int, list[str]]],
    lines: _Lines,
    columns: list[str],
    source: Source,
) -> Generator[Record, None, None]:
    with closing(lines):
        for number, cells in rows:
            if len(cells) != len(columns):
                found, named = count(len(cells), "cell"), count(len(columns), "column")
                problem = (
                    f"the row has {found}, but the first line names {named}; put quotes around a cell with "
                )
                problem += "separators or line breaks in it"
                raise DataError(problem, source.name, number)
            yield Record(number, dict(zip(columns, cells, strict=True)), source.name, lines.size)
