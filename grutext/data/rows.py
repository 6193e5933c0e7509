"""Rows to predict on: read one after the other, in constant memory, with all that stands in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

from grutext.data.cells import read_text
from grutext.data.columns import Columns, choose_columns
from grutext.data.examples import ReadOptions
from grutext.data.formats.fasttext import open_lines, parse_labels, starts_with_label
from grutext.data.formats.registry import open_table
from grutext.data.formats.sources import Source, find_source
from grutext.data.records import Table
from grutext.errors import DataError

_NO_OPTIONS = ReadOptions()
_NOTHING_KNOWN = Columns(None, None)
_FORMS = ".csv .tsv .jsonl .txt .parquet (each also .gz), or - for standard input"


@dataclass(frozen=True, slots=True)
class Row:
    """A record to predict on.

    Attributes:
        number: The line on which it starts, or its row number; from 1.
        fields: All its values by column, in the order of the source.
        text: Its text; a missing value is an empty text.
    """

    number: int
    fields: dict[str, Any]
    text: str


@final
class RowReader:
    """A source that is open; iterating gives its rows once. Leaving the `with` closes it.

    Attributes:
        source: What messages call it.
        format: Its form: `csv`, `tsv`, `jsonl`, `parquet`, `txt` or `fasttext`.
        columns: The columns of the source (of its first rows, for JSON lines); None for lines of plain text.
        text_column: The field of each row that holds the text; `text` for lines.
        notes: Lines for the user: which column was guessed.
    """

    def __init__(self, table: Table, form: str, text_column: str, notes: list[str]) -> None:
        self.source = table.source
        self.format = form
        self.columns = None if form == "txt" else table.columns
        self.text_column = text_column
        self.notes = notes
        self._table = table

    def __iter__(self) -> Iterator[Row]:
        for record in self._table:
            yield Row(record.number, record.fields, read_text(record, self.text_column))

    def __enter__(self) -> RowReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; standard input stays open."""
        self._table.close()


def read_rows(
    source: str, options: ReadOptions = _NO_OPTIONS, *, known: Columns = _NOTHING_KNOWN
) -> RowReader:
    """Opens a source for prediction; labels are not needed.

    Lines of a `.txt` are one text each, empty ones too; if the first begins with `__label__`, the file is read as
    fastText's, whose labels are no part of the texts. Standard input is lines of text unless the options name
    another form. The first rows are read at once, so that most mistakes show before anything is predicted.

    Args:
        source: A file, `-` or `sample`.
        options: How to read it; labels are ignored.
        known: The columns that the model was trained on.

    Raises:
        DataError: The source cannot be read, or no column is sure to hold the texts.
        MissingExtraError: The source is parquet, and pyarrow is not installed.
    """
    found = find_source(source, options.format)
    form = found.format or "txt"
    if form in {"folder", "tfds"}:
        what = "is a folder" if form == "folder" else "is a labelled data set"
        raise DataError(f"{what}; rows to predict come from one file: {_FORMS}", found.name)
    table, form = _open(found, form, options)
    try:
        named = Columns(options.text_column, None)
        choice = choose_columns(table, named, known, labelled=False)
    except DataError:
        table.close()
        raise
    return RowReader(table, form, choice.text, choice.notes)


def _open(source: Source, form: str, options: ReadOptions) -> tuple[Table, str]:
    if form == "txt":
        plain = open_lines(source, options.encoding)
        if options.format is None and starts_with_label(plain):
            return parse_labels(plain), "fasttext"
        return plain, form
    if form == "fasttext":
        return parse_labels(open_lines(source, options.encoding)), form
    return open_table(source, options.encoding), form
