"""Lines of text: with labels as in fastText (`__label__x __label__y text`), and without."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import closing

from grutext.data.formats.delimited import render_tsv_row
from grutext.data.formats.lines import read_records
from grutext.data.formats.registry import Format
from grutext.data.formats.sources import Source
from grutext.data.records import Record, Table
from grutext.errors import DataError
from grutext.messages import count

PREFIX = "__label__"
# fastText reads every word with the prefix as a label, also in the middle of a line.
_LABEL = re.compile(rf"(?<!\S){PREFIX}(\S*)\s?")
_EMPTY = "is empty; each line is one text"
_NO_LABEL = f'no label; a line starts with "{PREFIX}NAME "; --skip-empty drops lines without a label'


def open_fasttext(source: Source, encoding: str | None) -> Table:
    """Open a file of lines that name their labels. Blank lines are skipped.

    The field `label` of a record is a string, a list of strings if there are several labels, or None.

    Raises:
        DataError: None of the first lines names a label.
    """
    table = parse_labels(open_lines(source, encoding))
    if all(record.fields["label"] is None for record in table.first):
        lines = count(len(table.first), "line")
        problem = f'none of its first {lines} starts with "{PREFIX}NAME ", so the texts have no labels'
        raise DataError(f"{problem}; a CSV file with a label column is another way to name them", source.name)
    return table


def open_lines(source: Source, encoding: str | None) -> Table:
    """Open a file in which each line is a text; an empty line is an empty text."""
    return Table(
        source.name, read_records(source, encoding, _build_plain), ["text"], fixed=True, empty=_EMPTY
    )


def parse_labels(plain: Table) -> Table:
    """Return a table with the labels and the texts of the lines of an open table."""
    table = Table(
        plain.source, _parse(plain), ["label", "text"], fixed=True, empty=_EMPTY, no_label=_NO_LABEL
    )
    table.format, table.encodings = "fasttext", plain.encodings
    return table


def open_fasttext_rows(source: Source, encoding: str | None) -> Table:
    """Open a file of lines that may name labels, to predict on its texts. Blank lines are skipped."""
    return parse_labels(open_lines(source, encoding))


def starts_with_label(plain: Table) -> bool:
    """Return whether the first line of an open table that is not blank begins with a label."""
    texts = (record.fields["text"].lstrip() for record in plain.first)
    return next((text for text in texts if text), "").startswith(PREFIX)


def _build_plain(source: Source, number: int, line: str) -> Record:
    return Record(number, {"text": line}, source.name, len(line))


def _parse(plain: Table) -> Generator[Record, None, None]:
    with closing(plain):
        for record in plain:
            line = record.fields["text"]
            if not line or line.isspace():
                continue
            labels = _LABEL.findall(line)
            label = None if not labels else labels[0] if len(labels) == 1 else labels
            text = _LABEL.sub("", line).strip()
            yield Record(record.number, {"label": label, "text": text}, record.source, record.size)


# Rows of lines are written as TSV, since a label or a confidence has no place in a line of text.
FORMATS = (
    Format("fasttext", open_fasttext, open_rows=open_fasttext_rows, write_row=render_tsv_row, header=True),
    Format("txt", open_fasttext, (".txt",), open_rows=open_lines, write_row=render_tsv_row, header=True),
)
