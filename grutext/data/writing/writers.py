"""Writing rows: all columns that were read, and columns that are added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, final

from grutext.data.formats.delimited import with_delimiter
from grutext.data.formats.registry import (
    Format,
    format_by_suffix,
    list_suffixes,
    load_formats,
    written_formats,
)
from grutext.data.rows import Row
from grutext.data.writing.names import name_added
from grutext.data.writing.output import Output
from grutext.data.writing.resumable import ResumableRun
from grutext.errors import DataError
from grutext.messages import quote

_FALLBACK = "jsonl"  # for the rows of formats that cannot be written, since it holds any value


class _Described(Protocol):
    """What a writer needs to know of a reader."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def format(self) -> str: ...

    @property
    def delimiter(self) -> str: ...


@dataclass(frozen=True, slots=True)
class NewTable:
    """The source of rows that come from no file; they are CSV unless the target's name says otherwise.

    Attributes:
        columns: Their columns.
        format: The name of their format.
        delimiter: The character between two cells.
    """

    columns: tuple[str, ...]
    format: str = "csv"
    delimiter: str = ","


@final
class RowWriter:
    """A writer of rows.

    It is a context manager: leaving it completes the file; leaving it by an error removes the file, unless a later run
    can continue it.

    The columns of the source come first, then the added ones. An added column whose name the source has already
    gets the prefix `predicted_` (and a number, if that is taken too), in all rows alike.

    Args:
        output: The target of the bytes.
        form: The format of the rows.
        columns: The columns of the source.
        safe: Whether cells that a spreadsheet would take for formulas get an apostrophe in front.
        typed: Whether the columns of the source have types, so that its truth values are `True` and `False` in CSV.
    """

    def __init__(
        self,
        output: Output,
        form: Format,
        columns: tuple[str, ...],
        safe: bool = False,
        typed: bool = False,
    ) -> None:
        self._output = output
        self._form = form
        self._columns = columns
        self._safe = safe
        self._typed = typed and form.header
        state = self.state
        self._names: dict[str, str] | None = state.get("names")
        self._header: tuple[str, ...] = tuple(state.get("header", ()))

    @property
    def state(self) -> Mapping[str, Any]:
        """What the interrupted run that this one continues gave to `mark`; empty without such a run."""
        return self._output.resumable.state if self._output.resumable else {}

    @property
    def notes(self) -> Sequence[str]:
        """Lines for the user about an interrupted run."""
        return self._output.resumable.notes if self._output.resumable else ()

    @property
    def saved(self) -> int:
        """The number of rows after which a later run can continue."""
        return self._output.resumable.saved if self._output.resumable else 0

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            if self._names is None:
                self._begin({}, {})
            self._output.commit()
        else:
            self._output.discard()

    def skip(self, rows: Sequence[Row]) -> bool:
        """Count the next rows of the source; return whether an interrupted run has written them already.

        Raises:
            DataError: They are not the rows that the interrupted run read.
        """
        return self._output.resumable is not None and self._output.resumable.skip(rows)

    def mark(self, **more: Any) -> None:
        """Write out all rows counted so far, for the reader of a pipe, and for a later run that continues after them.

        Args:
            more: What that run needs to know, in JSON's types; it gets it as `state`.

        Raises:
            DataError: The rows cannot be written.
        """
        self._output.mark({"names": self._names, "header": self._header} | more)

    def write(
        self, fields: Mapping[str, Any], added: Mapping[str, Any] | None = None, number: int | None = None
    ) -> None:
        """Write one row.

        Args:
            fields: The row as it was read; a column that the row lacks is left empty.
            added: Added columns, the same ones for every row.
            number: The line of the row in its source, for messages.

        Raises:
            DataError: The row has a field that is not a column, or the output cannot be written.
        """
        added = added or {}
        if self._names is None:
            self._begin(fields, added)
        names = self._names or {}
        values = {names[name]: value for name, value in added.items()}
        unknown = next(
            (name for name in fields if name in values or (self._form.header and name not in self._header)),
            None,
        )
        if unknown is not None:
            problem = f"the field {quote(unknown)} is not in the first rows, whose columns the output has"
            raise DataError(f"{problem}; give every row the same fields", self._output.name, number)
        if self._typed:
            fields = {
                name: str(value) if isinstance(value, bool) else value for name, value in fields.items()
            }
        self._write_row({**fields, **values})

    def _begin(self, fields: Mapping[str, Any], added: Mapping[str, Any]) -> None:
        """Set the columns by the first row, and write the line that names them."""
        taken = dict.fromkeys((*self._columns, *fields))
        self._names = name_added(added, taken)
        self._header = (*taken, *self._names.values())
        if self._form.header:
            self._write_row(dict(zip(self._header, self._header, strict=True)))

    def _write_row(self, row: Mapping[str, Any]) -> None:
        assert self._form.write_row is not None
        line = self._form.write_row(self._header, row, self._safe)
        # A lone surrogate has no UTF-8; in JSON lines it is escaped already.
        self._output.write(line.encode("utf-8", "backslashreplace"))


def open_writer(
    target: str | None,
    form: str | None,
    reader: _Described,
    *,
    safe: bool = False,
    run: ResumableRun | None = None,
) -> RowWriter:
    """Open a target for the rows of a reader.

    Args:
        target: A path, of which `.gz` at the end means compressed; None or `-` for standard output.
        form: As in `choose_format`.
        reader: The source of the rows.
        safe: Whether cells that a spreadsheet would take for formulas get an apostrophe in front; has no effect on
            JSON lines, which hold no formulas.
        run: The run that writes a file, if an interrupted run can be continued; None removes an unfinished file.

    Raises:
        DataError: The format cannot be written, or the target cannot be opened or continued.
    """
    written = choose_format(target, form, reader)
    return RowWriter(Output(target, run), written, reader.columns, safe, load_formats()[reader.format].typed)


def choose_format(target: str | None, form: str | None, reader: _Described) -> Format:
    """Return the format in which the rows of a reader are written.

    That is the one named, or else the one of the target's name, or else the one of the source; rows of a format that
    cannot be written, such as parquet, become JSON lines. The delimiter is that of the source if the format is.

    Args:
        target: A path, None or `-`.
        form: One of `written_formats()`; None chooses by the target and the source.
        reader: The source of the rows.

    Raises:
        DataError: The format cannot be written.
    """
    formats = load_formats()
    if form is not None:
        if form not in written_formats():
            raise DataError(f"{form} cannot be written; choose one of {', '.join(written_formats())}", target)
        return formats[form]
    suffix = Path((target or "").lower().removesuffix(".gz")).suffix
    if suffix:
        named = format_by_suffix(suffix)
        if named is None or named.write_row is None:
            known = list_suffixes(written=True)
            raise DataError(
                f'"{suffix}" cannot be written; end the name in one of {known} (each also .gz)', target
            )
        return _keep_delimiter(named, reader)
    return _keep_delimiter(
        formats[reader.format if reader.format in written_formats() else _FALLBACK], reader
    )


def _keep_delimiter(form: Format, reader: _Described) -> Format:
    if reader.delimiter and form.name == reader.format and form.delimiter != reader.delimiter:
        return with_delimiter(form, reader.delimiter)
    return form
