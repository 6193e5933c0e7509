"""The training loop of a phase: learning rate, checkpoints and early ends."""

from __future__ import annotations

import itertools
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from grutext.config import Config
from grutext.engines.base import Batch, Trainable
from grutext.engines.workers import Workers
from grutext.progress import Listener
from grutext.training.gru.checkpoint import (
    FOLDS,
    PRETRAINING,
    TRAINING,
    Checkpoint,
    EpochProgress,
    TrainingState,
)
from grutext.training.gru.interruption import DeferredInterrupt, DivergenceError
from grutext.training.gru.lockstep import lockstep
from grutext.training.gru.mixed import Corpus, MixedCorpus
from grutext.training.gru.prefetch import prefetch
from grutext.training.gru.schedule import Schedule


@dataclass(frozen=True, slots=True)
class PhaseContext:
    """What the phases of a training have in common.

    Attributes:
        train: The texts to train on.
        config: The whole configuration, with every default chosen.
        listener: Receives notes and progress.
        checkpoint: Where the state is saved, and restored from if there is one; None saves nothing.
        deadline: `time.monotonic()` at which all training must be over; infinite for no limit.
        left_out: Sentences about what the deadline cut short, by phase; the phases add to it.
        interrupt: Raises a KeyboardInterrupt between steps if Ctrl-C was pressed.
        unlabelled: Texts without labels, which pretraining reads as well; None if there are none.
        workers: Those that train together, of which each has a share of the texts; None if this process trains alone.
    """

    train: Corpus
    config: Config
    listener: Listener
    checkpoint: Checkpoint | None = None
    deadline: float = math.inf
    left_out: dict[str, str] = field(default_factory=dict)
    interrupt: DeferredInterrupt = field(default_factory=DeferredInterrupt)
    unlabelled: Corpus | None = None
    workers: Workers | None = None


