"""`check`: what is wrong with labelled rows of a Spark DataFrame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from grutext.data import IN_MEMORY_TABLE, ReadOptions, Rows
from grutext.data.datasets import check_not_one_hot
from grutext.data_quality import DataCheck
from grutext.data_quality.characters import find_odd_characters, find_script
from grutext.data_quality.label_findings import find_in_labels
from grutext.data_quality.profile import SNIPPET
from grutext.data_quality.statistics import Contradictions, Copies, Lengths, TextStatistics
from grutext.data_quality.text_findings import find_in_texts
from grutext.distributed.spark.counts import Counts, count_rows
from grutext.distributed.spark.failures import explained
from grutext.distributed.spark.rows import LabelledRows, select
from grutext.distributed.spark.tasks import functions_for, map_tasks
from grutext.progress import Listener, Silent
from grutext.requirements import check_installed
from grutext.text import text_key

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyspark.sql import DataFrame

_NO_OPTIONS = ReadOptions()


def check(
    frame: DataFrame, reading: ReadOptions = _NO_OPTIONS, listener: Listener | None = None
) -> DataCheck:
    """Look over labelled rows, as `grutext check` does on one machine: with the same findings, without places.

    The cluster counts. What comes back grows with the number of labels and of different lengths, not with the rows.

    Args:
        frame: The rows, of classic Spark or Spark Connect. The workers need grutext.
        reading: The columns, and how labels are read; columns that it does not name are found as in a file.
        listener: Receives notes on what was guessed.

    Raises:
        DataError: A column does not exist, it is not clear which ones to choose, or a value is neither text nor label.
        ClusterError: Spark cannot do it.
        MissingExtraError: pyspark or pyarrow is not installed.
    """
    check_installed("checks on Spark", "pyspark", "pyarrow")
    with explained():
        rows = LabelledRows.choose(frame, replace(reading, skip_empty=True), listener or Silent())
        frame = select(frame, rows.columns)
        counts = count_rows(frame, partial(_count, rows))
        copies, contradictions = _count_copies(frame, rows)
    labels, tally = counts.labels(), counts.tally()
    check_not_one_hot(labels, tally, IN_MEMORY_TABLE, rows.choice.labels[0])
    odd = counts.numbers["odd"]
    statistics = TextStatistics(
        counts.numbers["text"][""],
        labels,
        _lengths(counts.numbers["length"]),
        Counter(dict(sorted(counts.numbers["script"].items()))),
        tally.dropped_texts,
        copies,
        contradictions,
        {kind: (Rows(number), counts.examples["odd", kind]) for kind, number in odd.items()},
    )
    findings = (*find_in_texts(IN_MEMORY_TABLE, statistics, labelled=True), *find_in_labels(labels, tally))
    return DataCheck(IN_MEMORY_TABLE, statistics, labelled=True, findings=findings)


def _count(rows: LabelledRows, batches: Iterator[RecordBatch], counts: Counts) -> None:
    """Count the rows of a task."""
    tally = rows.tally()
    for example in rows.read(batches, tally):
        counts.add("text", "")
        counts.add("length", str(len(example.text)))
        counts.add("script", find_script(example.text))
        for label in example.labels:
            counts.add("label", label)
        for kind, around in find_odd_characters(example.text):
            counts.add("odd", kind, example=around)
    counts.add_tally(tally)


def _lengths(counts: Counter[str]) -> Lengths:
    ordered = sorted((int(length), number) for length, number in counts.items())
    values, numbers = np.array(ordered, np.int64).reshape(-1, 2).T
    return Lengths(values, numbers)


def _count_copies(frame: DataFrame, rows: LabelledRows) -> tuple[Copies, Contradictions]:
    """Count the texts that occur again with the same labels, and those that occur with different ones."""
    import pyarrow as pa

    schema = pa.schema({"key": pa.int64(), "labels": pa.list_(pa.string()), "text": pa.string()})
    texts = map_tasks(frame, partial(_list_texts, rows), schema)
    sql = functions_for(frame)
    groups = texts.groupBy("key").agg(
        sql.count("*").alias("texts"),
        sql.min("labels").alias("first"),
        sql.max("labels").alias("last"),
        sql.min("text").alias("text"),
    )
    number, is_same = sql.col("texts"), sql.col("first") == sql.col("last")
    summary = groups.agg(
        sql.sum(sql.when(is_same, number - 1)).alias("copies"),
        sql.max(sql.when(is_same & (number > 1), sql.struct("texts", "text"))).alias("most"),
        sql.count(sql.when(~is_same, number)).alias("contradictions"),
        sql.min(sql.when(~is_same, sql.struct("text", "first", "last"))).alias("contradiction"),
    )
    (found,) = summary.collect()
    copies, contradictions = Copies(), Contradictions()
    if found["copies"]:
        copies = Copies(found["copies"], found["most"]["texts"], found["most"]["text"])
    if found["contradictions"]:
        such = found["contradiction"]
        labels = tuple(such["first"]), tuple(such["last"])
        contradictions = Contradictions(found["contradictions"], such["text"], labels)
    return copies, contradictions


def _list_texts(rows: LabelledRows, batches: Iterator[RecordBatch]) -> Iterator[dict[str, Any]]:
    """Yield, for each text of a task, what is equal for copies, its labels and its beginning."""
    for example in rows.read(batches, rows.tally()):
        if example.text and not example.text.isspace():
            key = text_key(example.text) - 2**63  # as Spark has no unsigned integers
            yield {"key": key, "labels": sorted(example.labels), "text": example.text[:SNIPPET]}
