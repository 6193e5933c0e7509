"""Spreadsheets, read with python-calamine: the first sheet, whose first row names the columns."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Generator, Iterator
from typing import Any

from grutext.data.formats.parquet import read_all
from grutext.data.formats.registry import Format
from grutext.data.formats.sources import Source, open_bytes
from grutext.data.limits import check_record
from grutext.data.records import Record, Table, check_columns
from grutext.errors import DataError
from grutext.messages import count, list_names, shorten

_LARGEST, _LARGEST_UNPACKED = 2**26, 2**29  # bytes; the sheet is held in memory as a whole


def open_spreadsheet(source: Source, _encoding: str | None) -> Table:
    """Open the first sheet of a workbook. Rows are numbered as in the sheet; rows without any value are skipped.

    Cells are strings, as a CSV of the sheet has them: whole numbers have no decimal point, dates are in ISO 8601.

    Raises:
        DataError: It is not a workbook, is damaged or too large, or its first sheet has no row of column names.
        ImportError: python-calamine is not installed.
    """
    import python_calamine

    with open_bytes(source) as stream:
        content = read_all(stream, source, _LARGEST, "a spreadsheet")
    _check_size(content, source)
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = list(workbook.sheet_names)
        rows = iter(workbook.get_sheet_by_index(0).to_python(skip_empty_area=False)) if names else iter([])
    except BaseException as error:  # a panic of calamine on damaged files is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        reason = shorten(str(error), 120)
        raise DataError(
            f"is not a spreadsheet, or is damaged ({reason}); save it again", source.name
        ) from None
    numbered = ((number, [_render(cell) for cell in row]) for number, row in enumerate(rows, start=1))
    filled = ((number, cells) for number, cells in numbered if any(cells))
    first = next(filled, None)
    if first is None:
        raise DataError(
            "its first sheet is empty; the first row names the columns, such as text, label", source.name
        )
    number, cells = first
    columns = [cell.strip() or f"column_{place}" for place, cell in enumerate(cells, start=1)]
    check_columns(columns, source.name, number)
    empty = "has a row of column names, but no rows below it; add some"
    table = Table(source.name, _build_records(filled, columns, source), columns, empty=empty)
    if len(names) > 1:
        others = list_names(names[1:])
        table.notes.append(
            f"{source.name}: only the first of {count(len(names), 'sheet')} is read, not {others}"
        )
    return table


def _check_size(content: bytes, source: Source) -> None:
    """Raise a DataError if a workbook, which is a zip archive, unpacks to more than memory should hold."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError):
        return  # .xls is no archive
    if unpacked > _LARGEST_UNPACKED:
        problem = f"unpacks to more than {_LARGEST_UNPACKED:,} bytes; save it as CSV"
        raise DataError(problem, source.name)


def _render(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, dt.datetime | dt.date | dt.time):
        return cell.isoformat(" ") if isinstance(cell, dt.datetime) else cell.isoformat()
    return str(cell)


def _build_records(
    rows: Iterator[tuple[int, list[str]]], columns: list[str], source: Source
) -> Generator[Record, None, None]:
    for number, cells in rows:
        size = sum(map(len, cells))
        check_record(size, source.name, number)
        yield Record(number, dict(zip(columns, cells, strict=True)), source.name, size)


FORMATS = (
    Format(
        "excel",
        open_spreadsheet,
        (".xlsx", ".xlsm", ".xls", ".ods"),
        package="python-calamine",
        extra="excel",
    ),
)
