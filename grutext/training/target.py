"""Where a training writes: the model's folder, and beside it the checkpoint that an interrupted training resumes from."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grutext.errors import BundleError, GrutextError

if TYPE_CHECKING:
    from grutext.model.bundle import Bundle
    from grutext.progress import Listener


TEXTS = "texts"  # the folder, inside the checkpoint, for texts that are more than memory should hold


@dataclass(frozen=True, slots=True)
class TrainingTarget:
    """The folder that a model is written to.

    Attributes:
        folder: The folder.
        overwrite: Whether a model that is already there is replaced.
        resume: Whether an interrupted training of this model is resumed. If none was saved, the training starts from
            the beginning; if the model is already there, finished and of the same training, nothing is trained.
    """

    folder: Path
    overwrite: bool = False
    resume: bool = False

    def __post_init__(self) -> None:
        folder = Path(self.folder)
        if folder.name in ("", ".."):  # such as `.`, which has no name to put siblings beside
            folder = folder.resolve()
        object.__setattr__(self, "folder", folder)

    @property
    def checkpoint(self) -> Path:
        """The folder of the checkpoint, beside the model; a link and what it points to share one."""
        real = Path(os.path.realpath(self.folder)) if self.folder.is_symlink() else self.folder
        return real.parent / f"{real.name}.checkpoint"

    @property
    def texts(self) -> Path:
        """The folder, inside the checkpoint, for texts that are more than memory should hold."""
        return self.checkpoint / TEXTS

    @property
    def plot(self) -> Path:
        """The file of the loss curve, beside the model."""
        return self.folder.parent / f"{self.folder.name}-loss.png"

    @property
    def has_state(self) -> bool:
        """Whether an interrupted training left a state to resume from."""
        return any(self.checkpoint.glob("*.safetensors"))

    def check(self) -> None:
        """Raise a GrutextError unless a model may be written; to be called before anything is read."""
        from grutext.model import bundle

        if self.folder.exists() and not (self.resume or self.overwrite):
            raise GrutextError(
                f"{self.folder} already exists; --overwrite replaces it, --resume continues its interrupted training"
            )
        bundle.check_target(self.folder, overwrite=True)
        parent = next(path for path in self.folder.absolute().parents if path.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK):
            raise GrutextError(f"{self.folder}: {parent} may not be written to; name another folder with -m")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the folder against other trainings; on leaving, remove the checkpoint if it holds no state.

        The operating system releases the lock when the process ends, however it ends.

        Raises:
            GrutextError: Another training holds the lock.
        """
        from filelock import FileLock, Timeout

        checkpoint = self.checkpoint
        made = [path for path in checkpoint.absolute().parents if not path.exists()]
        checkpoint.mkdir(parents=True, exist_ok=True)
        lock = FileLock(checkpoint / "lock", blocking=False)
        try:
            lock.acquire()
        except Timeout:
            raise GrutextError(
                f"{self.folder}: another training is writing to it; wait for it, or name another folder with -m"
            ) from None
        try:
            yield
        finally:
            shutil.rmtree(self.texts, ignore_errors=True)
            if not self.has_state:
                shutil.rmtree(checkpoint, ignore_errors=True)
            lock.release()
            for path in made:
                with contextlib.suppress(OSError):  # there is a model in it
                    path.rmdir()

    def look_for_finished(self, kind: str, listener: Listener) -> Bundle | None:
        """Return the finished model, if there is no state to resume and one is asked for; note what happens instead.

        A state that is not to be resumed is discarded.

        Args:
            kind: What was interrupted: `training` or `pretraining`.
            listener: Receives the note.
        """
        if self.has_state and not self.resume:
            listener.note(
                f"{self.checkpoint}, left by an interrupted {kind}, is discarded; --resume would continue it"
            )
            self.discard_states()
        if self.has_state or not self.resume:
            return None
        finished = None if self.overwrite else self.load_finished()
        if finished is None:
            listener.note(f"{self.folder}: no interrupted {kind} to resume; it starts from the beginning")
        return finished

    def load_finished(self) -> Bundle | None:
        """Return the finished model in the folder; None if there is none, or if its training was stopped early.

        Raises:
            BundleError: There is a model, but it cannot be read.
        """
        from grutext.model.bundle import Bundle
        from grutext.model.reading import MODEL_FILE

        if not (self.folder / MODEL_FILE).exists():
            return None
        bundle = Bundle.load(self.folder, base=True)
        return None if "unfinished" in bundle.data else bundle

    def save(self, bundle: Bundle) -> None:
        """Save the finished model; remove the state, and the temporary folders of killed trainings.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed; the message says whether the training can be resumed.
            GrutextError: The disk is full or may not be written to; an older model and the state stay.
            BundleError: A model appeared in the folder meanwhile that may not be replaced.
        """
        try:
            bundle.save(self.folder, overwrite=self.resume or self.overwrite)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(self.explain_resume("interrupted")) from None
        except OSError as error:
            if error.strerror is None:  # it does not come from the operating system
                raise
            raise GrutextError(
                self.explain_resume(f"{self.folder}: cannot save, {error.strerror}")
            ) from error
        self.discard_states()
        self.remove_leftovers()

    def save_unfinished(self, bundle: Bundle) -> str:
        """Save the model of a training that was stopped early; return a sentence about the result for the user.

        A model that is already there stays, unless it comes from a stopped training as well.
        """
        try:
            if self.folder.exists() and self.load_finished() is not None:
                return f"{self.folder} is still the model from before"
            bundle.save(self.folder, overwrite=True)
        except (BundleError, OSError) as error:
            return f"no model is saved ({error})"
        return f"{self.folder} has the best weights so far"

    def discard_states(self) -> None:
        """Remove the states that a training could be resumed from."""
        for path in self.checkpoint.glob("*.safetensors"):
            path.unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Remove the temporary folders of trainings that were killed while they saved the model."""
        from grutext.model.bundle import LEFTOVERS

        for kind in LEFTOVERS:
            for path in self.folder.parent.glob(f".{glob.escape(self.folder.name)}.{kind}-*"):
                shutil.rmtree(path, ignore_errors=True)

    def explain_resume(self, problem: str) -> str:
        """Return the message for a training that ended early: the problem, and how to resume, if that is possible."""
        if not self.has_state:
            return f"{problem}; nothing of the training is saved"
        saved = f"the training so far is saved in {self.checkpoint}"
        return f"{problem}; {saved}, the same command with --resume continues it"
