"""CSV and TSV: a line of column names, then rows."""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from grutext.data.formats.cells import render_cells
from grutext.data.formats.lines import read_lines
from grutext.data.formats.registry import Format
from grutext.data.formats.sources import Source
from grutext.data.limits import LONGEST_RECORD, check_record
from grutext.data.records import Record, Table, check_columns
from grutext.errors import DataError
from grutext.messages import count

if TYPE_CHECKING:
    from _csv import Reader


def open_csv(source: Source, encoding: str) -> Table:
    """Open a file whose cells are separated by commas; see `open_delimited`."""
    return open_delimited(source, encoding, ",")


def open_tsv(source: Source, encoding: str) -> Table:
    """Open a file whose cells are separated by tabs; see `open_delimited`."""
    return open_delimited(source, encoding, "\t")


def open_delimited(source: Source, encoding: str, delimiter: str) -> Table:
    """Open a file of delimited cells.

    Every cell is a string, character for character as in the file. Blank lines are skipped. A column without a name
    is called `column_N`, counted from 1.

    Args:
        source: A file or standard input.
        encoding: Its encoding.
        delimiter: The character between two cells.

    Raises:
        DataError: The header or one of the first rows is malformed.
    """
    # The csv module has one limit for the whole process, 131,072 characters, which real documents exceed. It is
    # raised and stays so: lowering it again would fail another thread that is reading a long text.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_RECORD))
    lines = _Lines(read_lines(source, encoding), source)
    rows = _read_rows(csv.reader(lines, delimiter=delimiter, strict=True), lines, source)
    header = next(rows, None)
    if header is None:
        raise DataError("is empty; the first line names the columns, such as text,label", source.name)
    columns = _read_header(*header, source)
    table_rows = _build_records(rows, lines, columns, source)
    return Table(
        source.name, table_rows, columns, empty="has a line of column names, but no rows below it; add some"
    )


def render_csv_row(columns: Sequence[str], row: Mapping[str, Any], safe: bool) -> str:
    """Return a row as a line of CSV, with an empty cell for a column that the row lacks."""
    return render_cells([row.get(name) for name in columns], ",", safe=safe)


def render_tsv_row(columns: Sequence[str], row: Mapping[str, Any], safe: bool) -> str:
    """Return a row as a line of TSV, with an empty cell for a column that the row lacks."""
    return render_cells([row.get(name) for name in columns], "\t", safe=safe)


class _Lines:
    """Checked lines for the csv module, which reads one or more of them for each row.

    Attributes:
        size: The number of characters of all lines read since `size` was last set to 0.
    """

    def __init__(self, lines: Generator[str, None, None], source: Source) -> None:
        self.size = 0
        self.close = lines.close
        self._lines = lines
        self._source = source

    def __iter__(self) -> Iterator[str]:
        """Yield the lines; raise a DataError for a row that is too long, and for NUL, which only some versions of csv refuse."""
        start = 1
        for number, line in enumerate(self._lines, start=1):
            start = start if self.size else number
            self.size += len(line)
            check_record(self.size, self._source.name, start)
            if "\0" in line:
                problem = "a NUL character is not text; if the file is UTF-16, name it: --encoding utf-16"
                raise DataError(problem, self._source.name, number)
            yield line


def _read_rows(reader: Reader, lines: _Lines, source: Source) -> Generator[tuple[int, list[str]], None, None]:
    """Yield the number of the line on which a row starts, and its cells; blank lines are skipped."""
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


FORMATS = (
    Format("csv", open_csv, (".csv",), write_row=render_csv_row, header=True),
    Format("tsv", open_tsv, (".tsv",), write_row=render_tsv_row, header=True),
)
