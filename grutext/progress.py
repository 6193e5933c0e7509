"""Progress of long work, reported to a listener.

Training calls a `Listener`: `grutext.console` draws what is reported, tests record it, and `Silent` ignores it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """The results of one epoch.

    Attributes:
        epoch: Number of the epoch, from 1.
        loss: Mean training loss per text, in nats.
        dev_loss: Mean negative log-likelihood on the dev set, in nats.
        dev_score: Accuracy on the dev set, or micro-F1 where a text has several labels, in 0..1.
        tokens_per_second: Training tokens (padding not counted) read per second.
        seconds: Wall time of the epoch, dev set included.
        best: Whether its weights are kept, unless those of a later epoch are: its dev loss is the lowest so far, where few texts are
            cross-validated the lowest so far in the last third of all epochs.
    """

    epoch: int
    loss: float
    dev_loss: float
    dev_score: float
    tokens_per_second: float
    seconds: float
    best: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values, for JSON."""
        return asdict(self)


def kept_epoch(history: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the number of the epoch whose weights a model has, by the records of all epochs; None if no record says so."""
    return max((record["epoch"] for record in history if record["best"]), default=None)


def epochs_in_words(number: int) -> str:
    """Return `1 epoch` or `2 epochs`."""
    return "1 epoch" if number == 1 else f"{number} epochs"


class Listener(Protocol):
    """The interface that a training reports to; its methods are called in the thread that trains."""

    def note(self, text: str) -> None:
        """Receive one line of information, such as a choice that was made or a count."""

    def begin(self, epochs: int, tokens_per_epoch: int, name: str = "epoch") -> None:
        """Receive the beginning of a phase.

        Args:
            epochs: The maximum number of epochs.
            tokens_per_epoch: The number of tokens that each of them reads.
            name: What an epoch of this phase is called.
        """

    def step(self, epoch: int, tokens: int, loss: float) -> None:
        """Receive the progress of an epoch: a batch of `tokens` tokens is done; `loss` is the mean of the epoch so far."""

    def epoch(self, record: EpochRecord) -> None:
        """Receive the results of a finished epoch."""

    def end(self) -> None:
        """Receive the end of a phase or of a wait; this is also called after an error."""

    def wait(self, name: str, passed: float, seconds: float) -> None:
        """Receive, again and again, the progress of work without epochs: `passed` of about `seconds` seconds are over."""


class Silent:
    """A listener that ignores everything."""

    def note(self, text: str) -> None: ...

    def begin(self, epochs: int, tokens_per_epoch: int, name: str = "epoch") -> None: ...

    def step(self, epoch: int, tokens: int, loss: float) -> None: ...

    def epoch(self, record: EpochRecord) -> None: ...

    def end(self) -> None: ...

    def wait(self, name: str, passed: float, seconds: float) -> None: ...


class Notes:
    """A listener that keeps the notes and passes everything on.

    Args:
        listener: Receives everything.

    Attributes:
        lines: The notes so far.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)
        self._listener.note(text)

    def begin(self, epochs: int, tokens_per_epoch: int, name: str = "epoch") -> None:
        self._listener.begin(epochs, tokens_per_epoch, name)

    def step(self, epoch: int, tokens: int, loss: float) -> None:
        self._listener.step(epoch, tokens, loss)

    def epoch(self, record: EpochRecord) -> None:
        self._listener.epoch(record)

    def end(self) -> None:
        self._listener.end()

    def wait(self, name: str, passed: float, seconds: float) -> None:
        self._listener.wait(name, passed, seconds)
