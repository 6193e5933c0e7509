"""Read and write the file of results: one line of JSON for each finished job."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Result = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One training and its test; the classes of jobs add what distinguishes the trainings of a system.

    Attributes:
        set: The data set's name.
        system: What is trained: grutext or one of its peers.
    """

    set: str
    system: str


@dataclass(frozen=True)
class AccuracyJob(Job):
    """A training on a whole training set.

    Attributes:
        seed: The seed of the training.
        preset: The preset of grutext; None for its default settings, and for the peers.
    """

    seed: int
    preset: str | None = None


def is_result_of(job: Job, result: Result) -> bool:
    """Return whether a result belongs to a job."""
    return asdict(job).items() <= result.items()


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
