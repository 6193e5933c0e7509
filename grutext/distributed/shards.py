"""Folders of shards from labelled texts that one machine can hold in memory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from grutext.data import Example, ReadOptions, ShardFile, ShardFolder, read_dataset
from grutext.data.formats.shards import DEV, TRAIN
from grutext.distributed.sharding import (
    PROBABILITIES,
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
from grutext.errors import DataError
from grutext.progress import Listener, Silent
from grutext.requirements import check_installed
from grutext.training.splits import Source, open_source

_NO_OPTIONS = ReadOptions()
_DEALT = ShardSettings()
_HALF = re.compile("[\ud800-\udfff]")


def write_shards(
    source: Source,
    folder: str | Path,
    reading: ReadOptions = _NO_OPTIONS,
    settings: ShardSettings = _DEALT,
    listener: Listener | None = None,
) -> ShardFolder:
    """Deal labelled texts to a folder of shards, from which `grutext train` trains on one machine or on several.

    Of texts that are equal (case and white space aside) and have the same labels, one is written. The same texts, settings
    and seed give the same shards, whatever the order of the rows, as `grutext.distributed.spark.write_shards` gives too.

    Args:
        source: A path or a name as the command line takes it, a list of those, or a table in memory.
        folder: The folder to write; it must not exist.
        reading: How the source is read.
        settings: How many shards there are, and how many texts are set aside.
        listener: Receives notes on what was guessed and left out.

    Raises:
        DataError: The source cannot be read, has weights or probabilities of labels, or the folder exists.
        OSError: A file cannot be written.
        MissingExtraError: pyarrow or another package that is needed is not installed.
    """
    check_installed("writing shards", "pyarrow")
    check_reading(reading)
    listener = listener or Silent()
    with new_folder(folder) as path:
        dataset = read_dataset(open_source(source), reading)
        for note in dataset.notes:
            listener.note(note)
        unique = _merge_copies(dataset.examples, settings)
        aside = _set_aside(unique, settings, dataset.label_counts)
        shards: list[list[_Row]] = [[] for _ in range(settings.shards)]
        dev: list[_Row] = []
        for (rank, labels), text in sorted(unique.items()):
            (dev if rank in aside else shards[settings.shard(rank)]).append((text, labels))
        writer = _Writer(path, dataset.multilabel)
        written = Written(
            writer.write(TRAIN, shards),
            writer.write(DEV, [dev]),
            dataset.multilabel,
            copies=len(dataset.examples) - len(unique),
        )
        described = written.describe(path, settings)
        described.save()
    listener.note(described.summary())
    return described


_Row = tuple[str, tuple[str, ...]]  # a text and its labels
_Unique = dict[tuple[int, tuple[str, ...]], str]  # texts by their ranks and sorted labels


def _merge_copies(examples: Iterable[Example], settings: ShardSettings) -> _Unique:
    """Return the different texts; of copies, the first one in the order of code points."""
    unique: _Unique = {}
    for example in examples:
        problem = ""
        if example.probabilities is not None:
            problem = PROBABILITIES
        elif not example.text.isascii() and _HALF.search(example.text):
            problem = "has half a character (a lone surrogate), which parquet cannot hold; mend the text"
        if problem:
            raise DataError(problem, example.source, example.row)
        place = settings.rank(example.text), tuple(sorted(example.labels))
        unique[place] = min(unique.get(place, example.text), example.text)
    return unique


def _set_aside(unique: _Unique, settings: ShardSettings, frequencies: Counter[str]) -> frozenset[int]:
    """Return the ranks of the texts that are set aside."""
    versions = Counter(rank for rank, _ in unique)
    candidates = [Candidate(rank, labels) for rank, labels in unique if versions[rank] == 1]
    sizes = Counter(find_class(candidate.labels, frequencies) for candidate in candidates)
    counts = Counter(label for _, labels in unique for label in labels)
    return choose_dev(candidates, settings.quotas(sizes), frequencies, counts)


class _Writer:
    """Writes the files of a folder.

    Args:
        folder: The folder.
        multilabel: Whether labels are lists.
    """

    def __init__(self, folder: Path, multilabel: bool) -> None:
        self._folder, self._multilabel = folder, multilabel

    def write(self, name: str, files: Sequence[Sequence[_Row]]) -> Part:
        """Write the files of a part, except for empty ones, and return what was written."""
        rows = [row for file in files for row in file]
        return Part(
            tuple(self._write(f"{name}/{n:05}.parquet", file) for n, file in enumerate(files) if file),
            Counter(label for _, labels in rows for label in labels),
            sum(len(text) for text, _ in rows),
            sum(digest_row(text, labels) for text, labels in rows),
        )

    def _write(self, file: str, rows: Sequence[_Row]) -> ShardFile:
        import pyarrow as pa
        from pyarrow import parquet

        target = self._folder / file
        target.parent.mkdir(exist_ok=True)
        kind = pa.list_(pa.string()) if self._multilabel else pa.string()
        labels = [list(own) if self._multilabel else own[0] for _, own in rows]
        table = pa.table(
            {"text": pa.array([text for text, _ in rows], pa.string()), "label": pa.array(labels, kind)}
        )
        parquet.write_table(table, target)
        return ShardFile(file, len(rows), target.stat().st_size)
