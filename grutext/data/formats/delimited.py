"""CSV and TSV: a line of column names, then rows; `sniffing` finds what separates and quotes the cells."""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from grutext.data.dialect import Dialect
from grutext.data.formats.cells import render_cells
from grutext.data.formats.lines import read_lines
from grutext.data.formats.registry import Format
from grutext.data.formats.sniffing import BLOCK, Block, PlainRows, find_dialect
from grutext.data.formats.sources import Source
from grutext.data.limits import LONGEST_RECORD, check_record
from grutext.data.records import Record, Table, check_columns
from grutext.errors import DataError
from grutext.messages import count

if TYPE_CHECKING:
    from _csv import Reader


def open_csv(source: Source, encoding: str | None) -> Table:
    """Open a file whose cells are separated by commas, unless it says otherwise; see `open_delimited`."""
    return open_delimited(source, encoding, ",")


def open_tsv(source: Source, encoding: str | None) -> Table:
    """Open a file whose cells are separated by tabs, unless it says otherwise; see `open_delimited`."""
    return open_delimited(source, encoding, "\t")


def open_delimited(source: Source, encoding: str | None, usual: str) -> Table:
    """Open a file of delimited cells, in the dialect that the source names or that its first block shows.

    Every cell is a string, character for character as in the file. Blank lines are skipped. A column without a name
    is called `column_N`, counted from 1.

    Args:
        source: A file or standard input.
        encoding: Its encoding; None finds it.
        usual: The character between two cells in most files of this format.

    Raises:
        DataError: The header or one of the first rows is malformed, or the dialect is not clear.
    """
    # The csv module has one limit for the whole process, 131,072 characters, which real documents exceed. It is
    # raised and stays so: lowering it again would fail another thread that is reading a long text.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_RECORD))
    all_lines = read_lines(source, encoding)
    block, error = _read_block(all_lines)
    found = find_dialect(block, source.dialect, usual, source.name)
    lines = _Lines(chain(_take(block.lines, error), all_lines), all_lines.close, found.skipped, source)
    del block.lines[: found.skipped]
    # A user who says what quotes mean is not doubted.
    plain = found.plain if found.dialect.quotes and source.dialect.quotes is None else None
    reader = csv.reader(lines, **found.dialect.reader_options())
    rows = _read_rows(reader, lines, source, plain)
    columns, below = _read_header(rows, found.dialect, source)
    table_rows = _build_records(below, lines, columns, source)
    empty = "has a line of column names, but no rows below it; add some"
    table = Table(source.name, table_rows, columns, empty=empty)
    table.dialect = found.dialect
    table.notes += [f"{source.name}: {note}" for note in found.notes]
    return table


def _read_block(lines: Iterator[str]) -> tuple[Block, DataError | None]:
    """Read the first block of a file, up to a line that cannot be read; return it, and the error of that line."""
    first, size = list[str](), 0
    try:
        for line in lines:
            first.append(line)
            size += len(line)
            if size >= BLOCK:
                return Block(first, whole=False), None
    except DataError as error:
        return Block(first, whole=False), error
    return Block(first, whole=True), None


def _take(first: list[str], error: DataError | None) -> Iterator[str]:
    """Yield the lines of a block, freeing their memory, then raise the error of the line that follows."""
    first.reverse()
    while first:
        yield first.pop()
    if error is not None:
        raise error


def render_row(delimiter: str, columns: Sequence[str], row: Mapping[str, Any], safe: bool) -> str:
    """Return a row as a line of delimited cells, with an empty cell for a column that the row lacks."""
    return render_cells([row.get(name) for name in columns], delimiter, safe=safe)


def with_delimiter(form: Format, delimiter: str) -> Format:
    """Return a format of delimited cells that is written with another delimiter."""
    return replace(form, delimiter=delimiter, write_row=partial(render_row, delimiter))


render_tsv_row = partial(render_row, "\t")


class _Lines:
    """Checked lines for the csv module, which reads one or more of them for each row.

    Args:
        lines: The lines of a file.
        close: Closes the file.
        skipped: How many lines of the file come before them.
        source: The file.

    Attributes:
        size: The number of characters of the lines in `row`.
        row: All lines read since it was last cleared.
        skipped: How many lines of the file come before the first one.
    """

    def __init__(self, lines: Iterator[str], close: Callable[[], None], skipped: int, source: Source) -> None:
        self.size = 0
        self.row: list[str] = []
        self.skipped = skipped
        self.close = close
        self._lines = lines
        self._source = source

    def __iter__(self) -> Iterator[str]:
        """Yield the lines; raise a DataError for a row that is too long, and for NUL, which only some versions of csv refuse."""
        row = self.row
        for number, line in enumerate(self._lines, start=self.skipped + 1):
            row.append(line)
            self.size += len(line)
            if self.size > LONGEST_RECORD:
                check_record(self.size, self._source.name, number - len(row) + 1)
            if "\0" in line:
                problem = "a NUL character is not text; if the file is UTF-16, name it: --encoding utf-16"
                raise DataError(problem, self._source.name, number)
            yield line


