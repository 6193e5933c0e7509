"""Rows of any source in one shape, before their columns are chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, final

from grutext.data.dialect import Dialect
from grutext.data.limits import LONGEST_RECORD, MOST_COLUMNS
from grutext.errors import DataError
from grutext.messages import quote

PEEKED = 200  # number of records that are read at once; fewer if they are long
# Characters and records of the first block, which is read where the content of the columns decides something.
BLOCK, MOST_IN_BLOCK = 2**20, 20_000


@dataclass(frozen=True, slots=True)
class Record:
    """One row.

    Attributes:
        number: The number of the line on which it starts, or of the row; from 1.
        fields: Its values by column, in the order of the columns.
        source: The name of its file in messages.
        size: The number of characters (in parquet, bytes) that it was read from.
    """

    number: int
    fields: dict[str, Any]
    source: str
    size: int = 0


@final
class Table:
    """An open source whose first records are read already.

    It can be iterated over once. `close`, or leaving it as a context manager, closes the file.

    Args:
        source: Its name in messages.
        records: All its records.
        columns: Its columns; None takes the fields of the first records.
        fixed: Whether the format has the columns `text` and `label`, so that nothing has to be guessed.
        empty: The error message if there are no records.
        no_label: The error message for a record without a label; None names the label column.

    Raises:
        DataError: There are no records, the first ones cannot be read, or two columns have the same name.

    Attributes:
        format: The name of its format; of several files, that of the first one.
        dialect: The dialect that it is read in; None if the format has no dialects.
        encodings: The encodings that were found so far, and the number of files in each.
        has_free_fields: Whether each row may have other fields, as in JSON.
        notes: Lines for the user.
        first: The first records.
    """

    def __init__(
        self,
        source: str,
        records: Generator[Record, None, None],
        columns: Sequence[str] | None = None,
        *,
        fixed: bool = False,
        empty: str,
        no_label: str | None = None,
    ) -> None:
        self.source = source
        self.fixed = fixed
        self.no_label = no_label
        self.format = ""
        self.dialect: Dialect | None = None
        self.encodings: Counter[str] = Counter()
        self.has_free_fields = columns is None
        self.notes: list[str] = []
        self.first = _peek(records)
        self._rest = records
        if not self.first:
            raise DataError(empty, source)
        if columns is None:
            columns = list(dict.fromkeys(name for record in self.first for name in record.fields))
        check_columns(columns, source)
        self.columns = tuple(columns)
        self._size = sum(record.size for record in self.first)

    def read_block(self) -> Sequence[Record]:
        """Read the first block and return its records: 1 MB of the source, or all of it, or 20,000 records of unknown size.

        Raises:
            DataError: A record cannot be read.
        """
        while self._size < BLOCK and len(self.first) < MOST_IN_BLOCK:
            record = next(self._rest, None)
            if record is None:
                break
            self.first.append(record)
            self._size += record.size
        return self.first

    def __iter__(self) -> Iterator[Record]:
        return chain(self.first, self._rest)

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; closing it again does nothing."""
        self._rest.close()


def check_columns(names: Sequence[str], source: str, row: int | None = None) -> None:
    """Raise a DataError if there are too many columns, or two with the same name."""
    if len(names) > MOST_COLUMNS:
        problem = (
            f"has {len(names):,} columns, and may have {MOST_COLUMNS:,}; keep those with texts and labels"
        )
        raise DataError(problem, source, row)
    double = find_double(names)
    if double is not None:
        raise DataError(f"two columns are called {quote(double)}; rename one of them", source, row)


def find_double(names: Iterable[str]) -> str | None:
    """Return the first name that occurs a second time; None if there is none."""
    seen = set[str]()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _peek(records: Iterator[Record]) -> list[Record]:
    first, size = list[Record](), 0
    for record in islice(records, PEEKED):
        first.append(record)
        size += record.size
        if size >= LONGEST_RECORD:
            break
    return first
