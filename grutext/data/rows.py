"""Rows to predict on, with all their fields: read one by one, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, final

from grutext.data.cells import read_text
from grutext.data.columns import Choice, Columns, choose_columns
from grutext.data.examples import ColumnNames, ReadOptions, join_columns
from grutext.data.formats.compression import SUFFIXES
from grutext.data.formats.encodings import describe_encodings
from grutext.data.formats.fasttext import parse_labels, starts_with_label
from grutext.data.formats.registry import find_source, list_suffixes, load_formats, open_table
from grutext.data.joined import open_sources
from grutext.data.records import Table
from grutext.errors import DataError

_NO_OPTIONS = ReadOptions()
_NOTHING_KNOWN = Columns(None, None)


@dataclass(frozen=True, slots=True)
class Row:
    """A record to predict on.

    Attributes:
        number: The number of the line on which it starts, or of the row; from 1.
        fields: All its values by column, in the order of the source.
        text: Its text; empty if the value is missing.
    """

    number: int
    fields: dict[str, Any]
    text: str


@final
class RowReader:
    """An open source of rows, which can be iterated over once; a context manager that closes it.

    Attributes:
        source: Its name in messages.
        format: The name of its format; `txt` for lines of plain text. Of several files, that of the first one.
        columns: The columns of the source; of its first rows, for JSON lines.
        text_column: The column of the texts, or several columns; `text` for lines.
        delimiter: The character between two cells; empty if the format has none.
    """

    def __init__(self, table: Table, choice: Choice) -> None:
        self.source = table.source
        self.format = table.format
        self.columns = table.columns
        self.text_column: ColumnNames = join_columns(choice.texts)
        self.delimiter = str(table.dialect.delimiter) if table.dialect else ""
        self._choice = choice
        self._table = table

    @property
    def notes(self) -> list[str]:
        """Lines for the user: which dialect, encoding and column was found. Files that are opened later add theirs."""
        return [*self._table.notes, *self._choice.notes]

    def __iter__(self) -> Iterator[Row]:
        for record in self._table:
            yield Row(record.number, record.fields, read_text(record, self._choice.texts))

    def __enter__(self) -> RowReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; standard input stays open."""
        self._table.close()


def read_rows(
    source: str | Sequence[str], options: ReadOptions = _NO_OPTIONS, *, known: Columns = _NOTHING_KNOWN
) -> RowReader:
    """Open a source for prediction; labels are not needed.

    Each line of a `.txt` file is a text, and an empty line an empty text; if the first one begins with `__label__`, the
    file is read as fastText's, whose labels are not part of the texts. Standard input is lines of text unless the
    options name another format. The first rows are read at once, so that most mistakes are found before anything is
    predicted.

    Args:
        source: A file, a pattern such as `2026-*.csv`, `tfds:NAME`, `-` or `sample`; or several of these, whose files have the same
            columns and are read one after the other.
        options: How to read it; options about labels are ignored.
        known: The columns that the model was trained on.

    Raises:
        DataError: The source cannot be read, or it is not clear which column holds the texts.
        MissingExtraError: The format needs a package that is not installed.
    """
    sources = [source] if isinstance(source, str) else source
    return rows_of_table(open_sources(sources, partial(_open, options=options)), options, known=known)


def rows_of_table(table: Table, options: ReadOptions, *, known: Columns = _NOTHING_KNOWN) -> RowReader:
    """Return the rows of an open table, for prediction; the arguments are those of `read_rows`.

    Raises:
        DataError: It is not clear which column holds the texts; the table is closed then.
    """
    try:
        choice = choose_columns(table, Columns(options.text_column, None), known, labelled=False)
    except DataError:
        table.close()
        raise
    return RowReader(table, choice)


def _open(name: str, options: ReadOptions) -> Table:
    """Open one source for prediction."""
    found = find_source(name, options.format)
    form = load_formats()[found.format or "txt"]
    if form.kind != "file" and form.name != "tfds":
        what = "is a folder" if form.kind == "folder" else "is a labelled data set"
        files = f"{list_suffixes()} (each also {' '.join(SUFFIXES)}), or - for standard input"
        raise DataError(f"{what}; rows to predict come from files: {files}", found.name)
    table = open_table(replace(found, format=form.name), options, labelled=False)
    if form.name == "txt" and options.format is None and starts_with_label(table):
        table = parse_labels(table)
    table.notes += describe_encodings(table.source, table.encodings)
    return table