class TrainingPhase(ABC):
    """The epochs of one phase. A subclass defines the batches, and what ends an epoch.

    Args:
        network: The network to train; restored from the checkpoint if that holds a state of this phase.
        context: What the phases have in common.
        peak_rate: The peak learning rate.

    Attributes:
        phase: The name of the phase.
        corpus: The texts that the phase reads.
        is_resumed: Whether the network was restored from a state.
        schedule: The schedule of the current phase.
        best: The weights of the best epoch so far.
        out_of_fold: The results of the folds by name, once they have been trained.
        history: A record for each finished epoch.
        progress: How much of the current epoch is done.
        was_cut: Whether the deadline ended the last epoch before all its batches.
    """

    phase: ClassVar[str] = TRAINING
    schedule: Schedule

    def __init__(self, network: Trainable, context: PhaseContext, peak_rate: float) -> None:
        restored = context.checkpoint.restore(network, self.phase) if context.checkpoint else None
        state = restored or TrainingState({}, [])
        self.network, self.context, self.peak_rate = network, context, peak_rate
        self.options, self.listener = context.config.training, context.listener
        self.corpus: Corpus | MixedCorpus = context.train
        self.is_resumed = restored is not None
        self.best, self.history, self.progress = state.best, state.history, state.progress
        self.out_of_fold = state.out_of_fold
        self.was_cut = False
        for phase, sentence in state.left_out.items():
            context.left_out.setdefault(phase, sentence)
        self._finished_steps = network.steps - self.progress.batches  # those of the finished epochs

    @abstractmethod
    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch."""

    def spare_batch(self, epoch: int) -> Batch:
        """Return a batch for steps of the other workers, in which this one has none; it does not count."""
        return next(self.batches(epoch))

    @abstractmethod
    def end_epoch(self, epoch: int, seconds: float) -> dict[str, Any]:
        """Return the record of an epoch whose steps are done.

        Args:
            epoch: Its number, from 1.
            seconds: The time that its steps took.
        """

    def should_stop(self) -> bool:
        """Return whether to stop before the next epoch (early stopping)."""
        return False

    def report(self) -> None:  # noqa: B027 (not every phase reports)
        """Report the last epoch of the history to the listener."""

    def save(self) -> None:
        """Save the state, unless an interrupt left a step uncounted."""
        checkpoint = self.context.checkpoint
        if checkpoint is None or self.network.steps != self._finished_steps + self.progress.batches:
            return
        state = TrainingState(
            best=self.best,
            history=self.history,
            progress=self.progress,
            phase=self.phase,
            left_out=self._left_out_for_good(),
            out_of_fold=self.out_of_fold,
        )
        try:
            checkpoint.save(self.network, state)
        except OSError as error:
            if not checkpoint.has_failed:
                checkpoint.has_failed = True
                self.listener.note(
                    f"{checkpoint.folder}: the state cannot be saved ({error.strerror}); the training continues"
                )

    def _left_out_for_good(self) -> dict[str, str]:
        """Return what earlier phases left out; a resumed training does all else again, and may have the time."""
        earlier = {PRETRAINING, FOLDS} - {self.phase}
        return {phase: sentence for phase, sentence in self.context.left_out.items() if phase in earlier}

    def run_epochs(self, schedule: Schedule) -> None:
        """Run the remaining epochs, until the schedule's time is up or `should_stop` is true."""
        self.schedule = schedule
        first = len(self.history) + 1
        if self.is_resumed and first <= schedule.epochs:
            self.listener.note(f"resumed: {self.phase} continues in epoch {first} of {schedule.epochs}")
        for epoch in range(first, schedule.epochs + 1):
            if schedule.time_is_up or self.should_stop():
                break
            self.run_epoch(epoch)

    def run_epoch(self, epoch: int) -> None:
        """Run the remaining steps of an epoch, and add its record to the history."""
        began = time.monotonic() - self.progress.seconds
        rest = itertools.islice(self.batches(epoch), self.progress.batches, None)
        with closing(prefetch(rest)) as batches:
            self._run_steps(epoch, began, self._count(batches, epoch))
        record = self.end_epoch(epoch, time.monotonic() - began)
        self._finished_steps += self.progress.batches
        self.progress = EpochProgress()
        self.history.append(record)
        self.report()
        self._between_steps()
        self.schedule.progress(epoch, 1.0)

    def check_finite(self, loss: float, epoch: int) -> None:
        """Raise a DivergenceError if a loss is not finite."""
        if not math.isfinite(loss):
            phase = "" if self.phase == TRAINING else f" of {self.phase}"
            raise DivergenceError(
                f"the loss became {loss} in epoch {epoch}{phase}; --set training.learning_rate="
                f"{self.peak_rate / 4:g} usually helps"
            )

    def _count(self, batches: Iterable[Batch], epoch: int) -> Iterator[tuple[Batch, int, int]]:
        """Yield batches with the number of texts and of tokens that are read in their step."""
        workers = self.context.workers
        if workers is not None:
            yield from lockstep(batches, lambda: self.spare_batch(epoch), workers, self.context.interrupt)
            return
        for batch in batches:
            yield batch, len(batch["lengths"]), int(batch["lengths"].sum())

    def _run_steps(self, epoch: int, began: float, steps: Iterable[tuple[Batch, int, int]]) -> None:
        schedule = self.schedule
        for batch, texts, tokens in steps:
            progress = schedule.progress(epoch, self.progress.texts / self.corpus.texts)
            if schedule.time_is_up and self.progress.texts:  # an epoch has at least one batch
                self.was_cut = True
                break
            rate = self.peak_rate * schedule.rate(progress)
            # A number that no other step of the phase has, and that a resumed training computes again.
            number = (epoch << 18) + self.progress.batches
            loss = self.network.train_step(batch, number, rate)
            self.check_finite(loss, epoch)
            self.progress = EpochProgress(
                batches=self.progress.batches + 1,
                texts=self.progress.texts + texts,
                tokens=self.progress.tokens + tokens,
                losses=self.progress.losses + loss * texts,
                seconds=time.monotonic() - began,
            )
            self.listener.step(epoch, tokens, self.progress.losses / self.progress.texts)
            self._between_steps()

    def _between_steps(self) -> None:
        """Raise a deferred Ctrl-C, and save the state if it is due."""
        if self.context.workers is None:  # several workers stop before the same step; see `lockstep`
            self.context.interrupt.check()
        if self.context.checkpoint and self.context.checkpoint.due:
            self.save()


class LabelPhase(TrainingPhase):
    """Epochs on texts and their labels."""

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yield the texts in random order."""
        options, rng = self.options, np.random.default_rng([self.options.seed, 3, epoch])
        return self.context.train.shuffled(
            options.batch_size, options.token_budget, options.word_dropout, rng, options.prefixes
        )
