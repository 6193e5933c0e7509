"""Train the GRU part: pretraining, epochs, early stopping, the best weights."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.engines.base import Batch, Network
from grutext.engines.choose import make_network
from grutext.model.initial import Arrays
from grutext.progress import EpochRecord, epochs_in_words
from grutext.training.calibration.fit import logit_loss, rescale
from grutext.training.calibration.thresholds import micro_f1
from grutext.training.class_weights import class_weights, is_balanced
from grutext.training.gru.batches import VectorizedCorpus
from grutext.training.gru.epochs import PhaseContext, TrainingPhase
from grutext.training.gru.interruption import DivergenceError
from grutext.training.gru.pretraining import PretrainingPhase
from grutext.training.gru.schedule import Schedule
from grutext.training.word_vectors import WordVectors

_TIMED_SHARE = 16  # one in this many dev texts is timed to estimate the time for all
_DEV_BATCH = 128  # texts
_LATE = 2 / 3  # of the training; earlier, the learning rate is so high that a few epochs mean little


@dataclass(frozen=True, slots=True)
class GRUFit:
    """A trained GRU part.

    Attributes:
        arrays: The best epoch's weights by the spec's names.
        history: A record for each epoch.
        stopped: What ended the training early: a KeyboardInterrupt or a DivergenceError.
    """

    arrays: Arrays
    history: list[dict[str, Any]]
    stopped: BaseException | None = None


def fit_gru(
    context: PhaseContext,
    dev: VectorizedCorpus,
    word_rows: int,
    multilabel: bool,
    word_vectors: WordVectors | None = None,
) -> GRUFit:
    """Train until the epochs are over, the dev loss stops improving, the time is up, or Ctrl-C is pressed.

    Args:
        context: The texts to train on, the configuration, the listener, the checkpoint and the deadline.
        dev: The texts on which the best epoch is chosen, by the loss at the best temperature.
        word_rows: Rows of the word table.
        multilabel: Whether a text may have several labels.
        word_vectors: Initial vectors of some rows of the word table.

    Raises:
        TrainingError: The state in the checkpoint is damaged, or of other data or settings.
    """
    options, train = context.config.training, context.train
    balanced = is_balanced(options.class_weight, multilabel, gru=True)
    weights = class_weights(train.label_counts, train.texts, balanced, multilabel)
    network = make_network(context.config, word_rows, len(train.label_counts), multilabel, weights)
    if word_vectors:
        network.assign(word_vectors.placed(network.arrays()))
    training = SupervisedPhase(network, context, dev, multilabel)
    if not training.is_resumed and options.pretraining_epochs:
        training.pretraining = PretrainingPhase(context, word_rows, network.arrays())
    return training.run()


class SupervisedPhase(TrainingPhase):
    """Epochs on the labels, evaluated on the dev set.

    Args:
        network: The network to train.
        context: What the phases have in common.
        dev: The texts on which the best epoch is chosen.
        multilabel: Whether a text may have several labels.

    Attributes:
        pretraining: The phase that runs first, if any; None once it is over.
    """

    network: Network

    def __init__(
        self, network: Network, context: PhaseContext, dev: VectorizedCorpus, multilabel: bool
    ) -> None:
        super().__init__(network, context, context.config.training.learning_rate)
        self.best = self.best or network.arrays()
        self.dev, self.multilabel = dev, multilabel
        self.pretraining: PretrainingPhase | None = None

    def run(self) -> GRUFit:
        """Run all epochs, unless the time is up, early stopping applies, or an interrupt or a divergence stops them."""
        stopped: BaseException | None = None
        try:
            with self.context.interrupt:
                self._pretrain()
                self._train()
        except (KeyboardInterrupt, DivergenceError) as error:
            stopped = error
        finally:
            self.listener.end()
        if not isinstance(stopped, DivergenceError) and not self.context.interrupt.pressed_again:
            (self.pretraining or self).save()
        if stopped and not self.history and not isinstance(stopped, DivergenceError):
            # Before the end of the first epoch there are no best weights; the current ones are better than the initial ones.
            return GRUFit(self.network.arrays(), [], stopped)
        return GRUFit(self.best, self.history, stopped)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yield the texts in random order."""
        options, rng = self.options, np.random.default_rng([self.options.seed, 3, epoch])
        return self.context.train.shuffled(
            options.batch_size, options.token_budget, options.word_dropout, rng
        )

    def end_epoch(self, epoch: int, seconds: float) -> dict[str, Any]:
        """Evaluate on the dev set, remember the weights if they are the best, and return the record."""
        record = self._evaluate(epoch, seconds)
        if record.best:
            self.best = self.network.arrays()
        return record.to_dict()

    def should_stop(self) -> bool:
        """Return whether the last epochs did not improve the dev loss, and the training is in its last third."""
        patience = self.options.patience
        if not 0 < patience <= len(self.history):
            return False
        if self.schedule.progress(len(self.history), 1.0) <= _LATE:
            return False
        return not any(record["best"] for record in self.history[-patience:])

    def report(self) -> None:
        """Report the last epoch to the listener."""
        self.listener.epoch(EpochRecord(**self.history[-1]))

    def _pretrain(self) -> None:
        if self.pretraining:
            self.network.assign(self.network.arrays() | self.pretraining.run())
            self.pretraining = None  # frees its memory

    def _train(self) -> None:
        epochs = self.options.epochs
        self.listener.begin(epochs, self.context.train.size)
        schedule = Schedule(epochs, self.options.warmup, self.context.deadline)
        if schedule.deadline < math.inf:
            schedule.reserve = self._time_evaluation()
        self.run_epochs(schedule)
        if schedule.time_is_up and (self.was_cut or len(self.history) < epochs):
            done = f"{len(self.history)} of {epochs_in_words(epochs)}"
            cut = ", the last one not on all texts" if self.was_cut else ""
            self.context.left_out[self.phase] = f"the GRU part was trained for {done}{cut}"

    def _time_evaluation(self) -> float:
        """Return how many seconds an evaluation on the dev set will take, estimated from a few of its texts."""
        for _ in range(2):  # the first one also compiles, or builds TensorFlow's graph
            began = time.monotonic()
            predict_logits(self.network, self.dev, self.options.token_budget, _TIMED_SHARE)
        return (time.monotonic() - began) * _TIMED_SHARE

    def _evaluate(self, epoch: int, seconds: float) -> EpochRecord:
        began = time.monotonic()
        logits = predict_logits(self.network, self.dev, self.options.token_budget)
        self.schedule.reserve = time.monotonic() - began
        scaled = rescale(logits, self.dev.targets, self.multilabel)
        dev_loss = logit_loss(scaled, self.dev.targets, self.multilabel)
        self.check_finite(dev_loss, epoch)
        return EpochRecord(
            epoch=epoch,
            loss=self.progress.losses / max(1, self.progress.texts),
            dev_loss=dev_loss,
            dev_score=_score(scaled, self.dev.targets, self.multilabel),
            tokens_per_second=self.progress.tokens / max(1e-9, seconds),
            seconds=seconds + time.monotonic() - began,
            best=all(dev_loss < record["dev_loss"] for record in self.history),
        )


def predict_logits(
    network: Network, corpus: VectorizedCorpus, token_budget: int, step: int = 1
) -> NDArray[np.float32]:
    """Return the logits of every text of a corpus, `(N, C)`, in its order; zeros where `step` skips texts."""
    logits = np.zeros(corpus.targets.shape, np.float32)
    for places, batch in corpus.in_order(_DEV_BATCH, token_budget, step):
        logits[places] = network.logits(batch)
    return logits


def _score(logits: NDArray[np.floating], targets: NDArray[np.float32], multilabel: bool) -> float:
    """Return the accuracy, or the micro-F1 where a text may have several labels."""
    if not len(targets):
        return 0.0
    if multilabel:
        return micro_f1(logits >= 0.0, targets)
    return float(np.mean(targets[np.arange(len(targets)), logits.argmax(axis=1)]))
