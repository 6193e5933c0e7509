"""The rows of data without the copies of earlier ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from grutext.data import Columns, ReadOptions, Row, RowReader, hash_text, open_labelled, read_rows
from grutext.text import text_key


class DistinctRows:
    """The rows whose text has not come before with the same labels, case and white space aside; one without a text is no copy.

    They can be iterated over once, which takes about 100 bytes for each row.

    Args:
        reader: All rows.
        labels: The columns of the labels; none for texts without labels.

    Attributes:
        reader: As given.
        copies: How many rows were left out so far.
    """

    def __init__(self, reader: RowReader, labels: Sequence[str]) -> None:
        self.reader = reader
        self.copies = 0
        self._labels = labels

    def __iter__(self) -> Iterator[Row]:
        seen: set[int] = set()
        for row in self.reader:
            labels = [row.fields.get(name) for name in self._labels]
            key = hash_text(json.dumps([text_key(row.text), labels], default=str))
            if key in seen and row.text.strip():
                self.copies += 1
                continue
            seen.add(key)
            yield row


@contextmanager
def open_distinct(
    sources: Sequence[str], options: ReadOptions, known: Columns, *, labelled: bool
) -> Iterator[DistinctRows]:
    """Open files to read their rows without copies, and close them at the end.

    Args:
        sources: Files with the same columns, which are read one after the other.
        options: How they are read.
        known: The columns that a model was trained on.
        labelled: Whether they have labels.

    Raises:
        DataError: A file cannot be read, or it is not clear which columns to read.
    """
    if labelled:
        with open_labelled(sources, options, known=known) as reading:
            yield DistinctRows(RowReader(reading.table, reading.choice), reading.choice.labels)
    else:
        with read_rows(sources, options, known=known) as rows:
            yield DistinctRows(rows, ())