def _read_rows(
    reader: Reader, lines: _Lines, source: Source, plain: PlainRows | None
) -> Generator[tuple[int, list[str]], None, None]:
    """Yield the number of the line on which a row starts, and its cells; blank lines are skipped.

    Raises:
        DataError: A row cannot be read, or `plain` doubts that its lines belong together.
    """
    row, first = lines.row, lines.skipped + 1
    while True:
        start = first + reader.line_num
        lines.size = 0
        row.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            end = lines.skipped + reader.line_num
            raise DataError(_explain(error, start, end, row), source.name, start) from None
        if len(row) > 1 and plain is not None:
            _check_row(row, plain, source, start)
        if cells:
            yield start, cells


def _check_row(lines: list[str], plain: PlainRows, source: Source, start: int) -> None:
    doubtful = plain.doubt(lines)
    if doubtful:
        problem = (
            f"the row that starts here runs on to line {start + len(lines) - 1:,} in a quoted cell, and "
        )
        problem += (
            f"{doubtful:,} of these lines look like rows of their own; close the quote, or --no-quotes reads "
        )
        problem += "quotes as characters like any others, or --quotes reads the row as it is"
        raise DataError(problem, source.name, start)


def _explain(error: csv.Error, start: int, end: int, lines: list[str]) -> str:
    span = f" (the row runs on to line {end})" if end > start else ""
    remedy = "or read quotes as characters like any others: --no-quotes"
    if any('\\"' in line for line in lines):
        remedy = "or, since \\ seems to stand before quotes that are text: --escape '\\'"
    if "unexpected end of data" in str(error):
        problem = f"a quoted cell of the row that starts here never ends{span}"
        return f'{problem}; close its quote, or write "" for " in it, {remedy}'
    if "expected after" in str(error):
        return (
            f'text follows the closing quote of a cell{span}; inside a quoted cell write "" for ", {remedy}'
        )
    return f"the row cannot be read: {error}{span}"


def _read_header(
    rows: Iterator[tuple[int, list[str]]], dialect: Dialect, source: Source
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Return the names of the columns, and the rows below them."""
    first = next(rows, None)
    if first is None:
        raise DataError("is empty; the first line names the columns, such as text,label", source.name)
    row, cells = first
    names = cells if dialect.header else dialect.columns or [""] * len(cells)
    if len(names) != len(cells):
        named, found = count(len(names), "column"), count(len(cells), "cell")
        raise DataError(f"--columns names {named}, but the row has {found}", source.name, row)
    names = _name_columns(names)
    check_columns(names, source.name, row)
    return names, rows if dialect.header else chain([first], rows)


def _name_columns(cells: Sequence[str]) -> list[str]:
    """Return the names of columns from the cells of their line, in which files that were joined may have a byte order mark."""
    names = [cell.strip().lstrip("\ufeff") for cell in cells]
    return [name or f"column_{number}" for number, name in enumerate(names, start=1)]


def _build_records(
    rows: Iterator[tuple[int, list[str]]],
    lines: _Lines,
    columns: list[str],
    source: Source,
) -> Generator[Record, None, None]:
    with closing(lines):
        for number, cells in rows:
            if len(cells) != len(columns):
                raise DataError(_explain_width(len(cells), len(columns)), source.name, number)
            if len(cells) > 1 and cells[-1].strip() in (columns[-1], "") and _name_columns(cells) == columns:
                raise DataError(_explain_names(source.dialect, number), source.name, number)
            yield Record(number, dict(zip(columns, cells)), source.name, lines.size)


def _explain_names(dialect: Dialect, row: int) -> str:
    if row == 1 and dialect.header is False:
        return "the line names the columns; --header reads it so"
    return "the row repeats the names of the columns, as where files were joined; remove it"


def _explain_width(cells: int, columns: int) -> str:
    problem = f"the row has {count(cells, 'cell')}, but the first line names {count(columns, 'column')}"
    if columns == 1:
        return f"{problem}; remove what stands above the line of column names, or put quotes around a cell with separators in it"
    return f"{problem}; put quotes around a cell with separators or line breaks in it"


FORMATS = (
    Format("csv", open_csv, (".csv",), write_row=partial(render_row, ","), header=True, delimiter=","),
    Format("tsv", open_tsv, (".tsv",), write_row=render_tsv_row, header=True, delimiter="\t"),
)
