"""`grutext train` in processes that are killed; they are forked from one that has TensorFlow, and so start at once."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["killed", "grutext.nn.network", "grutext.training.fit", "grutext.training.wide"]
)
SETTINGS = ["--set", "text.subword_buckets=300", "--set", "model.units=8", "--set", "model.embedding_size=8",
            "--set", "training.patience=0", "--set", "training.checkpoint_seconds=0", "--epochs", "12"]  # fmt: skip


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


def kill_when(process: multiprocessing.Process, moment: str, folder: Path, name: str, seconds: float) -> bool:
    """Kills a process at a moment; gives whether it was still running.

    Args:
        process: The training.
        moment: `any`, `state` (while one is written) or `model` (while it is written).
        folder: Where it runs.
        name: The model's.
        seconds: How long after the start, or after the first sign of the moment.
    """
    signs = {
        "any": None,
        "state": (folder / f"{name}.checkpoint", "unfinished"),
        "model": (folder, f".{name}.*"),
    }
    sign = signs[moment]
    end = time.monotonic() + 60
    while sign and process.is_alive() and time.monotonic() < end and not any(sign[0].glob(sign[1])):
        pass
    process.join(seconds if sign is None else seconds / 1000)
    running = process.is_alive()
    process.kill()
    process.join()
    return running
