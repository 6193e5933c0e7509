"""Compile kernels in two processes: nearly twice as fast, and they can be stopped at a deadline."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from grutext.kernels import load_cached, why_unavailable, would_compile
from grutext.kernels.cores import usable_cores

# For each process the files with kernels that a module needs, and the CPU seconds that compiling them takes
# (Numba 0.68, a Xeon with AVX-512, an empty NUMBA_CACHE_DIR, `time.process_time` around each import). Importing Numba takes 0.5 s.
_FILES = {
    "inference": ({"gru": 8.7, "inference": 0.6}, {}),
    "ngrams": ({}, {"ngrams": 3.9}),
    "sessions": ({"sessions": 10.1}, {}),
    "tokens": ({}, {"tokens": 2.7}),
    "training": ({"gru": 8.7, "embedding": 1.1, "optimizer": 3.0}, {"encoding": 10.2, "contexts": 2.0}),
}
_START = 0.5
_POLL = 0.05  # seconds
_CHILD = (
    "import sys; sys.path[:] = {path!r}; from grutext import kernels; kernels.why_unavailable(*{files!r})"
)

Report = Callable[[float], None]


def seconds_to_compile(*modules: str) -> float:
    """Return how long `compile_kernels` takes on an idle machine, roughly; 0.0 if there is nothing to compile, or if it cannot compile.

    This imports the kernels that are in Numba's cache.
    """
    if not would_compile(*modules):
        return 0.0
    seconds = [_START + sum(files.values()) for files in _shares(modules)]
    return max(seconds) if usable_cores() > 1 else sum(seconds)


def compile_kernels(*modules: str, deadline: float | None = None, report: Report | None = None) -> bool:
    """Compile the kernels of some modules, and import them.

    What is finished at the deadline stays in Numba's cache.

    Args:
        modules: Some of `inference`, `ngrams`, `sessions`, `tokens` and `training`.
        deadline: A value of `time.monotonic()` at which to give up; None waits as long as it takes.
        report: Called from time to time with the seconds that have passed.

    Returns:
        Whether the kernels may be called; where it is false and there was no deadline, `why_unavailable` has the reason.
    """
    if load_cached(*modules):
        return True
    _compile_in_processes(modules, deadline, report)
    if load_cached(*modules):
        return True
    return deadline is None and why_unavailable(*modules) is None


def prepare_kernels(*modules: str, note: Callable[[str], None]) -> bool:
    """Compile the kernels of some modules that are not in Numba's cache, after a note, and import them.

    Args:
        modules: As for `compile_kernels`.
        note: Is called with a line that says how long it takes, if there is something to compile.

    Returns:
        Whether the kernels may be called; where it is false, `why_unavailable` has the reason.
    """
    if seconds := seconds_to_compile(*modules):
        note(f"compiling kernels (first time only; about {seconds:.0f} s, longer on a busy machine)")
        compile_kernels(*modules)
    return why_unavailable(*modules) is None


def cache_folder() -> Path:
    """Return the folder in which Numba caches the kernels; they must have been imported before."""
    from grutext.kernels.gru import run_layer

    return Path(run_layer.stats.cache_path)


def processor() -> str:
    """Return the name of the processor that kernels are compiled for, as LLVM has it: `NUMBA_CPU_NAME`, or the current one."""
    from grutext.kernels.compiling import PROCESSOR

    return PROCESSOR


def _compile_in_processes(modules: tuple[str, ...], deadline: float | None, report: Report | None) -> None:
    began = time.monotonic()
    waiting = [tuple(files) for files in _shares(modules) if files]
    if usable_cores() == 1:
        waiting = [tuple(file for files in waiting for file in files)]
    if not sys.executable:  # Python is part of another program
        return
    processes = [_start(files) for files in waiting]
    try:
        while any(process.poll() is None for process in processes):
            if deadline is not None and time.monotonic() > deadline:
                return
            if report:
                report(time.monotonic() - began)
            time.sleep(_POLL)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _shares(modules: tuple[str, ...]) -> tuple[dict[str, float], dict[str, float]]:
    """Return what each of two processes compiles."""
    first: dict[str, float] = {}
    second: dict[str, float] = {}
    for module in modules:
        first |= _FILES[module][0]
        second |= _FILES[module][1]
    return first, second


def _start(files: tuple[str, ...]) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    code = _CHILD.format(path=sys.path, files=files)
    return subprocess.Popen(  # noqa: S603 (this interpreter and our own code)
        [sys.executable, "-c", code], stdin=nothing, stdout=nothing, stderr=nothing
    )
