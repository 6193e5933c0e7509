"""Epochs, step by step: the learning rate, what is kept of them, and what stops them."""

from __future__ import annotations

import itertools
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

from grutext.config import TrainingConfig
from grutext.progress import Listener
from grutext.training.ahead import ahead
from grutext.training.batches import Batch, Corpus
from grutext.training.checkpoint import TRAINING, Checkpoint, Place, Run
from grutext.training.clock import Clock
from grutext.training.network import Network
from grutext.training.shards import ShardedCorpus
from grutext.training.stops import Deferral, DivergenceError


class Epochs(ABC):
    """Epochs under way; a subclass says what their batches are, and what each of them brought.

    Args:
        network: What learns.
        train: The training part.
        options: How.
        rate: The peak learning rate.
        listener: Hears of every step.
        checkpoint: Where the state is kept, if anywhere.
        clock: Knows how far the epochs are.
        run: Where they are gone on from.
        interruption: Raises Ctrl-C between steps.
    """

    def __init__(
        self, network: Network, train: Corpus | ShardedCorpus, options: TrainingConfig, rate: float, listener: Listener,
        checkpoint: Checkpoint | None, clock: Clock, run: Run, interruption: Deferral,
    ) -> None:  # fmt: skip
        self.network, self.train, self.options, self.rate = network, train, options, rate
        self.listener, self.checkpoint, self.clock = listener, checkpoint, clock
        self.interruption = interruption
        self.phase, self.best, self.history, self.place = run.phase, run.best, run.history, run.place
        self._before = network.steps - run.place.batches  # steps of the epochs that are over

    @abstractmethod
    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yields what an epoch learns from."""

    @abstractmethod
    def conclude(self, epoch: int, seconds: float) -> dict[str, Any]:
        """Gives what the epoch, whose steps took so long, brought: what the history notes of it."""

    def tell(self) -> None:  # noqa: B027 (not all do)
        """Tells the listener of the last epoch in the history."""

    def keep(self) -> None:
        """Keeps the state, unless an interruption came between a step and the note that it is done."""
        if self.checkpoint is None or self.network.steps != self._before + self.place.batches:
            return
        try:
            self.checkpoint.keep(self.network, Run(self.best, self.history, self.place, self.phase))
        except OSError as error:
            if not self.checkpoint.has_failed:
                self.checkpoint.has_failed = True
                self.listener.note(
                    f"{self.checkpoint.folder}: the state cannot be kept ({error.strerror}); the training goes on"
                )

    def learn(self, epoch: int) -> None:
        """Makes the steps that an epoch still has."""
        began = time.monotonic() - self.place.seconds
        with closing(ahead(itertools.islice(self.batches(epoch), self.place.batches, None))) as coming:
            self._steps(epoch, began, coming)
        record = self.conclude(epoch, time.monotonic() - began)
        self._before += self.place.batches
        self.place = Place()
        self.history.append(record)
        self.tell()
        self.interruption.check()
        if self.checkpoint and self.checkpoint.due:
            self.keep()
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
            rate = self.rate * clock.rate(clock.progress(epoch, self.place.texts / self.train.texts))
            if (
                clock.over and self.place.texts
            ):  # an epoch has at least one batch, so that its figures mean something
                break
            value = self.network.train_step(batch, (epoch << 18) + self.place.batches, rate)
            self.check_finite(value, epoch)
            texts, tokens = len(batch["lengths"]), int(batch["lengths"].sum())
            self.place = Place(
                batches=self.place.batches + 1,
                texts=self.place.texts + texts,
                tokens=self.place.tokens + tokens,
                losses=self.place.losses + value * texts,
                seconds=time.monotonic() - began,
            )
            self.listener.step(epoch, tokens, self.place.losses / self.place.texts)
            self.interruption.check()
            if self.checkpoint and self.checkpoint.due:
                self.keep()
