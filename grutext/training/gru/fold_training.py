"""Train the GRU part once without each fold of the texts, the folds side by side on the cores."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from queue import SimpleQueue
from threading import Lock
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from grutext.engines.base import Network
from grutext.kernels.cores import usable_cores
from grutext.progress import Listener, Silent
from grutext.training.folds import Folds
from grutext.training.gru.batches import VectorizedCorpus
from grutext.training.gru.checkpoint import FOLDS
from grutext.training.gru.epochs import LabelPhase, PhaseContext
from grutext.training.gru.held_out import OutOfFold, predict_logits
from grutext.training.gru.schedule import Schedule

Float = NDArray[np.float32]
_TIME_SHARE = 0.75  # of the time that pretraining leaves
_POLL_SECONDS = 0.1  # how often the main thread looks up while it waits


class FoldPhase(LabelPhase):
    """All epochs of a network on the texts outside a fold; it labels the fold after each of them."""

    phase = FOLDS
    network: Network

    def __init__(self, network: Network, context: PhaseContext, fold: VectorizedCorpus) -> None:
        super().__init__(network, context, context.config.training.learning_rate)
        self.fold = fold
        self.logits: list[Float] = []

    def end_epoch(self, epoch: int, seconds: float) -> dict[str, Any]:  # noqa: ARG002 (nobody reads the record)
        """Label the fold."""
        self.logits.append(predict_logits(self.network, self.fold, self.options.token_budget))
        return {}


@dataclass(frozen=True, slots=True)
class FoldedTexts:
    """The folds of the texts to train on.

    Attributes:
        folds: The fold of each text.
        targets: `(N, C) float32`, 1 where a label applies to a text that is in a fold.
    """

    folds: Folds
    targets: Float


@dataclass(frozen=True, slots=True)
class FoldTraining:
    """A training of the GRU part without each fold.

    Attributes:
        context: All texts, and what else the phases have in common.
        held_out: Their folds.
        make: Returns a network before its first step.
        multilabel: Whether a text may have several labels.
    """

    context: PhaseContext
    held_out: FoldedTexts
    make: Callable[[], Network]
    multilabel: bool

    def run(self, network: Network) -> OutOfFold:
        """Train without each fold, side by side on the cores, and return the results on the folds.

        Ctrl-C stops all after their current step. Nothing of them is saved: a resumed training trains all folds again.

        Args:
            network: The network with the weights that each of them starts from, before its first step. Afterwards it has them again.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
            DivergenceError: A loss is not finite.
        """
        weights, state = network.arrays(), network.state()
        folds, targets = self.held_out.folds, self.held_out.targets
        workers = min(folds.count, usable_cores()) if network.is_thread_safe else 1
        idle: SimpleQueue[Network] = SimpleQueue()
        for worker in (network, *(self.make() for _ in range(1, workers))):
            worker.assign(weights)
            idle.put(worker)
        train = cast("VectorizedCorpus", self.context.train)  # texts in files have no folds
        epochs, parts = self.context.config.training.epochs, list(folds)
        size = sum(int(train.lengths[rest].sum()) for rest, _ in parts)
        every = _AllFolds(self.context.listener, size, len(parts))
        context = replace(self.context, listener=every, checkpoint=None)
        ends = self._deadlines(len(parts), workers)

        def train_without(number: int) -> Float:
            """Return the logits of a fold's texts after each epoch, `(E, N, C)`."""
            rest, fold = (train.subset(texts) for texts in parts[number])
            worker = idle.get()
            try:
                phase = FoldPhase(worker, replace(context, train=rest), fold)
                phase.run_epochs(Schedule(epochs, context.config.training.warmup, ends[number]))
                every.finish_fold()
            finally:
                worker.assign(weights)
                worker.resume(state)
                idle.put(worker)
            # Where the time was up, there is no choice: the last epoch's weights are those at which the rate had fallen to zero.
            return np.array(phase.logits if len(phase.logits) == epochs else phase.logits[-1:])

        self.context.listener.begin(epochs, size, f"training without each of {len(parts)} folds")
        try:
            found = _map(train_without, range(len(parts)), workers)
        finally:
            self.context.listener.end()
        held_out = folds.held_out
        comparable = min(map(len, found))  # epochs; 1 if the time was up in a fold
        if comparable < epochs:
            self.context.left_out[FOLDS] = "cross-validation trained the GRU part for fewer epochs"
        logits = np.zeros((comparable, *targets.shape), np.float32)
        for (_, fold), own in zip(parts, found, strict=True):
            logits[:, held_out.searchsorted(fold)] = own[-comparable:]
        return OutOfFold.choose(logits, targets, self.multilabel)

    def _deadlines(self, parts: int, workers: int) -> list[float]:
        """Return when each fold must be done, so that their share of the time is enough for all."""
        now, end = time.monotonic(), self.context.deadline
        rounds = math.ceil(parts / workers)
        share = _TIME_SHARE * (end - now) / rounds
        return [now + share * (number // workers + 1) for number in range(parts)]


def _map(work: Callable[[int], Float], numbers: Sequence[int], workers: int) -> list[Float]:
    """Return the results of `work` in order, computed by as many threads; a single worker works in this thread."""
    if workers == 1:
        return list(map(work, numbers))
    with ThreadPoolExecutor(workers, "grutext-fold") as threads:
        futures = [threads.submit(work, number) for number in numbers]
        try:
            while wait(
                futures, _POLL_SECONDS, FIRST_EXCEPTION
            ).not_done:  # Python handles Ctrl-C between two waits
                if any(future.done() and future.exception() for future in futures):
                    break
            return [future.result() for future in futures]
        finally:
            threads.shutdown(cancel_futures=True)


class _AllFolds(Silent):
    """Reports the steps of all folds, which several threads make, as those of one training, and how many folds are done.

    Args:
        listener: Receives them.
        size: Tokens in an epoch of all folds.
        folds: The number of folds.
    """

    def __init__(self, listener: Listener, size: int, folds: int) -> None:
        self._listener, self._size, self._folds = listener, size, folds
        self._lock, self._done, self._finished = Lock(), 0, 0
        self._began = time.monotonic()

    def step(self, epoch: int, tokens: int, loss: float) -> None:  # noqa: ARG002 (each fold is in an epoch of its own)
        """Report a step."""
        with self._lock:
            number = 1 + self._done // max(1, self._size)
            self._done += tokens
            self._listener.step(number, tokens, loss)

    def finish_fold(self) -> None:
        """Report that a fold is done."""
        with self._lock:
            self._finished += 1
            passed = time.monotonic() - self._began
            self._listener.note(f"folds trained: {self._finished} of {self._folds}, {passed:.0f} s")
