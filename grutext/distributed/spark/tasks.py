"""What runs on the workers: functions from the rows of a task to other rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyarrow import RecordBatch, Schema
    from pyspark.sql import DataFrame

_BLOCK = 512  # rows in a batch

Task = Callable[[Iterator["RecordBatch"]], Iterator[dict[str, Any]]]


def map_tasks(frame: DataFrame, task: Task, schema: Schema) -> DataFrame:
    """Return the rows that `task` makes of those of each partition, computed when they are needed.

    Args:
        frame: The rows.
        task: Yields rows as dictionaries; it is sent to the workers.
        schema: The columns of these rows.
    """
    from pyspark.sql.pandas.types import from_arrow_schema

    def run(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        import pyarrow as pa

        rows = task(batches)
        while block := list(islice(rows, _BLOCK)):
            yield pa.RecordBatch.from_pylist(block, schema)

    return frame.mapInArrow(run, from_arrow_schema(schema))


def functions_for(frame: DataFrame) -> Any:
    """Return Spark's SQL functions for a DataFrame; a process may have sessions of classic Spark and of Spark Connect."""
    if type(frame).__module__.startswith("pyspark.sql.connect"):
        from pyspark.sql.connect import functions as connect

        return connect
    from pyspark.sql import functions

    return functions
