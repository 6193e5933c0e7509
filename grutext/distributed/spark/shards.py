"""`write_shards`: labelled rows of a Spark DataFrame as a folder of shards."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grutext.data import IN_MEMORY_TABLE, ReadOptions, ShardFile, ShardFolder, merge_spellings
from grutext.data.datasets import check_not_one_hot
from grutext.data.formats.shards import DEV, TRAIN
from grutext.data.labels import describe_spellings
from grutext.distributed.sharding import (
    PROBABILITIES,
    RANKS,
    Candidate,
    Part,
    ShardSettings,
    Written,
    check_reading,
    choose_dev,
    digest_row,
    find_class,
    new_folder,
)
from grutext.distributed.spark.counts import Counts, count_rows
from grutext.distributed.spark.failures import explained
from grutext.distributed.spark.rows import LabelledRows, select
from grutext.distributed.spark.tasks import functions_for, map_tasks
from grutext.errors import DataError
from grutext.progress import Listener, Silent
from grutext.requirements import check_installed

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyspark.sql import DataFrame

_NO_OPTIONS = ReadOptions()
_DEALT = ShardSettings()
_MAGIC = re.compile(r"[][{}*?\\]")  # characters that make a path a pattern


def write_shards(
    frame: DataFrame,
    folder: str | Path,
    reading: ReadOptions = _NO_OPTIONS,
    settings: ShardSettings = _DEALT,
    listener: Listener | None = None,
) -> ShardFolder:
    """Deal labelled rows to a folder of shards, from which `grutext train` trains on one machine or on several.

    Of texts that are equal (case and white space aside) and have the same labels, one is written. The same texts, settings
    and seed give the same shards, however the rows are ordered and partitioned.

    Args:
        frame: The rows, of classic Spark or Spark Connect. The workers need grutext.
        folder: The folder to write, on storage that this machine and all workers have at the same path; it must not exist.
        reading: The columns, and how labels are read; columns that it does not name are found as in a file.
        settings: How many shards there are, and how many texts are set aside.
        listener: Receives notes on what was guessed and left out.

    Raises:
        DataError: A column does not exist, it is not clear which ones to choose, a row cannot be used, or the folder exists.
        ClusterError: Spark cannot do it.
        MissingExtraError: pyspark or pyarrow is not installed.
    """
    check_installed("shards from Spark", "pyspark", "pyarrow")
    check_reading(reading)
    listener = listener or Silent()
    with explained(), new_folder(folder) as path:
        rows = LabelledRows.choose(frame, reading, listener)
        frame = select(frame, rows.columns)
        counts = count_rows(frame, partial(_count_labels, rows))
        spellings = _check(counts, rows, listener)
        frequencies = _merge(counts.labels(), spellings)
        multilabel = counts.tally().several
        texts = _merge_copies(frame, rows.respell(spellings), settings).persist()
        try:
            aside, total = _set_aside(texts, settings, frequencies)
            parts = _Parts(path, texts, aside, multilabel)
            written = Written(
                parts.write_train(settings.shards),
                parts.write_dev(),
                multilabel,
                copies=counts.numbers["text"][""] - total,
            )
        finally:
            texts.unpersist()
        described = written.describe(path, settings)
        if described.texts + sum(file.rows for file in described.dev) != total:
            problem = "the workers have written files that are not here; name a folder that all machines have at the same path"
            raise DataError(problem, str(folder))
        described.save()
    listener.note(described.summary())
    return described


def _count_labels(rows: LabelledRows, batches: Iterator[RecordBatch], counts: Counts) -> None:
    """Count the labels of a task."""
    tally = rows.tally()
    for example in rows.read(batches, tally):
        counts.add("text", "")
        for label in example.labels:
            counts.add("label", label)
    counts.add_tally(tally)


def _check(counts: Counts, rows: LabelledRows, listener: Listener) -> dict[str, str]:
    """Check that shards can hold the rows, and return the spellings of labels that are replaced, and by which.

    Raises:
        DataError: There are no texts with labels, or labels are one-hot lists or probabilities.
    """
    labels, tally = counts.labels(), counts.tally()
    if not counts.numbers["text"][""]:
        raise DataError(f"none of its {tally.rows:,} rows has both a text and a label", IN_MEMORY_TABLE)
    if tally.uncertain:
        raise DataError(PROBABILITIES, IN_MEMORY_TABLE)
    check_not_one_hot(labels, tally, IN_MEMORY_TABLE, rows.choice.labels[0])
    spellings = merge_spellings(labels)
    for note in (
        *tally.describe(IN_MEMORY_TABLE),
        *describe_spellings(IN_MEMORY_TABLE, spellings, labels),
    ):
        listener.note(note)
    return spellings


def _merge(labels: Mapping[str, int], spellings: Mapping[str, str]) -> Counter[str]:
    """Return the number of rows with each label, after spellings are replaced."""
    merged: Counter[str] = Counter()
    for label, number in labels.items():
        merged[spellings.get(label, label)] += number
    return merged


def _merge_copies(frame: DataFrame, rows: LabelledRows, settings: ShardSettings) -> DataFrame:
    """Return the different texts, and with how many sets of labels each occurs."""
    import pyarrow as pa

    schema = pa.schema({"rank": pa.int64(), "labels": pa.list_(pa.string()), "text": pa.string()})
    texts = map_tasks(frame, partial(_rank_texts, rows, settings), schema)
    first = functions_for(frame).min("text").alias("text")
    unique = texts.repartition("rank").groupBy("rank", "labels").agg(first)
    return unique.selectExpr("*", "count(*) OVER (PARTITION BY rank) AS versions")


def _rank_texts(
    rows: LabelledRows, settings: ShardSettings, batches: Iterator[RecordBatch]
) -> Iterator[dict[str, Any]]:
    for example in rows.read(batches, rows.tally()):
        yield {
            "rank": settings.rank(example.text),
            "labels": sorted(example.labels),
            "text": example.text,
        }


def _set_aside(
    texts: DataFrame, settings: ShardSettings, frequencies: Mapping[str, int]
) -> tuple[frozenset[int], int]:
    """Return the ranks of the texts that are set aside, and the number of all texts.

    Args:
        texts: The different texts.
        settings: How many are set aside.
        frequencies: The number of rows with each label, copies included.
    """
    import pyarrow as pa

    labelled = texts.select("rank", "labels", "versions")
    counts = count_rows(labelled, partial(_count_unique, frequencies))
    sizes = counts.numbers["class"]
    quotas = settings.quotas(sizes)
    # The lowest ranks of a class are below this, except with a probability of less than one in a million.
    limits = {
        name: min(RANKS - 1, RANKS * (quota + 5 * math.isqrt(quota) + 20) // sizes[name])
        for name, quota in quotas.items()
    }
    schema = pa.schema({"rank": pa.int64(), "labels": pa.list_(pa.string())})
    low = map_tasks(labelled, partial(_list_candidates, frequencies, limits), schema)
    candidates = [Candidate(row["rank"], tuple(row["labels"])) for row in low.collect()]
    aside = choose_dev(candidates, quotas, frequencies, counts.labels())
    return aside, counts.numbers["text"][""]


def _count_unique(frequencies: Mapping[str, int], batches: Iterator[RecordBatch], counts: Counts) -> None:
    for row in _list(batches):
        counts.add("text", "")
        for label in row["labels"]:
            counts.add("label", label)
        if row["versions"] == 1:
            counts.add("class", find_class(row["labels"], frequencies))


def _list_candidates(
    frequencies: Mapping[str, int], limits: Mapping[str, int], batches: Iterator[RecordBatch]
) -> Iterator[dict[str, Any]]:
    for row in _list(batches):
        limit = limits.get(find_class(row["labels"], frequencies), -1)
        if row["versions"] == 1 and row["rank"] <= limit:
            yield {"rank": row["rank"], "labels": row["labels"]}


def _list(batches: Iterator[RecordBatch]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        yield from batch.to_pylist()


class _Parts:
    """Writes the parts of a folder.

    Args:
        folder: The folder.
        texts: All texts, with their ranks and labels.
        aside: The ranks of those that are set aside.
        multilabel: Whether labels are lists.
    """

    def __init__(self, folder: Path, texts: DataFrame, aside: frozenset[int], multilabel: bool) -> None:
        import pyarrow as pa

        self._folder, self._texts = folder, texts
        self._label = "labels AS label" if multilabel else "labels[0] AS label"
        ranks = pa.table({"rank": pa.array(sorted(aside), pa.int64())})
        self._aside = texts.sparkSession.createDataFrame(ranks).hint("broadcast") if aside else None

    def write_train(self, shards: int) -> Part:
        """Write the texts to train on, one file for each shard."""
        texts = self._texts
        if self._aside is not None:
            texts = texts.join(self._aside, "rank", "left_anti")
        number = f"lpad(string(rank % {shards}), 5, '0') AS shard"  # the names of folders are sorted
        dealt = texts.selectExpr("text", self._label, number, "rank", "labels").repartition(shards, "shard")
        ordered = dealt.sortWithinPartitions("shard", "rank", "labels")
        return self._write(TRAIN, ordered.select("text", "label", "shard"), ["shard"])

    def write_dev(self) -> Part:
        """Write the texts that were set aside, as one file."""
        if self._aside is None:
            return Part()
        texts = self._texts.join(self._aside, "rank", "left_semi")
        ordered = texts.repartition(1).sortWithinPartitions("rank", "labels")
        return self._write(DEV, ordered.selectExpr("text", self._label), [])

    def _write(self, name: str, columns: DataFrame, by: list[str]) -> Part:
        """Write a part, and read it again to describe it."""
        folder = self._folder / name
        url = f"file://{folder}"
        columns.write.partitionBy(*by).parquet(url)
        files = _list_files(self._folder, name)
        if not files:
            return Part()
        written = columns.sparkSession.read.parquet(_MAGIC.sub(r"\\\g<0>", url))
        counts = count_rows(written.select("text", "label"), _count_written)
        digest = sum(int(name) * number for name, number in counts.numbers["digest"].items())
        return Part(files, counts.labels(), counts.numbers["character"][""], digest)


def _list_files(folder: Path, name: str) -> tuple[ShardFile, ...]:
    """Return the files of a part that are on this machine."""
    from pyarrow import parquet

    found = sorted((folder / name).rglob("*.parquet"), key=lambda file: file.relative_to(folder).as_posix())
    return tuple(
        ShardFile(
            file.relative_to(folder).as_posix(), parquet.read_metadata(file).num_rows, file.stat().st_size
        )
        for file in found
    )


def _count_written(batches: Iterator[RecordBatch], counts: Counts) -> None:
    digest = 0
    for row in _list(batches):
        labels = row["label"] if isinstance(row["label"], list) else [row["label"]]
        digest += digest_row(row["text"], labels)
        counts.add("character", "", len(row["text"]))
        for label in labels:
            counts.add("label", label)
    counts.add("digest", str(digest))
