"""Read and write the file of results: one line of JSON for each finished job."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """One training and its test.

    Attributes:
        set: The data set's name.
        system: `grutext`, `svm` or `fasttext`.
        seed: The seed of the training.
        preset: The preset of grutext; None for its default settings, and for the peers.
    """

    set: str
    system: str
    seed: int
    preset: str | None = None


def job_of(result: Result) -> Job:
    """Return the job that a result belongs to."""
    return Job(result["set"], result["system"], result["seed"], result["preset"])


def read_results(path: Path) -> list[Result]:
    """Read all results; ignore a partial last line, which an interruption left."""
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return [json.loads(line) for line in whole.splitlines()]


def append_result(path: Path, result: Result) -> None:
    """Append a result, after removing a partial last line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(result, ensure_ascii=False).encode() + b"\n"
    with path.open("ab+") as file:
        file.seek(0)
        there = file.read()
        if not there.endswith(b"\n"):
            file.truncate(there.rfind(b"\n") + 1)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
