"""Read and write the file of results: lines of JSON with `part`, `name`, `values`, `versions` and `commit`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results import Result, read_results


def replace_row(rows: Sequence[Result], new: Result) -> list[Result]:
    """Return the rows with the one of the same part and name replaced in its place, or the new one at the end."""
    same = [(row["part"], row["name"]) == (new["part"], new["name"]) for row in rows]
    replaced = [new if is_same else row for is_same, row in zip(same, rows, strict=True)]
    return replaced if any(same) else [*replaced, new]


def keep_row(path: Path, new: Result) -> None:
    """Write a row to the file atomically."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in replace_row(read_results(path), new)]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text("".join(lines), encoding="utf-8")
    temporary.replace(path)
