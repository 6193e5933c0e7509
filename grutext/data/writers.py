"""Rows out: all that was read, and what was found out about them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, final

from grutext.data.cells import JsonNumber
from grutext.data.delimited import DELIMITERS
from grutext.data.output import Output
from grutext.data.wording import quote
from grutext.errors import DataError

WRITTEN_FORMATS = ("csv", "tsv", "jsonl", "txt")
# How the rows of a source are written when nothing else is said.
_BY_SOURCE = {
    "csv": "csv",
    "tsv": "tsv",
    "jsonl": "jsonl",
    "parquet": "jsonl",
    "txt": "tsv",
    "fasttext": "tsv",
}
_PREFIX = "predicted_"


class _Described(Protocol):
    """What a writer asks of a reader."""

    columns: tuple[str, ...] | None
    text_column: str
    format: str


@final
class RowWriter:
    """Writes rows in the order in which they come.

    Used in a `with`: leaving it completes the file, leaving it by an error removes what was written.

    The columns of the source come first, then the added ones. An added column whose name the source has already
    gets the prefix `predicted_` (and a number, if that is taken too), for all rows alike.

    Args:
        output: Where the bytes go.
        form: `csv`, `tsv` or `jsonl`.
        columns: The columns of the source.
    """

    def __init__(self, output: Output, form: str, columns: tuple[str, ...]) -> None:
        self._output = output
        self._form = form
        self._columns = columns
        self._names: dict[str, str] | None = None
        self._header: tuple[str, ...] = ()

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._output.commit()
        else:
            self._output.discard()

    def write(
        self, fields: Mapping[str, Any], added: Mapping[str, Any] | None = None, number: int | None = None
    ) -> None:
        """Writes one row.

        Args:
            fields: The row as it was read; a column that the row lacks is left empty.
            added: New columns, the same for every row.
            number: The line of the row in its source, for messages.

        Raises:
            DataError: The row has a field for which there is no place, or the output cannot be written.
        """
        added = added or {}
        if self._names is None:
            self._begin(fields, added)
        names = self._names or {}
        values = {names[name]: value for name, value in added.items()}
        if self._form == "jsonl":
            strange = next((name for name in fields if name in values), None)
            line = _render_json({**fields, **values}) + "\n"
        else:
            strange = next((name for name in fields if name not in self._header or name in values), None)
            row = {**fields, **values}
            line = _render_cells((row.get(name) for name in self._header), DELIMITERS[self._form])
        if strange is not None:
            problem = f"the field {quote(strange)} is not in the first rows, whose columns the output has"
            raise DataError(f"{problem}; give every row the same fields", self._output.name, number)
        self._put(line)

    def _begin(self, fields: Mapping[str, Any], added: Mapping[str, Any]) -> None:
        """Fixes the columns by the first row, and writes the line that names them."""
        taken = dict.fromkeys((*self._columns, *fields))
        self._header = tuple(taken)
        self._names = {}
        for name in added:
            free = name
            for tried in (f"{_PREFIX}{name}", *(f"{_PREFIX}{name}_{n}" for n in range(2, len(taken) + 3))):
                if free not in taken:
                    break
                free = tried
            taken[free] = None
            self._names[name] = free
        self._header = tuple(taken)
        if self._form != "jsonl":
            self._put(_render_cells(self._header, DELIMITERS[self._form]))

    def _put(self, line: str) -> None:
        # A lone surrogate has no UTF-8; in JSON lines it was escaped before.
        self._output.write(line.encode("utf-8", "backslashreplace"))


def open_writer(target: str | None, form: str | None, reader: _Described) -> RowWriter:
    """Opens a target for the rows of a reader.

    The form is the one named, or else that of the target's name, or else that of the source; lines of plain text
    become TSV with the column `text`, and parquet becomes JSON lines.

    Args:
        target: A path (`.gz` packs it); None or `-` for standard output.
        form: `csv`, `tsv`, `jsonl`, or `txt` for TSV; None goes by the target and the source.
        reader: Where the rows come from.

    Raises:
        DataError: The form cannot be written, or the target cannot be opened.
    """
    form = form or _format_by_name(target) or reader.format
    if form in {"parquet", "folder"} and target is None:
        form = _BY_SOURCE["parquet"]
    if form not in _BY_SOURCE or (form == "parquet" and reader.format != "parquet"):
        raise DataError(f"{form} cannot be written; choose one of csv, tsv, jsonl", target)
    columns = (reader.text_column,) if reader.columns is None else reader.columns
    return RowWriter(Output(target), _BY_SOURCE[form], columns)


def _format_by_name(target: str | None) -> str | None:
    stem = (target or "").lower().removesuffix(".gz")
    extension = Path(stem).suffix.removeprefix(".")
    if extension and extension not in WRITTEN_FORMATS:
        raise DataError(
            f'".{extension}" cannot be written; end the name in .csv, .tsv or .jsonl (or .gz)', target
        )
    return extension or None


def _render_cells(cells: Iterable[Any], delimiter: str) -> str:
    texts = [_render_cell(cell) for cell in cells]
    # Not every version of the csv module quotes a lone carriage return on its own.
    quote_all = any("\r" in text for text in texts)
    line = io.StringIO()
    csv.writer(
        line,
        delimiter=delimiter,
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL,
    ).writerow(texts)
    return line.getvalue()


def _render_cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, str) else _render_json(value)


def _render_json(value: Any) -> str:
    """Gives a value as JSON on one line; numbers that were read are written as they were."""
    try:
        line = _render_value(value)
        line.encode("utf-8")
    except RecursionError:
        raise DataError("a value is nested too deeply to be written") from None
    except UnicodeEncodeError:
        return _render_value(value, ascii_only=True)
    return line


def _render_value(value: Any, *, ascii_only: bool = False) -> str:
    if isinstance(value, JsonNumber):
        return str(value)
    if isinstance(value, Mapping):
        pairs = (
            f"{_render_value(str(name), ascii_only=ascii_only)}: {_render_value(item, ascii_only=ascii_only)}"
            for name, item in value.items()
        )
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_render_value(item, ascii_only=ascii_only) for item in value)}]"
    return _ENCODERS[ascii_only].encode(value)


def _make_plain(value: Any) -> Any:
    """Gives what JSON can say of a value of another library: NumPy's numbers, dates of parquet."""
    return value.item() if hasattr(value, "item") else str(value)


_ENCODERS = {flag: json.JSONEncoder(ensure_ascii=flag, default=_make_plain) for flag in (False, True)}
