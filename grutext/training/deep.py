"""Trains the deep part: the order of epochs, the learning rate, early stopping, the best weights."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.model.initial import Arrays
from grutext.progress import EpochRecord, Listener
from grutext.training.ahead import ahead
from grutext.training.batches import Batch, Corpus
from grutext.training.calibration import logit_loss, rescale
from grutext.training.checkpoint import Checkpoint, Place, Run
from grutext.training.clock import Clock
from grutext.training.decisions import micro_f1
from grutext.training.network import Network, make_network
from grutext.training.pretrained import Pretrained
from grutext.training.shards import ShardedCorpus
from grutext.training.stops import Deferral, DivergenceError
from grutext.training.weighting import class_weights, is_balanced

_FORESEEN = 16  # one of so many dev texts tells how long they all will take
_DEV_BATCH = 128  # texts


@dataclass(frozen=True, slots=True)
class DeepFit:
    """A trained deep part.

    Attributes:
        arrays: The best epoch's weights by the spec's names.
        history: What each epoch gave.
        stopped: What ended the training before its time: Ctrl-C, or a loss that is not finite.
    """

    arrays: Arrays
    history: list[dict[str, Any]]
    stopped: BaseException | None = None


def fit_deep(
    train: Corpus | ShardedCorpus,
    dev: Corpus,
    config: Config,
    rows: int,
    *,
    multilabel: bool,
    listener: Listener,
    checkpoint: Checkpoint | None = None,
    deadline: float | None = None,
    pretrained: Pretrained | None = None,
) -> DeepFit:
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
    balanced = is_balanced(options.class_weight, multilabel, deep=True)
    weights = class_weights(train.label_counts, train.texts, balanced, multilabel)
    network = make_network(config, rows, len(train.label_counts), multilabel, weights)
    if pretrained:
        network.assign(pretrained.placed(network.arrays()))
    kept = checkpoint.restore(network) if checkpoint else None
    clock = Clock(options.epochs, options.warmup, deadline)
    run = kept or Run(best=network.arrays(), history=[])
    return _Fit(network, train, dev, config, multilabel, listener, checkpoint, clock, run).run()


class _Fit:
    """A training of the deep part under way."""

    def __init__(
        self, network: Network, train: Corpus | ShardedCorpus, dev: Corpus, config: Config, multilabel: bool, listener: Listener,
        checkpoint: Checkpoint | None, clock: Clock, run: Run,
    ) -> None:  # fmt: skip
        self.network, self.train, self.dev, self.options = network, train, dev, config.training
        self.multilabel, self.listener, self.checkpoint, self.clock = multilabel, listener, checkpoint, clock
        self.best, self.history, self.place = run.best, run.history, run.place
        self._before = network.steps - run.place.batches  # steps of the epochs that are over
        self._is_told = False
        self.interruption = Deferral()

    def run(self) -> DeepFit:
        """Trains to the end, or to what stops it."""
        stopped: BaseException | None = None
        self.listener.begin(self.options.epochs, self.train.size)
        if self.clock.deadline is not None:
            self.clock.reserve = self._foresee()
        try:
            with self.interruption:
                for epoch in range(len(self.history) + 1, self.options.epochs + 1):
                    if _stale(self.history, self.options.patience) or self.clock.over:
                        break
                    self._epoch(epoch)
                    self.clock.progress(epoch, 1.0)
        except (KeyboardInterrupt, DivergenceError) as error:
            stopped = error
        finally:
            self.listener.end()
        if not isinstance(stopped, DivergenceError) and not self.interruption.pressed_again:
            self._keep()
        if stopped and not self.history and not isinstance(stopped, DivergenceError):
            # Better than the weights before the first step.
            return DeepFit(self.network.arrays(), [], stopped)
        return DeepFit(self.best, self.history, stopped)

    def _foresee(self) -> float:
        """Gives how many seconds a dev evaluation takes, from a few of its texts."""
        for _ in range(2):  # the first one also prepares, as TensorFlow does its graph
            began = time.monotonic()
            predict(self.network, self.dev, self.options.token_budget, _FORESEEN)
        return (time.monotonic() - began) * _FORESEEN

    def _epoch(self, epoch: int) -> None:
        options = self.options
        began = time.monotonic() - self.place.seconds
        rng = np.random.default_rng([options.seed, 3, epoch])
        batches = self.train.shuffled(options.batch_size, options.token_budget, options.word_dropout, rng)
        with closing(ahead(itertools.islice(batches, self.place.batches, None))) as coming:
            self._steps(epoch, began, coming)
        record = self._record(epoch, began)
        if record.best:
            self.best = self.network.arrays()
        self._before += self.place.batches
        self.place = Place()
        self.history.append(record.to_dict())
        self.listener.epoch(record)
        self.interruption.check()
        if self.checkpoint and self.checkpoint.due:
            self._keep()

    def _steps(self, epoch: int, began: float, batches: Iterable[Batch]) -> None:
        options, clock = self.options, self.clock
        for batch in batches:
            rate = options.learning_rate * clock.rate(
                clock.progress(epoch, self.place.texts / self.train.texts)
            )
            if (
                clock.over and self.place.texts
            ):  # an epoch has at least one batch, so that its figures mean something
                break
            value = self.network.train_step(batch, (epoch << 18) + self.place.batches, rate)
            self._check_finite(value, epoch)
            self.place = Place(
                batches=self.place.batches + 1,
                texts=self.place.texts + len(batch["lengths"]),
                tokens=self.place.tokens + int(batch["lengths"].sum()),
                losses=self.place.losses + value * len(batch["lengths"]),
                seconds=time.monotonic() - began,
            )
            self.listener.step(epoch, self.place.tokens, self.place.losses / self.place.texts)
            self.interruption.check()
            if self.checkpoint and self.checkpoint.due:
                self._keep()

    def _record(self, epoch: int, began: float) -> EpochRecord:
        """Gives what the epoch brought, which the dev part tells."""
        trained = time.monotonic()
        logits = predict(self.network, self.dev, self.options.token_budget)
        self.clock.reserve = time.monotonic() - trained
        scaled = rescale(logits, self.dev.targets, self.multilabel)
        dev_loss = logit_loss(scaled, self.dev.targets, self.multilabel)
        self._check_finite(dev_loss, epoch)
        return EpochRecord(
            epoch=epoch,
            loss=self.place.losses / max(1, self.place.texts),
            dev_loss=dev_loss,
            dev_score=_score(scaled, self.dev.targets, self.multilabel),
            tokens_per_second=self.place.tokens / max(1e-9, trained - began),
            seconds=time.monotonic() - began,
            best=all(dev_loss < record["dev_loss"] for record in self.history),
        )

    def _check_finite(self, loss: float, epoch: int) -> None:
        if not math.isfinite(loss):
            raise DivergenceError(
                f"the loss became {loss} in epoch {epoch}; --set training.learning_rate="
                f"{self.options.learning_rate / 4:g} usually helps"
            )

    def _keep(self) -> None:
        """Keeps the state, unless an interruption came between a step and the note that it is done."""
        if self.checkpoint is None or self.network.steps != self._before + self.place.batches:
            return
        try:
            self.checkpoint.keep(self.network, Run(self.best, self.history, self.place))
        except OSError as error:
            if not self._is_told:
                self._is_told = True
                self.listener.note(
                    f"{self.checkpoint.folder}: the state cannot be kept ({error.strerror}); the training goes on"
                )


def predict(network: Network, corpus: Corpus, token_budget: int, step: int = 1) -> NDArray[np.float32]:
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


def _stale(history: list[dict[str, Any]], patience: int) -> bool:
    """Tells whether the last `patience` epochs brought nothing."""
    if not patience:
        return False
    since = next((n for n, record in enumerate(reversed(history)) if record["best"]), 0)
    return since >= patience
