"""Labelled rows of a Spark DataFrame, read by the workers as `grutext train` reads those of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from grutext.data import IN_MEMORY_TABLE, Example, ReadOptions, Table, Tally, open_labelled
from grutext.data.columns import Choice
from grutext.data.datasets import LabelledReading
from grutext.data.examples import list_columns
from grutext.data.formats.parquet import list_rows
from grutext.data.labels import respell_example
from grutext.data.records import Record
from grutext.errors import DataError
from grutext.messages import quote
from grutext.progress import Listener

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyspark.sql import DataFrame

_HEAD = 1_000  # rows by which the columns are chosen


@dataclass(frozen=True)
class LabelledRows:
    """How the rows of a DataFrame are read; it is sent to the workers.

    Attributes:
        choice: The columns of texts and labels.
        options: How they are read.
        missing: The spellings of a missing label.
        exclusive: Whether several label columns have probabilities that sum to 1.
        spellings: The spellings of labels that are replaced by others.
    """

    choice: Choice
    options: ReadOptions
    missing: frozenset[str]
    exclusive: bool
    spellings: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def choose(cls, frame: DataFrame, options: ReadOptions, listener: Listener) -> LabelledRows:
        """Choose the columns of a DataFrame, by its first rows.

        Raises:
            DataError: A column does not exist, it is not clear which ones to choose, or there are no rows.
        """
        named = (*list_columns(options.text_column), *list_columns(options.label_column))
        decided = options.text_column and options.label_column and set(named) <= set(frame.columns)
        columns = list(dict.fromkeys(named)) if decided else frame.columns
        head = select(frame, columns).limit(_HEAD).toArrow()
        table = _open_table(_list_rows(head.to_batches(), columns), columns)
        with open_labelled(table, options) as reading:
            rows = cls(reading.choice, options, reading.find_missing(), reading.exclusive)
            for note in reading.notes:
                listener.note(note)
        return rows

    @property
    def columns(self) -> list[str]:
        """The columns that are read."""
        return [*self.choice.texts, *self.choice.labels]

    def respell(self, spellings: Mapping[str, str]) -> LabelledRows:
        """Return the same reading with other spellings of the labels."""
        return replace(self, spellings=spellings)

    def tally(self) -> Tally:
        """Return a tally for the rows of a task."""
        several = len(self.choice.labels) > 1 and not self.exclusive
        return Tally(several or self.options.label_separator is not None)

    def read(self, batches: Iterable[RecordBatch], tally: Tally) -> Iterator[Example]:
        """Yield the labelled texts of a task.

        Args:
            batches: The rows, as `select` returns them with `columns`; there may be none.
            tally: Counts them.

        Raises:
            DataError: A row cannot be used; it is not named, since rows of a DataFrame have no numbers.
        """
        rows = _list_rows(batches, self.columns)
        first = next(rows, None)
        if first is None:
            return
        table = _open_table(chain([first], rows), self.columns)
        reading = LabelledReading(
            table, self.choice, self.options, None, (), tally, self.exclusive, self.missing
        )
        try:
            for example in reading.examples():
                yield respell_example(example, self.spellings)
        except DataError as error:
            raise DataError(error.problem, error.source) from None


def select(frame: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Return some columns of a DataFrame, called `c0`, `c1` and so on: PySpark sends no names with dots to workers.

    Raises:
        DataError: Two columns have the same name.
    """
    names = frame.columns
    for name in columns:
        if names.count(name) > 1:
            raise DataError(f"two columns are called {quote(name)}; rename one of them", IN_MEMORY_TABLE)
    # By number, as Spark takes names that differ in case for the same, and a dot for a field.
    numbered = frame.toDF(*(f"n{number}" for number in range(len(names))))
    return numbered.selectExpr(*(f"n{names.index(name)} AS c{number}" for number, name in enumerate(columns)))


def _list_rows(batches: Iterable[RecordBatch], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield rows whose columns are called c0, c1 and so on, with the names of their columns."""
    for batch in batches:
        yield from list_rows(batch.rename_columns(list(columns)))


def _open_table(rows: Iterator[dict[str, Any]], columns: Sequence[str]) -> Table:
    records = (Record(number, fields, IN_MEMORY_TABLE) for number, fields in enumerate(rows, start=1))
    return Table(IN_MEMORY_TABLE, records, columns, empty="has no rows")
