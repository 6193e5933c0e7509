"""The progress of a training as scalars for TensorBoard, written by its own writer."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, TracebackType
from typing import final

from grutext.errors import DataError
from grutext.progress import EpochRecord, Listener, Silent
from grutext.requirements import check_installed

_WITHOUT_TENSORFLOW = "tensorboard.compat.notf"
_TRAINING = "epoch"  # the name of the phase whose epochs have records


@final
class TensorBoardListener:
    """A listener that writes event files, and passes on everything to another listener.

    The scalars `training/loss`, `dev/loss`, `dev/score` and `training/tokens_per_second` have the number of the epoch as their step.
    Phases before the training have the loss at the end of each epoch: `pretraining/loss`, or that of the fold that reported last.

    It is a context manager: leaving it writes what is left.

    >>> with TensorBoardListener("runs/first") as listener:  # doctest: +SKIP
    ...     grutext.train("reviews.csv", "reviews", listener=listener)

    Args:
        folder: The folder of the event files, one for each training; it is made if it is missing.
        listener: Receives all notes and progress as well; None: nobody does.
        resume: Whether a training is continued, whose first events may be in the folder.

    Raises:
        DataError: The folder has events, and no training is continued.
        MissingExtraError: TensorBoard is not installed.
        OSError: The folder cannot be written to.
    """

    def __init__(self, folder: str | Path, listener: Listener | None = None, *, resume: bool = False) -> None:
        check_installed("--tensorboard", "tensorboard")
        if not resume and any(Path(folder).glob("events.out.tfevents.*")):
            raise DataError(
                "has the events of another training, and TensorBoard would draw both as one; name another folder",
                str(folder),
            )
        # TensorBoard loads all of TensorFlow to write a file, unless it finds a module of this name; then it uses its own code.
        sys.modules.setdefault(_WITHOUT_TENSORFLOW, ModuleType(_WITHOUT_TENSORFLOW))
        from tensorboard.summary import Writer

        self._writer = Writer(str(folder))
        self._listener = listener or Silent()
        self._name, self._epoch, self._loss = _TRAINING, 0, 0.0

    def __enter__(self) -> TensorBoardListener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def note(self, text: str) -> None:
        """Pass on the note."""
        self._listener.note(text)

    def begin(self, epochs: int, tokens_per_epoch: int, name: str = "epoch") -> None:
        """Remember the name of the phase."""
        self._name, self._epoch = name, 0
        self._listener.begin(epochs, tokens_per_epoch, name)

    def step(self, epoch: int, tokens: int, loss: float) -> None:
        """Remember the mean loss of the epoch so far, and write that of the epoch before."""
        if epoch != self._epoch:
            self._write_phase()
        self._epoch, self._loss = epoch, loss
        self._listener.step(epoch, tokens, loss)

    def epoch(self, record: EpochRecord) -> None:
        """Write the results of an epoch."""
        scalars = {
            "training/loss": record.loss,
            "training/tokens_per_second": record.tokens_per_second,
            "dev/loss": record.dev_loss,
            "dev/score": record.dev_score,
        }
        for tag, value in scalars.items():
            self._writer.add_scalar(tag, value, record.epoch)
        self._writer.flush()
        self._listener.epoch(record)

    def end(self) -> None:
        """Write the last epoch of a phase."""
        self._write_phase()
        self._epoch = 0
        self._writer.flush()
        self._listener.end()

    def wait(self, name: str, passed: float, seconds: float) -> None:
        """Pass on the progress."""
        self._listener.wait(name, passed, seconds)

    def _write_phase(self) -> None:
        """Write the mean loss of an epoch that gets no record."""
        if self._epoch and self._name != _TRAINING:
            self._writer.add_scalar(f"{self._name.replace(' ', '_')}/loss", self._loss, self._epoch)
