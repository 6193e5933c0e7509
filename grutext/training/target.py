"""Where a training writes: the model's folder, and beside it the state that an interrupted one goes on from."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grutext.errors import BundleError, GrutextError

if TYPE_CHECKING:
    from grutext.model.bundle import Bundle


TEXTS = "texts"  # in the checkpoint: the texts that are more than memory should hold


def check_target(folder: Path, checkpoint: Path, resume: bool, overwrite: bool) -> None:
    """Raises a GrutextError unless a model may be written to `folder`; looks before anything is read."""
    from grutext.model import bundle

    if folder.exists() and not (resume or overwrite):
        raise GrutextError(
            f"{folder} already exists; --overwrite replaces it, --resume continues an interrupted training of it"
        )
    bundle.check_target(folder, overwrite=True)
    if resume and not is_kept(checkpoint):
        raise GrutextError(f"{folder}: there is no interrupted training to resume; run it without --resume")
    parent = next(path for path in folder.absolute().parents if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise GrutextError(f"{folder}: {parent} may not be written to; -m names another folder")


@contextlib.contextmanager
def lock_target(folder: Path, checkpoint: Path) -> Iterator[None]:
    """Keeps other trainings away from a model's folder; afterwards removes the checkpoint if it holds no state.

    The system gives the lock back when the process ends, however it does.

    Raises:
        GrutextError: Another training has it.
    """
    from filelock import FileLock, Timeout

    made = [path for path in checkpoint.absolute().parents if not path.exists()]
    checkpoint.mkdir(parents=True, exist_ok=True)
    lock = FileLock(checkpoint / "lock", blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise GrutextError(
            f"{folder}: another training is writing to it; wait for it, or -m names another folder"
        ) from None
    try:
        yield
    finally:
        shutil.rmtree(checkpoint / TEXTS, ignore_errors=True)
        if not is_kept(checkpoint):
            shutil.rmtree(checkpoint, ignore_errors=True)
        lock.release()
        for path in made:
            with contextlib.suppress(OSError):  # there is a model in it
                path.rmdir()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Has a request to end, as a service manager sends it, be the same as Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def is_kept(checkpoint: Path) -> bool:
    """Gives whether an interrupted training left a state that can be gone on from."""
    return any(checkpoint.glob("*.safetensors"))


def discard_states(checkpoint: Path) -> None:
    """Removes what can be gone on from."""
    for path in checkpoint.glob("*.safetensors"):
        path.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Removes what trainings that were killed while they saved left beside a model that is there."""
    from grutext.model.bundle import LEFTOVERS

    for kind in LEFTOVERS:
        for path in folder.parent.glob(f".{glob.escape(folder.name)}.{kind}-*"):
            shutil.rmtree(path, ignore_errors=True)


def save_unfinished(bundle: Bundle, folder: Path) -> str:
    """Saves the model of a training that was stopped; gives what became of it, for the user.

    A model that is there already stays, unless it is of such a training as well.
    """
    from grutext.model.bundle import Bundle

    try:
        if folder.exists() and "unfinished" not in Bundle.load(folder).data:
            return f"{folder} is still the model from before"
        bundle.save(folder, overwrite=True)
    except (BundleError, OSError) as error:
        return f"no model is saved ({error})"
    return f"{folder} has the best weights so far"


def how_to_go_on(problem: str, checkpoint: Path) -> str:
    """Gives the line for a training that did not come to its end."""
    if not is_kept(checkpoint):
        return f"{problem}; nothing of the training is kept"
    kept = f"the training so far is kept in {checkpoint}"
    return f"{problem}; {kept}, the same command with --resume continues it"
