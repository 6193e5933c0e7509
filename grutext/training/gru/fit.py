"""Train the GRU part: pretraining, folds where there are any, epochs, early stopping, the best weights."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.engines.base import Network
from grutext.engines.choose import make_network
from grutext.errors import ClusterError
from grutext.model.initial import Arrays
from grutext.progress import EpochRecord, epochs_in_words, kept_epoch
from grutext.training.base import BaseStart
from grutext.training.class_weights import class_weights, is_balanced
from grutext.training.gru.batches import VectorizedCorpus
from grutext.training.gru.epochs import LabelPhase, PhaseContext
from grutext.training.gru.fold_training import FoldedTexts, FoldTraining
from grutext.training.gru.held_out import LATE, DevSet, HeldOut, OutOfFold
from grutext.training.gru.interruption import DivergenceError
from grutext.training.gru.lockstep import SharedDevSet
from grutext.training.gru.pretraining import PretrainingPhase
from grutext.training.gru.schedule import Schedule
from grutext.training.word_vectors import WordVectors


@dataclass(frozen=True, slots=True)
class GRUFit:
    """A trained GRU part.

    Attributes:
        arrays: The best epoch's weights by the spec's names.
        history: A record for each epoch.
        stopped: What ended the training early: a KeyboardInterrupt or a DivergenceError.
        out_of_fold: `(N, C) float32`, the logits of the texts that are in a fold, by networks trained without it; None
            without folds, or if the training was stopped before all were trained.
    """

    arrays: Arrays
    history: list[dict[str, Any]]
    stopped: BaseException | None = None
    out_of_fold: NDArray[np.float32] | None = None


def fit_gru(
    context: PhaseContext,
    held_out: VectorizedCorpus | FoldedTexts,
    word_rows: int,
    multilabel: bool,
    start: WordVectors | BaseStart | None = None,
) -> GRUFit:
    """Train until the epochs are over, the held-out loss stops improving, the time is up, or Ctrl-C is pressed.

    Args:
        context: The texts to train on, the configuration, the listener, the checkpoint and the deadline.
        held_out: What chooses the best epoch, by the loss at the best temperature: a dev set, or the folds of the texts.
        word_rows: Rows of the word table.
        multilabel: Whether a text may have several labels.
        start: Initial vectors of some rows of the embedding; random ones, if left out.

    Raises:
        TrainingError: The state in the checkpoint is damaged, or of other data or settings.
    """
    options, train = context.config.training, context.train
    balanced = is_balanced(options.class_weight, multilabel, gru=True)
    weights = class_weights(train.label_counts, train.texts, balanced, multilabel)

    def make() -> Network:
        classes = len(train.label_counts)
        return make_network(context.config, word_rows, classes, multilabel, weights, context.workers)

    network = make()
    if start is not None:
        network.assign(start.placed(network.arrays()))
    training = SupervisedPhase(network, context)
    if isinstance(held_out, VectorizedCorpus) and context.workers is not None:
        training.held_out = SharedDevSet(held_out, multilabel, options.token_budget, context.workers)
    elif isinstance(held_out, VectorizedCorpus):
        training.held_out = DevSet(held_out, multilabel, options.token_budget)
    elif training.held_out is None:
        training.folds = FoldTraining(context, held_out, make, multilabel)
    if not training.is_resumed and options.pretraining_epochs:
        training.pretraining = PretrainingPhase(context, word_rows, network.arrays())
    return training.run()


class SupervisedPhase(LabelPhase):
    """Epochs on the labels; texts that the network is not trained on choose the best.

    Args:
        network: The network to train.
        context: What the phases have in common.

    Attributes:
        pretraining: The phase that runs first, if any; None once it is over.
        folds: The training without each fold that runs then, if any; None once it is over.
        held_out: What chooses the best epoch; None until the folds have been trained.
    """

    network: Network

    def __init__(self, network: Network, context: PhaseContext) -> None:
        super().__init__(network, context, context.config.training.learning_rate)
        self.best = self.best or network.arrays()
        self.pretraining: PretrainingPhase | None = None
        self.folds: FoldTraining | None = None
        self.held_out: HeldOut | None = OutOfFold(**self.out_of_fold) if self.out_of_fold else None

    def run(self) -> GRUFit:
        """Run all epochs, unless the time is up, early stopping applies, or an interrupt or a divergence stops them."""
        stopped: BaseException | None = None
        try:
            with self.context.interrupt:
                self._pretrain()
                self._train_folds()
                self._train()
        except (KeyboardInterrupt, DivergenceError) as error:
            stopped = error
        except ClusterError:
            (self.pretraining or self).save()
            raise
        finally:
            self.listener.end()
        if not isinstance(stopped, DivergenceError) and not self.context.interrupt.pressed_again:
            (self.pretraining or self).save()
        best, out_of_fold = self.best, self.out_of_fold.get("logits")
        if not isinstance(stopped, DivergenceError) and not any(e["best"] for e in self.history):
            # Stopped, or out of time, before the epochs that may be the best: these weights are better than the initial ones.
            best = self.network.arrays()
        return GRUFit(best, self.history, stopped, out_of_fold)

    def end_epoch(self, epoch: int, seconds: float) -> dict[str, Any]:
        """Evaluate on the held-out texts, remember the weights if they are the best, and return the record."""
        record = self._evaluate(epoch, seconds)
        if record.best:
            self.best = self.network.arrays()
        return record.to_dict()

    def should_stop(self) -> bool:
        """Return whether the folds' best epoch is over; on a dev set, whether, in the last third, the last epochs were not the best."""
        if isinstance(self.held_out, OutOfFold):
            return self.held_out.is_over(len(self.history))
        patience = self.options.patience
        if not 0 < patience <= len(self.history):
            return False
        if self.schedule.progress(len(self.history), 1.0) <= LATE:
            return False
        return not any(record["best"] for record in self.history[-patience:])

    def report(self) -> None:
        """Report the last epoch to the listener."""
        self.listener.epoch(EpochRecord(**self.history[-1]))

    def _pretrain(self) -> None:
        if self.pretraining:
            self.network.assign(self.network.arrays() | self.pretraining.run())
            self.pretraining = None  # frees its memory

    def _train_folds(self) -> None:
        """Train without each fold; save the state before and after, since that takes longer than all else."""
        if self.folds:
            self.save()
            self.held_out = self.folds.run(self.network)
            self.out_of_fold = self.held_out.arrays()
            self.folds = None
            self.save()

    def _train(self) -> None:
        epochs = self.options.epochs
        self.listener.begin(epochs, self.context.train.size)
        schedule = Schedule(epochs, self.options.warmup, self.context.deadline)
        if schedule.deadline < math.inf and self.held_out is not None:
            schedule.reserve = self.held_out.estimate_seconds(self.network)
        self.run_epochs(schedule)
        if schedule.time_is_up and (self.was_cut or len(self.history) < epochs):
            done = f"{len(self.history)} of {epochs_in_words(epochs)}"
            cut = ", the last one not on all texts" if self.was_cut else ""
            self.context.left_out[self.phase] = f"the GRU part was trained for {done}{cut}"
        if self.history:
            self.listener.note(f"GRU part: {self._describe_end(schedule)}")

    def _describe_end(self, schedule: Schedule) -> str:
        """Return after how many epochs the training has ended, why, and which one's weights are kept."""
        done = len(self.history)
        kept = kept_epoch(self.history) or done  # without a best one, `run` takes the last weights
        if schedule.time_is_up:
            why = "the time is up"
        elif isinstance(self.held_out, OutOfFold):
            why = f"of the last third, epoch {kept} had the lowest loss in cross-validation"
        else:
            why = f"the dev loss has not been lower since epoch {kept}"
        if done < schedule.epochs:
            return f"stopped after {done} of {epochs_in_words(schedule.epochs)}: {why}; epoch {kept} is kept"
        return f"trained for {epochs_in_words(done)}; epoch {kept} is kept"

    def _evaluate(self, epoch: int, seconds: float) -> EpochRecord:
        assert self.held_out is not None  # `run` has trained the folds
        began = time.monotonic()
        measured = self.held_out.measure(self.network, epoch)
        self.schedule.reserve = time.monotonic() - began
        self.check_finite(measured.loss, epoch)
        return EpochRecord(
            epoch=epoch,
            loss=self.progress.losses / max(1, self.progress.texts),
            dev_loss=measured.loss,
            dev_score=measured.score,
            tokens_per_second=self.progress.tokens / max(1e-9, seconds),
            seconds=seconds + time.monotonic() - began,
            best=self.held_out.is_best(measured.loss, [record["dev_loss"] for record in self.history]),
        )
