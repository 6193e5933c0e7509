"""Epochs, step by step: the learning rate, what is kept of them, and what stops them."""

from __future__ import annotations

import itertools
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, ClassVar

from grutext.config import Config
from grutext.engines.base import Batch, Trainable
from grutext.progress import Listener
from grutext.training.gru.batches import VectorizedCorpus
from grutext.training.gru.checkpoint import TRAINING, Checkpoint, EpochProgress, TrainingState
from grutext.training.gru.interruption import DeferredInterrupt, DivergenceError
from grutext.training.gru.prefetch import prefetch
from grutext.training.gru.schedule import Schedule
from grutext.training.gru.shards import ShardedCorpus


@dataclass(frozen=True, slots=True)
class PhaseContext:
    """What the phases of a training have in common.

    Attributes:
        train: The training part.
        config: The whole configuration.
        listener: Hears of every step.
        checkpoint: Where the state is kept, and resumed from if it holds one.
        deadline: `time.monotonic()` at which all training must be over.
        interruption: Raises Ctrl-C between steps.
    """

    train: VectorizedCorpus | ShardedCorpus
    config: Config
    listener: Listener
    checkpoint: Checkpoint | None
    deadline: float | None
    interruption: DeferredInterrupt


class TrainingPhase(ABC):
    """The epochs of a phase; a subclass says what their batches are, and what each of them brought.

    Args:
        network: What learns; it is put into the state that is gone on from, if there is one.
        context: What the phases have in common.
        rate: The peak learning rate.

    Attributes:
        phase: What the phase is called.
        is_resumed: Whether there was a state of this phase to go on from.
        clock: Knows how far the epochs are, once they are under way.
    """

    phase: ClassVar[str] = TRAINING
    clock: Schedule

    def __init__(self, network: Trainable, context: PhaseContext, rate: float) -> None:
        kept = context.checkpoint.restore(network, self.phase) if context.checkpoint else None
        run = kept or TrainingState({}, [])
        self.network, self.context, self.rate, self.is_resumed = network, context, rate, kept is not None
        self.options, self.listener = context.config.training, context.listener
        self.best, self.history, self.place = run.best, run.history, run.place
        self._before = network.steps - run.place.batches  # steps of the epochs that are over

    @abstractmethod
    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yields what an epoch learns from."""

    @abstractmethod
    def conclude(self, epoch: int, seconds: float) -> dict[str, Any]:
        """Gives what the epoch, whose steps took so long, brought: what the history notes of it."""

    def is_over(self) -> bool:
        """Tells whether there is no point in another epoch."""
        return False

    def tell(self) -> None:  # noqa: B027 (not all do)
        """Tells the listener of the last epoch in the history."""

    def keep(self) -> None:
        """Keeps the state, unless an interruption came between a step and the note that it is done."""
        checkpoint = self.context.checkpoint
        if checkpoint is None or self.network.steps != self._before + self.place.batches:
            return
        try:
            checkpoint.keep(self.network, TrainingState(self.best, self.history, self.place, self.phase))
        except OSError as error:
            if not checkpoint.has_failed:
                checkpoint.has_failed = True
                self.listener.note(
                    f"{checkpoint.folder}: the state cannot be kept ({error.strerror}); the training goes on"
                )

    def make(self, clock: Schedule) -> None:
        """Makes the epochs that are still to come, as far as the clock lets it."""
        self.clock = clock
        for epoch in range(len(self.history) + 1, clock.epochs + 1):
            if clock.over or self.is_over():
                break
            self.learn(epoch)

    def learn(self, epoch: int) -> None:
        """Makes the steps that an epoch still has."""
        began = time.monotonic() - self.place.seconds
        with closing(prefetch(itertools.islice(self.batches(epoch), self.place.batches, None))) as coming:
            self._steps(epoch, began, coming)
        record = self.conclude(epoch, time.monotonic() - began)
        self._before += self.place.batches
        self.place = EpochProgress()
        self.history.append(record)
        self.tell()
        self._pause()
        self.clock.progress(epoch, 1.0)

    def check_finite(self, loss: float, epoch: int) -> None:
        """Raises a DivergenceError if a loss is not finite."""
        if not math.isfinite(loss):
            phase = "" if self.phase == TRAINING else f" of {self.phase}"
            raise DivergenceError(
                f"the loss became {loss} in epoch {epoch}{phase}; --set training.learning_rate="
                f"{self.rate / 4:g} usually helps"
            )

    def _steps(self, epoch: int, began: float, batches: Iterable[Batch]) -> None:
        clock = self.clock
        for batch in batches:
            rate = self.rate * clock.rate(clock.progress(epoch, self.place.texts / self.context.train.texts))
            if (
                clock.over and self.place.texts
            ):  # an epoch has at least one batch, so that its figures mean something
                break
            value = self.network.train_step(batch, (epoch << 18) + self.place.batches, rate)
            self.check_finite(value, epoch)
            texts, tokens = len(batch["lengths"]), int(batch["lengths"].sum())
            self.place = EpochProgress(
                batches=self.place.batches + 1,
                texts=self.place.texts + texts,
                tokens=self.place.tokens + tokens,
                losses=self.place.losses + value * texts,
                seconds=time.monotonic() - began,
            )
            self.listener.step(epoch, tokens, self.place.losses / self.place.texts)
            self._pause()

    def _pause(self) -> None:
        """Lets Ctrl-C come, and keeps the state if it is time."""
        self.context.interruption.check()
        if self.context.checkpoint and self.context.checkpoint.due:
            self.keep()
