"""Lines of text: fastText's form, `__label__x __label__y text`, and plain ones."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import closing

from grutext.data.formats.lines import read_records
from grutext.data.formats.sources import Source
from grutext.data.records import Record, Table
from grutext.errors import DataError
from grutext.messages import count

PREFIX = "__label__"
# fastText takes every word with the prefix for a label, wherever it stands in the line.
_LABEL = re.compile(rf"(?<!\S){PREFIX}(\S*)\s?")
_EMPTY = "is empty; each line is one text"
_NO_LABEL = f'no label; a line starts with "{PREFIX}NAME "; --skip-empty drops lines without'


def open_fasttext(source: Source, encoding: str) -> Table:
    """Opens a file of lines that name their labels. Blank lines are no rows.

    The field `label` of a record is a text, a list where there are several, or None.

    Raises:
        DataError: None of the first lines names a label.
    """
    table = parse_labels(open_lines(source, encoding))
    if all(record.fields["label"] is None for record in table.first):
        lines = count(len(table.first), "line")
        problem = f'none of its first {lines} starts with "{PREFIX}NAME ", so the texts have no labels'
        raise DataError(f"{problem}; a CSV file with a label column is another way to name them", source.name)
    return table


def open_lines(source: Source, encoding: str) -> Table:
    """Opens a file in which each line is a text; an empty line is an empty text."""
    return Table(
        source.name, read_records(source, encoding, _build_plain), ["text"], fixed=True, empty=_EMPTY
    )


def parse_labels(plain: Table) -> Table:
    """Gives the table of a file whose plain lines were opened, with labels and texts apart."""
    return Table(plain.source, _parse(plain), ["label", "text"], fixed=True, empty=_EMPTY, no_label=_NO_LABEL)


def starts_with_label(plain: Table) -> bool:
    """Tells whether the first line that has anything begins with a label."""
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
