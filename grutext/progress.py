"""How long work reports on itself, without knowing who listens.

Training calls a `Listener`; `grutext.console` draws what it hears, tests record it, and `Silent`
ignores it. Nothing below the screen knows about screens.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What one pass over the training data gave.

    Attributes:
        epoch: Number of the epoch, from 1.
        loss: Mean training loss per text, in nats.
        dev_loss: Mean negative log-likelihood on the dev part, in nats.
        dev_score: Accuracy on the dev part, or micro-F1 where a text has several labels, in 0..1.
        tokens_per_second: Training tokens (padding not counted) read per second.
        seconds: Wall time of the epoch, dev part included.
        best: Whether these weights are the best so far.
    """

    epoch: int
    loss: float
    dev_loss: float
    dev_score: float
    tokens_per_second: float
    seconds: float
    best: bool

    def to_dict(self) -> dict[str, Any]:
        """Gives the record as plain values, for JSON."""
        return asdict(self)


def epochs_in_words(number: int) -> str:
    """Gives a number of epochs as one would say it."""
    return "1 epoch" if number == 1 else f"{number} epochs"


class Listener(Protocol):
    """Someone who wants to know how a training goes."""

    def note(self, text: str) -> None:
        """Hears one line of information: a choice that was made, a count."""

    def begin(self, epochs: int, tokens_per_epoch: int, name: str = "epoch") -> None:
        """Hears that the epochs start, how many there may be, the tokens in each, and what they are called."""

    def step(self, epoch: int, tokens: int, loss: float) -> None:
        """Hears that a batch of `tokens` tokens is done; `loss` is the mean of the epoch so far."""

    def epoch(self, record: EpochRecord) -> None:
        """Hears that an epoch is done."""

    def end(self) -> None:
        """Hears that the epochs, or a wait, are over, also when an error ended them."""

    def wait(self, name: str, passed: float, seconds: float) -> None:
        """Hears, several times, that something without epochs goes on: `passed` of about so many seconds are over."""


class Silent:
    """The listener that ignores everything."""

    def note(self, text: str) -> None: ...

    def begin(self, epochs: int, tokens_per_epoch: int, name: str = "epoch") -> None: ...

    def step(self, epoch: int, tokens: int, loss: float) -> None: ...

    def epoch(self, record: EpochRecord) -> None: ...

    def end(self) -> None: ...

    def wait(self, name: str, passed: float, seconds: float) -> None: ...
