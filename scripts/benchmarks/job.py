"""Run one job in a process of its own: `python -m benchmarks.job FOLDER SYSTEM SEED [PRESET]` prints its numbers.

Models and other files go to a temporary folder, which the parent process removes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from benchmarks.ours import run_grutext
from benchmarks.peers import run_fasttext, run_svm
from benchmarks.results import Result
from benchmarks.sets import BenchSet


def run_job(bench_set: BenchSet, system: str, seed: int, preset: str | None, folder: Path) -> Result:
    """Train and test one system on one set."""
    if system == "grutext":
        return run_grutext(bench_set, seed, preset, folder)
    return {"svm": run_svm, "fasttext": run_fasttext}[system](bench_set, seed, folder)


if __name__ == "__main__":
    name, system, seed, *preset = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        chosen = preset[0] if preset else None
        result = run_job(BenchSet(Path(name)), system, int(seed), chosen, Path(folder))
    print(json.dumps(result))
