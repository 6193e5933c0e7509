"""Labels for the rows of a Spark DataFrame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from grutext.data.examples import ColumnNames
from grutext.distributed.batches import BatchPredictor
from grutext.distributed.spark.models import find_model, send_model
from grutext.distributed.spark.tables import quote_column
from grutext.inference import AnswerOptions
from grutext.requirements import check_installed

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyspark.sql import Column, DataFrame

_NO_OPTIONS = AnswerOptions()


def predict(
    frame: DataFrame,
    model: str | Path,
    text_column: ColumnNames = None,
    options: AnswerOptions = _NO_OPTIONS,
    *,
    on_workers: bool = False,
) -> DataFrame:
    """Return the rows of a DataFrame with their labels, which the workers compute when they are needed.

    Each Python worker loads the model once, and uses as many threads as a task has cores (`spark.task.cpus`). The rows may
    be partitioned in any way and may come from a stream. A null text is an empty text. The workers need grutext.

    Args:
        frame: The rows, of classic Spark or Spark Connect.
        model: The folder of the model.
        text_column: The column of the texts, or several, whose texts are joined; None is that of the training data.
        options: What is added to `label` and `confidence`, and which texts get no label.
        on_workers: Whether the folder is at the same absolute path on every worker, as on shared storage. Otherwise the model is sent to
            the workers.

    Returns:
        A DataFrame with the columns of `frame` and the added ones; `predicted_label` instead of `label` where that is taken.

    Raises:
        MissingExtraError: pyspark or pyarrow is not installed.
        BundleError: The model cannot be read here, or cannot do what the options ask for.
        DataError: The DataFrame has no text column.
    """
    check_installed("prediction on Spark", "pyspark", "pyarrow")
    return label_rows(frame, describe(frame, model, text_column, options), on_workers)


def describe(
    frame: DataFrame, model: str | Path, text_column: ColumnNames, options: AnswerOptions
) -> BatchPredictor:
    """Return a description of the prediction for `label_rows`; arguments and errors are those of `predict`."""
    predictor = BatchPredictor.load(model, text_column, options)
    predictor.check_columns(frame.columns)
    sensitive = frame.sparkSession.conf.get("spark.sql.caseSensitive", "false") == "true"
    return replace(predictor, ignores_case=not sensitive)


def label_rows(frame: DataFrame, predictor: BatchPredictor, on_workers: bool) -> DataFrame:
    """Return the rows of a DataFrame with their labels; arguments are those of `predict`."""
    import pyarrow as pa
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.types import StructType

    columns = frame.columns
    added = from_arrow_schema(pa.schema(predictor.added(columns)))
    schema = StructType([*frame.schema.fields, *added.fields])
    sent = None if on_workers else send_model(frame.sparkSession, Path(predictor.folder), predictor.digest)

    def label(batches: Iterable[RecordBatch]) -> Iterator[RecordBatch]:
        folder = predictor.folder if sent is None else find_model(sent)
        return predictor.moved(folder, _task_cores())(batch.rename_columns(columns) for batch in batches)

    # PySpark sends no names with dots to workers.
    numbered = frame.toDF(*(f"c{number}" for number in range(len(columns))))
    return numbered.mapInArrow(label, schema)


def count_rows(predictor: BatchPredictor, names: Mapping[str, str]) -> list[Column]:
    """Return measures of labelled rows for `DataFrame.observe`: `rows`, `empty` texts, `undecoded` and `abstained` ones.

    A text counts as undecoded if it has the character that stands for bytes that are not of the file's encoding.

    Args:
        predictor: The prediction.
        names: The names of the columns that it added, as `BatchPredictor.names` returns them.
    """
    from pyspark.sql.functions import expr

    texts = [f"coalesce(cast({quote_column(name)} as string), '')" for name in predictor.text_columns]
    blank = " and ".join(rf"{text} rlike '(?U)^\\s*$'" for text in texts)
    lost = " or ".join(f"contains({text}, '\ufffd')" for text in texts)
    measures = [
        "count(*) as rows",
        f"count_if({blank}) as empty",
        f"count_if({lost}) as undecoded",
    ]
    if "abstained" in names:
        measures.append(f"count_if({quote_column(names['abstained'])}) as abstained")
    return [expr(measure) for measure in measures]


def _task_cores() -> int:
    """Return how many cores the task has in which this is called."""
    from pyspark import TaskContext

    task = TaskContext.get()
    return task.cpus() if task is not None else 1  # engines that speak Spark Connect have no such context
