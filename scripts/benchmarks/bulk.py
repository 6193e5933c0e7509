"""Write large files of real texts: those of a data set, repeated with small changes."""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FORMS = ("jsonl", "csv", "parquet")
_GROUP = 20_000  # rows of a row group of parquet
_CUTS = 4


def write_bulk(path: Path, sources: list[Path], size: int, seed: int = 1) -> int:
    """Write rows of `id`, `text` and `label` in the format of the file name; the same arguments give the same bytes.

    Args:
        path: The file, `.jsonl`, `.csv` or `.parquet`.
        sources: Gzipped JSON Lines files with `text` and `label`.
        size: Bytes of JSON Lines to write; the same rows in another format are a little smaller.
        seed: Seed of the choice of texts and of their changes.

    Returns:
        The number of rows.
    """
    return write_rows(path, iterate_rows(sources, size, seed))


def write_rows(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    """Write rows in the format of the file name, and return how many there are."""
    if path.suffix == ".parquet":
        return _write_parquet(path, rows)
    number = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ("id", "text", "label"), lineterminator="\n")
        if path.suffix == ".csv":
            table.writeheader()
        for row in rows:
            number = row["id"]
            if path.suffix == ".csv":
                table.writerow(row)
            else:
                file.write(render_row(row))
    return number


def iterate_rows(sources: list[Path], size: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield rows until their JSON lines have `size` bytes.

    A text is split into pieces that are shuffled, and a tenth of its words are replaced by those of another text. So
    the words and their frequencies stay real, and few rows repeat.
    """
    texts: list[tuple[list[str], str]] = []
    for source in sources:
        with gzip.open(source, "rt", encoding="utf-8") as lines:
            texts += ((row["text"].split(), row["label"]) for row in map(json.loads, lines))
    draw = random.Random(seed)
    number = written = 0
    while written < size:
        words, label = draw.choice(texts)
        other = draw.choice(texts)[0]
        cuts = sorted(draw.randrange(len(words) + 1) for _ in range(_CUTS))
        pieces = [words[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(words)], strict=True)]
        draw.shuffle(pieces)
        mixed = [word for piece in pieces for word in piece]
        begin = draw.randrange(len(other) + 1)
        mixed[: len(mixed) // 10] = other[begin : begin + len(mixed) // 10]
        number += 1
        row = {"id": number, "text": " ".join(mixed), "label": label}
        written += len(render_row(row).encode())
        yield row


def render_row(row: dict[str, Any]) -> str:
    """Return a row as a line of JSON."""
    return json.dumps(row, ensure_ascii=False) + "\n"


def _write_parquet(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([("id", pa.int64()), ("text", pa.string()), ("label", pa.string())])
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        group: list[dict[str, Any]] = []
        for row in rows:
            group.append(row)
            if len(group) == _GROUP:
                writer.write_table(pa.Table.from_pylist(group, schema))
                count += len(group)
                group = []
        if group:
            writer.write_table(pa.Table.from_pylist(group, schema))
    return count + len(group)
