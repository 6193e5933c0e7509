"""Trains the GRU part: the order of epochs, early stopping, the best weights."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.engines.base import Batch, Network
from grutext.engines.choose import make_network
from grutext.model.initial import Arrays
from grutext.progress import EpochRecord, Listener
from grutext.training.calibration.fit import logit_loss, rescale
from grutext.training.calibration.thresholds import micro_f1
from grutext.training.class_weights import class_weights, is_balanced
from grutext.training.gru.batches import VectorizedCorpus
from grutext.training.gru.checkpoint import Checkpoint
from grutext.training.gru.epochs import PhaseContext, TrainingPhase
from grutext.training.gru.interruption import DeferredInterrupt, DivergenceError
from grutext.training.gru.pretraining import PretrainingPhase
from grutext.training.gru.schedule import Schedule
from grutext.training.gru.shards import ShardedCorpus
from grutext.training.gru.word_vectors import WordVectors

_FORESEEN = 16  # one of so many dev texts tells how long they all will take
_DEV_BATCH = 128  # texts
_LATE = 2 / 3  # of the training; before, the rates are too high for a few epochs to tell much


@dataclass(frozen=True, slots=True)
class GRUFit:
    """A trained GRU part.

    Attributes:
        arrays: The best epoch's weights by the spec's names.
        history: What each epoch gave.
        stopped: What ended the training before its time: Ctrl-C, or a loss that is not finite.
    """

    arrays: Arrays
    history: list[dict[str, Any]]
    stopped: BaseException | None = None


def fit_gru(
    train: VectorizedCorpus | ShardedCorpus,
    dev: VectorizedCorpus,
    config: Config,
    rows: int,
    *,
    multilabel: bool,
    listener: Listener,
    checkpoint: Checkpoint | None = None,
    deadline: float | None = None,
    pretrained: WordVectors | None = None,
) -> GRUFit:
    """Trains until the epochs are over, the dev part stops improving, the time is up, or something stops it.

    Args:
        train: The training part.
        dev: The part that decides which epoch is best, by its loss at the best temperature.
        config: The whole configuration.
        rows: Rows of the word table.
        multilabel: Whether each label is decided for itself.
        listener: Hears of every step and epoch.
        checkpoint: Where the state is kept, and resumed from if it holds one.
        deadline: `time.monotonic()` at which the last dev evaluation must be over.
        pretrained: Vectors that rows of the word table start from.

    Raises:
        TrainingError: The state in `checkpoint` is damaged, or of other data or settings.
    """
    options = config.training
    balanced = is_balanced(options.class_weight, multilabel, gru=True)
    weights = class_weights(train.label_counts, train.texts, balanced, multilabel)
    network = make_network(config, rows, len(train.label_counts), multilabel, weights)
    if pretrained:
        network.assign(pretrained.placed(network.arrays()))
    context = PhaseContext(train, config, listener, checkpoint, deadline, DeferredInterrupt())
    fit = _Fit(network, context, dev, multilabel)
    if not fit.is_resumed and options.pretraining_epochs:
        fit.pretraining = PretrainingPhase(context, rows, network.arrays())
    return fit.run()


class _Fit(TrainingPhase):
    """A training of the GRU part under way.

    Args:
        network: What learns.
        context: What it has in common with its pretraining.
        dev: The part that decides which epoch is best.
        multilabel: Whether each label is decided for itself.

    Attributes:
        pretraining: What is still to come first, if anything.
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
        """Trains to the end, or to what stops it."""
        stopped: BaseException | None = None
        try:
            with self.context.interruption:
                self._pretrain()
                self._train()
        except (KeyboardInterrupt, DivergenceError) as error:
            stopped = error
        finally:
            self.listener.end()
        if not isinstance(stopped, DivergenceError) and not self.context.interruption.pressed_again:
            (self.pretraining or self).keep()
        if stopped and not self.history and not isinstance(stopped, DivergenceError):
            # Better than the weights before the first step, unless pretraining was not over.
            return GRUFit(self.network.arrays(), [], stopped)
        return GRUFit(self.best, self.history, stopped)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yields the texts in random order."""
        options, rng = self.options, np.random.default_rng([self.options.seed, 3, epoch])
        return self.context.train.shuffled(
            options.batch_size, options.token_budget, options.word_dropout, rng
        )

    def conclude(self, epoch: int, seconds: float) -> dict[str, Any]:
        """Looks at the dev part, and keeps the weights if they are the best."""
        record = self._record(epoch, seconds)
        if record.best:
            self.best = self.network.arrays()
        return record.to_dict()

    def is_over(self) -> bool:
        """Tells whether the last epochs brought nothing, and it is late enough for that to mean something."""
        patience = self.options.patience
        if not 0 < patience <= len(self.history) or self.clock.progress(len(self.history), 1.0) <= _LATE:
            return False
        return not any(record["best"] for record in self.history[-patience:])

    def tell(self) -> None:
        """Tells the listener of the last epoch."""
        self.listener.epoch(EpochRecord(**self.history[-1]))

    def _pretrain(self) -> None:
        if self.pretraining:
            self.network.assign(self.network.arrays() | self.pretraining.run())
            self.pretraining = None  # its memory is wanted

    def _train(self) -> None:
        self.listener.begin(self.options.epochs, self.context.train.size)
        clock = Schedule(self.options.epochs, self.options.warmup, self.context.deadline)
        if clock.deadline is not None:
            clock.reserve = self._foresee()
        self.make(clock)

    def _foresee(self) -> float:
        """Gives how many seconds a dev evaluation takes, from a few of its texts."""
        for _ in range(2):  # the first one also prepares, as TensorFlow does its graph
            began = time.monotonic()
            predict(self.network, self.dev, self.options.token_budget, _FORESEEN)
        return (time.monotonic() - began) * _FORESEEN

    def _record(self, epoch: int, seconds: float) -> EpochRecord:
        """Gives what the epoch brought, which the dev part tells."""
        began = time.monotonic()
        logits = predict(self.network, self.dev, self.options.token_budget)
        self.clock.reserve = time.monotonic() - began
        scaled = rescale(logits, self.dev.targets, self.multilabel)
        dev_loss = logit_loss(scaled, self.dev.targets, self.multilabel)
        self.check_finite(dev_loss, epoch)
        return EpochRecord(
            epoch=epoch,
            loss=self.place.losses / max(1, self.place.texts),
            dev_loss=dev_loss,
            dev_score=_score(scaled, self.dev.targets, self.multilabel),
            tokens_per_second=self.place.tokens / max(1e-9, seconds),
            seconds=seconds + time.monotonic() - began,
            best=all(dev_loss < record["dev_loss"] for record in self.history),
        )


def predict(
    network: Network, corpus: VectorizedCorpus, token_budget: int, step: int = 1
) -> NDArray[np.float32]:
    """Gives the logits of every text of a corpus, `(N, C)`, in its order; zeros where `step` leaves texts out."""
    logits = np.zeros(corpus.targets.shape, np.float32)
    for places, batch in corpus.in_order(_DEV_BATCH, token_budget, step):
        logits[places] = network.logits(batch)
    return logits


def _score(logits: NDArray[np.floating], targets: NDArray[np.float32], multilabel: bool) -> float:
    if not len(targets):
        return 0.0
    if multilabel:
        return micro_f1(logits >= 0.0, targets)
    return float(np.mean(targets[np.arange(len(targets)), logits.argmax(axis=1)]))
