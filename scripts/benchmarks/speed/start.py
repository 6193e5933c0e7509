"""Part `start`: time and memory of a fresh process that classifies a file."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.speed.job import Bench

_TURNS = 9
_SLOW_TURNS = 3
_WORDS = 200


def measure(bench: Bench) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield a row for each command."""
    name = bench.sets[0]
    model, letter = prepare(bench)
    python = [sys.executable, "-c"]
    commands = {
        "`import numpy`": [*python, "import numpy"],
        "`grutext classify letter.txt`": [sys.executable, "-m", "grutext", "classify", letter, "-m", model],
        "`import tensorflow`": [*python, "import tensorflow"],
    }
    runs: dict[str, list[tuple[float, float]]] = {command: [] for command in commands}
    for turn in range(_TURNS):
        for command, argv in commands.items():
            if "tensorflow" not in command or turn < _SLOW_TURNS:
                runs[command].append(watch(argv))
    Path(letter).unlink()
    middle = {
        command: [statistics.median(values) for values in zip(*pairs, strict=True)]
        for command, pairs in runs.items()
    }
    numpy_seconds = middle["`import numpy`"][0]
    for command, (seconds, megabytes) in middle.items():
        told = f"{command}, model of {name}" if "classify" in command else command
        yield told, {"seconds": seconds, "mb": megabytes, "numpy_seconds": numpy_seconds}


def prepare(bench: Bench) -> tuple[str, str]:
    """Return the folder of the model and a file with a text, made by a child so that this process stays small."""
    code = (
        "import sys; from benchmarks.speed.job import Bench; from benchmarks.speed.models import open_model, sample;"
        f"bench = Bench.from_json(sys.argv[1]); print(open_model(bench, {bench.sets[0]!r}));"
        f"print(' '.join(sample(bench, {bench.sets[0]!r}, 'test', 1)[0].text.split()[:{_WORDS}]))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, bench.to_json()], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    folder, text = out.splitlines()
    letter = bench.models / "letter.txt"
    letter.write_text(text, encoding="utf-8")
    return folder, str(letter)


def watch(argv: list[str]) -> tuple[float, float]:
    """Run a command; return its seconds and its peak memory in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, argv)
    return seconds, usage.ru_maxrss / 1e3
