"""Counting on a cluster: each task counts its rows, Spark adds the counts of all tasks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from grutext.data import Rows, Tally
from grutext.distributed.spark.tasks import functions_for, map_tasks
from grutext.errors import DataError

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyspark.sql import DataFrame

_MOST = 1_000_000  # different labels, and other things that are counted


class Counts:
    """Counts of things, by their kind and name, with an example of some of them.

    Attributes:
        numbers: The number of each thing, by kind and name.
        examples: The first of the examples of a thing in the order of code points, by kind and name.
    """

    def __init__(self) -> None:
        self.numbers: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.examples: dict[tuple[str, str], str] = {}

    def add(self, kind: str, name: str, number: int = 1, example: str | None = None) -> None:
        """Count something."""
        self.numbers[kind][name] += number
        if example is not None:
            self.examples[kind, name] = min(self.examples.get((kind, name), example), example)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the counts as rows of kind, name, number and example."""
        for kind, counts in self.numbers.items():
            for name, number in counts.items():
                example = self.examples.get((kind, name))
                yield {"kind": kind, "name": name, "number": number, "example": example}

    def add_tally(self, tally: Tally) -> None:
        """Count what was counted while rows were read."""
        self.add("row", "all", tally.rows)
        self.add("row", "empty text", tally.empty_texts)
        self.add("row", "no label", tally.no_labels)
        self.add("row", "dropped label", tally.dropped_labels.count)
        self.add("row", "dropped text", tally.dropped_texts.count)
        self.add("row", "uncertain", tally.uncertain)
        self.add("row", "several", int(tally.several))
        for spelling, number in tally.missing.items():
            self.add("missing", spelling, number)
        for spelling, number in tally.cleaned.items():
            self.add("cleaned", spelling, number)
        for length in tally.vectors:
            self.add("vector", str(length))

    def tally(self) -> Tally:
        """Return what was counted while rows were read, without places."""
        rows = self.numbers["row"]
        return Tally(
            several=rows["several"] > 0,
            rows=rows["all"],
            empty_texts=rows["empty text"],
            no_labels=rows["no label"],
            dropped_labels=Rows(rows["dropped label"]),
            dropped_texts=Rows(rows["dropped text"]),
            uncertain=rows["uncertain"],
            missing=Counter(dict(sorted(self.numbers["missing"].items()))),
            cleaned=Counter(dict(sorted(self.numbers["cleaned"].items()))),
            vectors={int(length) for length in self.numbers["vector"]},
        )

    def labels(self) -> Counter[str]:
        """Return the number of texts with each label, in the order of the labels."""
        return Counter(dict(sorted(self.numbers["label"].items())))


def count_rows(frame: DataFrame, count: Callable[[Iterator[RecordBatch], Counts], None]) -> Counts:
    """Return what tasks have counted, added up.

    Args:
        frame: The rows.
        count: Counts the rows of a task. What it counts must not grow with the rows, but with the labels alone.

    Raises:
        DataError: There are more than a million different things.
    """
    import pyarrow as pa

    def run(batches: Iterator[RecordBatch]) -> Iterator[dict[str, Any]]:
        counts = Counts()
        count(batches, counts)
        yield from counts.rows()

    schema = pa.schema(
        {"kind": pa.string(), "name": pa.string(), "number": pa.int64(), "example": pa.string()}
    )
    functions = functions_for(frame)
    counted = map_tasks(frame, run, schema).groupBy("kind", "name")
    total = counted.agg(functions.sum("number"), functions.min("example"))
    rows = total.limit(_MOST + 1).collect()
    if len(rows) > _MOST:
        raise DataError(f"there are more than {_MOST:,} different labels; name the column of the labels")
    counts = Counts()
    for kind, name, number, example in rows:
        counts.add(kind, name, number, example)
    return counts
