"""Trains the deep part: the order of epochs, the learning rate, early stopping, the best weights."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.errors import TrainingError
from grutext.nn.network import Network
from grutext.nn.weights import Arrays
from grutext.progress import EpochRecord, Listener
from grutext.training.batches import Corpus
from grutext.training.calibration import logit_loss, rescale
from grutext.training.checkpoint import Checkpoint
from grutext.training.decisions import micro_f1
from grutext.training.pretrained import Pretrained
from grutext.training.weighting import class_weights, is_balanced


@dataclass(frozen=True, slots=True)
class DeepFit:
    """A trained deep part.

    Attributes:
        arrays: The best epoch's weights by the spec's names.
        history: What each epoch gave.
    """

    arrays: Arrays
    history: list[dict[str, Any]]


def fit_deep(
    train: Corpus,
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
    """Trains until the epochs are over, the dev part stops improving, or the time is up.

    Args:
        train: The training part.
        dev: The part that decides which epoch is best, by its loss at the best temperature.
        config: The whole configuration.
        rows: Rows of the word table.
        multilabel: Whether each label is decided for itself.
        listener: Hears of every step and epoch.
        checkpoint: Where every epoch's end is kept, and resumed from if it holds one.
        deadline: `time.monotonic()` at which the last dev evaluation must be over.
        pretrained: Vectors that rows of the word table start from.

    Raises:
        TrainingError: The loss is not finite.
    """
    options = config.training
    classes = train.targets.shape[1]
    balanced = is_balanced(options.class_weight, multilabel, deep=True)
    weights = class_weights(train.targets, balanced, multilabel)
    network = Network(config, rows, classes, "sigmoid" if multilabel else "softmax", weights)
    if pretrained:
        network.assign(pretrained.placed(network.arrays()))
    epochs = options.epochs
    run = checkpoint.restore(network) if checkpoint else None
    history: list[dict[str, Any]] = run.history if run else []
    best: Arrays = run.best if run else network.arrays()
    clock = _Clock(epochs, options.warmup, deadline)
    listener.begin(epochs, train.size)
    try:
        for epoch in range(len(history) + 1, epochs + 1):
            if _stale(history, options.patience):
                break
            record = _epoch(network, train, dev, config, epoch, history, multilabel, listener, clock)
            if record.best:
                best = network.arrays()
            history.append(record.to_dict())
            listener.epoch(record)
            if checkpoint:
                checkpoint.keep(network, best, history)
            clock.progress(epoch, 1.0)
            if clock.over:
                break
    finally:
        listener.end()
    return DeepFit(best, history)


class _Clock:
    """Knows how far the training is, in steps or in time, whichever is further."""

    def __init__(self, epochs: int, warmup: float, deadline: float | None) -> None:
        self.epochs, self.warmup, self.deadline = epochs, warmup, deadline
        self.began = time.monotonic()
        self.reserve = 0.0  # seconds that one dev evaluation takes
        self.over = False

    def progress(self, epoch: int, share: float) -> float:
        """Gives how much of the training is done, in 0..1, when a share of an epoch is done."""
        done = (epoch - 1 + share) / self.epochs
        if self.deadline is None:
            return done
        left = max(1e-9, self.deadline - self.reserve - self.began)
        timed = (time.monotonic() - self.began) / left
        self.over = timed >= 1.0
        return min(1.0, max(done, timed))

    def rate(self, progress: float) -> float:
        """Gives the factor on the learning rate: a linear rise, then half a cosine down to zero."""
        if progress < self.warmup:
            return max(progress, 1e-3) / self.warmup
        return 0.5 * (1.0 + math.cos(math.pi * (progress - self.warmup) / (1.0 - self.warmup)))


def _epoch(
    network: Network, train: Corpus, dev: Corpus, config: Config, epoch: int, history: list[dict[str, Any]],
    multilabel: bool, listener: Listener, clock: _Clock,
) -> EpochRecord:  # fmt: skip
    options = config.training
    began = time.monotonic()
    rng = np.random.default_rng([options.seed, 3, epoch])
    losses, tokens, texts, step = 0.0, 0, 0, epoch << 18
    for batch in train.shuffled(options.batch_size, options.token_budget, options.word_dropout, rng):
        rate = options.learning_rate * clock.rate(clock.progress(epoch, texts / len(train.targets)))
        if clock.over and texts:  # an epoch has at least one batch, so that its figures mean something
            break
        size = len(batch["lengths"])
        value = network.train_step(batch, step, rate)
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss became {value} in epoch {epoch}; --set training.learning_rate=0.001 usually helps"
            )
        losses, texts, tokens, step = (
            losses + value * size,
            texts + size,
            tokens + batch["lengths"].sum(),
            step + 1,
        )
        listener.step(epoch, int(tokens), losses / texts)
    trained = time.monotonic()
    logits = predict(network, dev, options.batch_size, options.token_budget)
    clock.reserve = time.monotonic() - trained
    scaled = rescale(logits, dev.targets, multilabel)
    dev_loss = logit_loss(scaled, dev.targets, multilabel)
    return EpochRecord(
        epoch=epoch,
        loss=losses / max(1, texts),
        dev_loss=dev_loss,
        dev_score=_score(scaled, dev.targets, multilabel),
        tokens_per_second=float(tokens / max(1e-9, trained - began)),
        seconds=time.monotonic() - began,
        best=all(dev_loss < record["dev_loss"] for record in history),
    )


def predict(network: Network, corpus: Corpus, batch_size: int, token_budget: int) -> NDArray[np.float32]:
    """Gives the logits of every text of a corpus, `(N, C)`, in its order."""
    logits = np.zeros(corpus.targets.shape, np.float32)
    for places, batch in corpus.in_order(batch_size, token_budget):
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
