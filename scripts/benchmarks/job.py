"""Run one job in a process of its own: `python -m benchmarks.job DATA JOB` prints its numbers.

Models and other files go to a temporary folder, which the parent process removes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from benchmarks.ours import run_grutext
from benchmarks.peers import run_fasttext, run_svm
from benchmarks.results import AccuracyJob, Result
from benchmarks.sets import BenchSet


def run_job(bench_set: BenchSet, job: AccuracyJob, folder: Path) -> Result:
    """Train and test one system on one set."""
    if job.system == "grutext":
        preset = ["--preset", job.preset] if job.preset else []
        return run_grutext(bench_set, ["--seed", str(job.seed), *preset], folder)
    return {"svm": run_svm, "fasttext": run_fasttext}[job.system](bench_set, job.seed, folder)


if __name__ == "__main__":
    data, fields = sys.argv[1:]
    job = AccuracyJob(**json.loads(fields))
    with tempfile.TemporaryDirectory() as folder:
        result = run_job(BenchSet(Path(data) / job.set), job, Path(folder))
    print(json.dumps(result))
