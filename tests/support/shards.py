"""Folders of shards, written with nothing but pyarrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from grutext.data import ShardFile, ShardFolder

Row = tuple[str, str | list[str]]


def write_folder(path: Path, train: Sequence[Sequence[Row]], dev: Sequence[Row] = ()) -> ShardFolder:
    """Write a folder of shards.

    Args:
        path: The folder.
        train: Texts and their labels, shard by shard.
        dev: Texts and their labels that are set aside.
    """
    rows = [row for shard in train for row in shard]
    names = [[label] if isinstance(label, str) else label for _, label in rows]
    folder = ShardFolder(
        path,
        train=tuple(_write(path, f"train/{n}.parquet", shard) for n, shard in enumerate(train)),
        dev=(_write(path, "dev/0.parquet", dev),) if dev else (),
        labels=Counter(label for labels in names for label in labels),
        multilabel=any(isinstance(label, list) for _, label in rows),
        characters=sum(len(text) for text, _ in rows),
        fingerprint="0" * 64,
        copies=0,
    )
    folder.save()
    return folder


def _write(path: Path, file: str, rows: Sequence[Row]) -> ShardFile:
    target = path / file
    target.parent.mkdir(parents=True, exist_ok=True)
    texts, labels = zip(*rows, strict=True)
    parquet.write_table(pa.table({"text": texts, "label": labels}), target)
    return ShardFile(file, len(rows), target.stat().st_size)
