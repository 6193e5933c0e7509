"""Rows out: all that was read, and what was found out about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, final

from grutext.data.formats.delimited import DELIMITERS
from grutext.data.rows import Row
from grutext.data.writing.cells import render_cells, render_json
from grutext.data.writing.output import Output
from grutext.data.writing.resumable import Run
from grutext.errors import DataError
from grutext.messages import quote

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

    Used in a `with`: leaving it completes the file, leaving it by an error removes what was written, unless it is
    kept for a run that goes on with it.

    The columns of the source come first, then the added ones. An added column whose name the source has already
    gets the prefix `predicted_` (and a number, if that is taken too), for all rows alike.

    Args:
        output: Where the bytes go.
        form: `csv`, `tsv` or `jsonl`.
        columns: The columns of the source.
        safe: Whether cells are kept from being taken for formulas; `csv` and `tsv` alone.
    """

    def __init__(self, output: Output, form: str, columns: tuple[str, ...], safe: bool = False) -> None:
        self._output = output
        self._form = form
        self._columns = columns
        self._safe = safe
        state = self.state
        self._names: dict[str, str] | None = state.get("names")
        self._header: tuple[str, ...] = tuple(state.get("header", ()))

    @property
    def state(self) -> Mapping[str, Any]:
        """What the interrupted run, which this one continues, gave to `mark`; empty without one."""
        return self._output.partial.state if self._output.partial else {}

    @property
    def notes(self) -> Sequence[str]:
        """Lines for the user: what became of an interrupted run."""
        return self._output.partial.notes if self._output.partial else ()

    @property
    def kept(self) -> int:
        """The rows that a later run can go on after."""
        return self._output.partial.kept if self._output.partial else 0

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._output.commit()
        else:
            self._output.discard()

    def passes(self, rows: Sequence[Row]) -> bool:
        """Takes note of the next rows of the source; tells whether an interrupted run wrote them already.

        Raises:
            DataError: They are not those that it read.
        """
        return self._output.partial is not None and self._output.partial.passes(rows)

    def mark(self, **more: Any) -> None:
        """Mark all rows noted so far as written: a reader may have them, and a later run may continue after them.

        Args:
            more: What that run needs to know, of JSON's types; it finds it in `state`.
        """
        self._output.mark({"names": self._names, "header": self._header} | more)

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
            line = render_json({**fields, **values}) + "\n"
        else:
            strange = next((name for name in fields if name not in self._header or name in values), None)
            row = {**fields, **values}
            line = self._render(row.get(name) for name in self._header)
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
            self._put(self._render(self._header))

    def _render(self, cells: Iterable[Any]) -> str:
        return render_cells(cells, DELIMITERS[self._form], safe=self._safe)

    def _put(self, line: str) -> None:
        # A lone surrogate has no UTF-8; in JSON lines it was escaped before.
        self._output.write(line.encode("utf-8", "backslashreplace"))


def open_writer(
    target: str | None, form: str | None, reader: _Described, *, safe: bool = False, run: Run | None = None
) -> RowWriter:
    """Opens a target for the rows of a reader.

    Args:
        target: A path (`.gz` packs it); None or `-` for standard output.
        form: As in `written_form`.
        reader: Where the rows come from.
        safe: Whether cells that a spreadsheet would take for formulas begin with an apostrophe; JSON lines
            need none and stay as they are.
        run: Who writes a file, so that it can be gone on with if it is interrupted; None removes it then.

    Raises:
        DataError: The form cannot be written, or the target cannot be opened or gone on with.
    """
    form = written_form(target, form, reader)
    columns = (reader.text_column,) if reader.columns is None else reader.columns
    return RowWriter(Output(target, run), form, columns, safe)


def written_form(target: str | None, form: str | None, reader: _Described) -> str:
    """Gives the form in which the rows of a reader are written: `csv`, `tsv` or `jsonl`.

    It is the one named, or else that of the target's name, or else that of the source; lines of plain text
    become TSV with the column `text`, and parquet becomes JSON lines.

    Args:
        target: A path, None or `-`.
        form: `csv`, `tsv`, `jsonl`, or `txt` for TSV; None goes by the target and the source.
        reader: Where the rows come from.

    Raises:
        DataError: The form cannot be written.
    """
    form = form or _format_by_name(target) or reader.format
    if form in {"parquet", "folder"} and target is None:
        form = _BY_SOURCE["parquet"]
    if form not in _BY_SOURCE or (form == "parquet" and reader.format != "parquet"):
        raise DataError(f"{form} cannot be written; choose one of csv, tsv, jsonl", target)
    return _BY_SOURCE[form]


def _format_by_name(target: str | None) -> str | None:
    stem = (target or "").lower().removesuffix(".gz")
    extension = Path(stem).suffix.removeprefix(".")
    if extension and extension not in WRITTEN_FORMATS:
        raise DataError(
            f'".{extension}" cannot be written; end the name in .csv, .tsv or .jsonl (or .gz)', target
        )
    return extension or None
