"""Run jobs in processes of their own, several at a time, and save each result at once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import click

from benchmarks.results import Job, append_result, is_result_of, read_results

# The variables that set the sizes of NumPy's and TensorFlow's thread pools.
_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
_POLL_SECONDS = 0.1
JobT = TypeVar("JobT", bound=Job)
Note = Callable[[str], None]
Command = Callable[[Job], Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Run:
    job: Job
    threads: int
    process: subprocess.Popen[bytes]
    folder: tempfile.TemporaryDirectory[str]


def pending(jobs: Sequence[JobT], results: Path) -> list[JobT]:
    """Return the jobs that have no result yet, in their order."""
    done = read_results(results)
    return [job for job in jobs if not any(is_result_of(job, result) for result in done)]


def run_pending(
    jobs: Sequence[Job], at_once: int, results: Path, command: Command, write_tables: Callable[[], None]
) -> int:
    """Run the jobs that have no result yet, write the tables, also when interrupted, and return how many jobs failed.

    Args:
        jobs: All jobs.
        at_once: As for `run_jobs`.
        results: As for `run_jobs`.
        command: As for `run_jobs`.
        write_tables: Writes the tables of all results.
    """
    left = pending(jobs, results)
    click.echo(f"{len(jobs)} jobs, {len(jobs) - len(left)} of them done", err=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that running jobs are ended
    try:
        return run_jobs(left, at_once, results, command, lambda line: click.echo(line, err=True))
    finally:
        write_tables()


def run_jobs(jobs: Sequence[Job], at_once: int, results: Path, command: Command, note: Note) -> int:
    """Run jobs and return how many failed. An interruption ends the running ones and discards their files.

    Args:
        jobs: The jobs.
        at_once: How many run at the same time; they share the cores.
        results: The file to which results are appended.
        command: Returns the argv of a job's process, which prints its numbers as JSON.
        note: Called with a line on each event.
    """
    waiting, running, failed, finished = deque(jobs), list[_Run](), 0, 0
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                job = waiting.popleft()
                running.append(_start(job, command(job)))
            for run in [run for run in running if run.process.poll() is not None]:
                running.remove(run)
                finished += 1
                note(f"{finished}/{len(jobs)} {_finish(run, results)}")
                failed += run.process.returncode != 0
            time.sleep(_POLL_SECONDS)
    finally:
        for run in running:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.killpg(run.process.pid, signal.SIGKILL)  # and its child processes
            run.process.wait()
            run.folder.cleanup()
    return failed


def _start(job: Job, command: Sequence[str]) -> _Run:
    # The peers use one thread in any case; concurrent jobs of grutext share the cores.
    threads = (os.cpu_count() or 1) if job.system.startswith("grutext") else 1
    folder = tempfile.TemporaryDirectory(prefix="grutext-bench-")
    limits = dict.fromkeys(_LIMITS, str(threads))
    with (Path(folder.name) / "out").open("wb") as out, (Path(folder.name) / "errors").open("wb") as errors:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=errors,
            env=os.environ | limits | {"TMPDIR": folder.name},
            start_new_session=True,
        )
    return _Run(job, threads, process, folder)


def _finish(run: _Run, results: Path) -> str:
    """Save the result of a finished process and return a line about it."""
    name = " ".join(str(value) for value in asdict(run.job).values() if value is not None)
    with run.folder as folder:
        if run.process.returncode:
            lines = (Path(folder) / "errors").read_text(encoding="utf-8", errors="replace").splitlines()
            return f"{name}: failed with exit code {run.process.returncode}: {' | '.join(lines[-3:])}"
        numbers = json.loads((Path(folder) / "out").read_text(encoding="utf-8"))
    rounded = json.loads(json.dumps(numbers), parse_float=lambda text: round(float(text), 6))
    append_result(results, asdict(run.job) | {"threads": run.threads} | rounded)
    if "failure" in numbers:
        return f"{name}: {numbers['failure']}"
    return f"{name}: accuracy {numbers['accuracy']:.4f}, {numbers['seconds']:.0f} s"


def job_command(module: str, data: Path) -> Command:
    """Return a function that builds the argv of a job: a module, the folder of the data sets, and the job as JSON."""
    return lambda job: [sys.executable, "-m", module, str(data), json.dumps(asdict(job))]
