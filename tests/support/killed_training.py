"""`grutext train` in processes that are killed; they are forked from one that has TensorFlow, and so start at once."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import time
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "killed",
        "grutext.kernels.training",
        "grutext.engines.keras.network",
        "grutext.training.train",
        "grutext.training.fit",
        "grutext.training.linear.fit",
    ]
)
SETTINGS = ["--set", "text.subword_buckets=300", "--set", "gru.units=8", "--set", "gru.embedding_size=8",
            "--set", "training.patience=0", "--set", "training.checkpoint_seconds=0", "--epochs", "12",
            "--set", "training.adversarial_radius=0"]  # fmt: skip


def run(folder: Path, arguments: list[str]) -> None:
    """The process: the command line in a folder."""
    from grutext.cli import main

    os.chdir(folder)
    with Path("log").open("a", encoding="utf-8", buffering=1) as sys.stderr:
        main(arguments, standalone_mode=True)


def train(folder: Path, name: str, *more: str) -> multiprocessing.Process:
    process = _CONTEXT.Process(
        target=run, args=(folder, ["train", "mails.csv", "-m", name, *SETTINGS, *more])
    )
    process.start()
    return process


def start_and_kill(
    moment: str, folder: Path, name: str, seconds: float, *more: str
) -> tuple[bool, int | None]:
    """Start a training and kills it at a moment; return whether it was still running, and its exit code.

    Args:
        moment: `any`, `state` (while one is written) or `model` (while it is written).
        folder: Where it runs.
        name: The model's.
        seconds: How long after the start, or in thousandths after the first sign of the moment.
        more: Further arguments.
    """
    before = _signs(moment, folder, name)
    process = train(folder, name, *more)
    end = time.monotonic() + 60
    while moment != "any" and process.is_alive() and not _signs(moment, folder, name) - before:
        if time.monotonic() > end:
            process.kill()
            raise TimeoutError("the moment did not come")
    process.join(seconds if moment == "any" else seconds / 1000)
    running = process.is_alive()
    process.kill()
    process.join()
    return running, process.exitcode


def _signs(moment: str, folder: Path, name: str) -> set[tuple[str, int]]:
    """Return what stands there while a state or a model is written, told from what killed processes left."""
    place, pattern = {
        "any": (folder, "nothing"),
        "state": (folder / f"{name}.checkpoint", "unfinished"),
        "model": (folder, f".{name}.saving-*"),
    }[moment]
    found = set()
    for path in place.glob(pattern):
        with contextlib.suppress(OSError):  # it has been renamed meanwhile
            found.add((path.name, path.stat().st_mtime_ns))
    return found
