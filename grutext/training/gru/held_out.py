"""Measure the GRU part after each epoch on texts that it was not trained on: on a dev set, or out of fold."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grutext.engines.base import Network
from grutext.model.initial import Arrays
from grutext.training.calibration.fit import logit_loss, rescale
from grutext.training.calibration.thresholds import micro_f1
from grutext.training.gru.batches import VectorizedCorpus

Float = NDArray[np.float32]
_TIMED_SHARE = 16  # one in this many dev texts is timed to estimate the time for all
_BATCH = 128  # texts
LATE = 2 / 3  # of the training; earlier, the learning rate is so high that an epoch's loss means little


class Measure(NamedTuple):
    """How good logits are.

    Attributes:
        loss: The mean negative log-likelihood at the best temperature, in nats.
        score: The accuracy, or the micro-F1 where a text may have several labels.
    """

    loss: float
    score: float


class HeldOut(ABC):
    """Texts that the network is not trained on, which choose the best epoch."""

    @abstractmethod
    def measure(self, network: Network, epoch: int) -> Measure:
        """Return how good the network is after an epoch, counted from 1."""

    def estimate_seconds(self, network: Network) -> float:  # noqa: ARG002 (a dev set needs it)
        """Return how many seconds `measure` will take."""
        return 0.0

    def is_best(self, loss: float, before: Sequence[float]) -> bool:
        """Return whether the weights of an epoch are to be kept, by its loss and those of the epochs before."""
        return all(loss < other for other in before)


class DevSet(HeldOut):
    """A dev set, which the network labels after each epoch.

    Args:
        corpus: Its texts.
        multilabel: Whether a text may have several labels.
        token_budget: Tokens in a batch, padding included, at most.
    """

    def __init__(self, corpus: VectorizedCorpus, multilabel: bool, token_budget: int) -> None:
        self.corpus, self.multilabel, self.token_budget = corpus, multilabel, token_budget

    def measure(self, network: Network, epoch: int) -> Measure:  # noqa: ARG002 (the network is that of the epoch)
        """Return how good the network is now."""
        logits = predict_logits(network, self.corpus, self.token_budget)
        return measure(logits, self.corpus.targets, self.multilabel)

    def estimate_seconds(self, network: Network) -> float:
        """Return how many seconds `measure` will take, estimated from a few of the texts."""
        for _ in range(2):  # the first one also compiles, or builds TensorFlow's graph
            began = time.monotonic()
            predict_logits(network, self.corpus, self.token_budget, _TIMED_SHARE)
        return (time.monotonic() - began) * _TIMED_SHARE


class OutOfFold(HeldOut):
    """The results of networks that were trained without a fold each, on the texts of that fold.

    Args:
        losses: `(E,)`, the loss of all texts after each epoch; `(1,)` if the time was too short for all epochs, so that
            there is no choice.
        scores: `(E,)` or `(1,)`, their score.
        logits: `(N, C) float32`, their logits after the best epoch: that of the lowest loss in the last third.
    """

    def __init__(self, losses: NDArray[np.float64], scores: NDArray[np.float64], logits: Float) -> None:
        self.losses, self.scores, self.logits = losses, scores, logits

    @classmethod
    def choose(cls, logits: Float, targets: Float, multilabel: bool) -> OutOfFold:
        """Choose the best epoch by the logits after all epochs, `(E, N, C)`."""
        measures = [measure(some, targets, multilabel) for some in logits]
        losses, scores = (np.array(values, np.float64) for values in zip(*measures, strict=True))
        return cls(losses, scores, logits[_best_of(losses)])

    def arrays(self) -> Arrays:
        """Return the arguments by name, to be saved."""
        return {"losses": self.losses, "scores": self.scores, "logits": self.logits}

    def measure(self, network: Network, epoch: int) -> Measure:  # noqa: ARG002 (it is trained on these texts)
        """Return how good the networks of the folds were after this epoch."""
        at = min(epoch, len(self.losses)) - 1
        return Measure(float(self.losses[at]), float(self.scores[at]))

    def is_best(self, loss: float, before: Sequence[float]) -> bool:
        """Return whether the folds' loss was the lowest so far in the last third; always, if there is no choice."""
        first = int(LATE * len(self.losses))
        return len(before) >= first and (len(self.losses) == 1 or super().is_best(loss, before[first:]))

    def is_over(self, epochs: int) -> bool:
        """Return whether the best of all epochs is among so many."""
        return len(self.losses) > 1 and epochs > _best_of(self.losses)


def _best_of(losses: NDArray[np.float64]) -> int:
    """Return the index of the lowest loss in the last third of the epochs."""
    first = int(LATE * len(losses))
    return first + int(losses[first:].argmin())


def predict_logits(network: Network, corpus: VectorizedCorpus, token_budget: int, step: int = 1) -> Float:
    """Return the logits of every text of a corpus, `(N, C)`, in its order; zeros where `step` skips texts."""
    logits = np.zeros(corpus.targets.shape, np.float32)
    for places, batch in corpus.in_order(_BATCH, token_budget, step):
        logits[places] = network.logits(batch)
    return logits


def measure(logits: Float, targets: Float, multilabel: bool) -> Measure:
    """Return how good logits `(N, C)` are for targets `(N, C)`."""
    scaled = rescale(logits, targets, multilabel)
    return Measure(logit_loss(scaled, targets, multilabel), _score(scaled, targets, multilabel))


def _score(logits: NDArray[np.floating], targets: Float, multilabel: bool) -> float:
    """Return the accuracy, or the micro-F1 where a text may have several labels."""
    if not len(targets):
        return 0.0
    if multilabel:
        return micro_f1(logits >= 0.0, targets)
    return float(np.mean(targets[np.arange(len(targets)), logits.argmax(axis=1)]))
