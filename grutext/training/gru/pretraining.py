"""Pretrain the embedding on the texts alone, by predicting tokens from those around them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from grutext.engines.base import Batch
from grutext.engines.choose import make_cbow
from grutext.model.initial import Arrays
from grutext.progress import epochs_in_words
from grutext.training.gru.checkpoint import PRETRAINING
from grutext.training.gru.contexts import IDLE, draw_contexts
from grutext.training.gru.epochs import PhaseContext, TrainingPhase
from grutext.training.gru.mixed import MixedCorpus
from grutext.training.gru.schedule import Schedule

# Texts in a batch and, padding included, tokens: few enough for many steps, enough for all cores.
_BATCH_TEXTS, _BATCH_TOKENS = 256, 2_048
_PEAK_RATE = 0.0028  # or the training's, if that is lower
_TIME_SHARE = 0.3  # of the time that is left


class PretrainingPhase(TrainingPhase):
    """Epochs of predicting tokens from their contexts.

    Args:
        context: What the phases have in common; the labels are not used.
        word_rows: Rows of the word table.
        start: Initial weights by the spec's names, of which the embedding tables are used; the engine's own, if left out.
        time_share: The share of the time that is left, which the phase may take.
    """

    phase = PRETRAINING

    def __init__(
        self,
        context: PhaseContext,
        word_rows: int,
        start: Arrays | None = None,
        time_share: float = _TIME_SHARE,
    ) -> None:
        network = make_cbow(context.config, word_rows, context.workers)
        network.assign(network.arrays() | _embedding(start or {}))
        self.time_share = time_share
        super().__init__(network, context, min(_PEAK_RATE, context.config.training.learning_rate))
        if context.unlabelled is not None:
            self.corpus = MixedCorpus([context.train, context.unlabelled])

    def run(self) -> Arrays:
        """Run until the epochs or the time are over; return the embedding tables by the spec's names."""
        epochs, deadline = self.options.pretraining_epochs, self.context.deadline
        if deadline < math.inf:
            now = time.monotonic()
            deadline = now + self.time_share * (deadline - now)
        schedule = Schedule(epochs, self.options.warmup, deadline)
        self.listener.begin(epochs, self.corpus.size, self.phase)
        try:
            self.run_epochs(schedule)
        finally:
            self.listener.end()
        self.listener.note(self._summary())
        if schedule.time_is_up and (self.was_cut or len(self.history) < epochs):
            texts = sum(record["texts"] for record in self.history)
            whole = epochs * self.corpus.texts
            self.context.left_out[self.phase] = (
                f"pretraining read {texts:,} of {whole:,} texts ({epochs_in_words(epochs)})"
            )
        return _embedding(self.network.arrays())

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yield the texts in random order, with some tokens to predict; batches without any are skipped."""
        order, draw = (np.random.default_rng([self.options.seed, kind, epoch]) for kind in (6, 7))
        for batch in self.corpus.shuffled(_BATCH_TEXTS, _BATCH_TOKENS, 0.0, order):
            drawn = draw_contexts(batch, draw)
            if drawn is not None:
                yield drawn

    def spare_batch(self, epoch: int) -> Batch:
        """Return a batch that does not count; this worker may have no token to predict."""
        return next(self.batches(epoch), IDLE)

    def end_epoch(self, epoch: int, seconds: float) -> dict[str, Any]:  # noqa: ARG002 (its index in the history)
        """Return the texts, the mean loss and the time of an epoch."""
        loss = self.progress.losses / max(1, self.progress.texts)
        return {"texts": self.progress.texts, "loss": loss, "seconds": seconds}

    def _summary(self) -> str:
        texts, losses, seconds = (
            [record[name] for record in self.history] for name in ("texts", "loss", "seconds")
        )
        if not sum(texts):
            return "pretraining: no token could be predicted"
        first_and_last = " → ".join(f"{loss:.2f}" for loss in (losses[:1] + losses[1:][-1:]))
        read = f"read {sum(texts):,} texts in {epochs_in_words(len(losses))}"
        return f"pretraining: {read}, loss of predicted tokens {first_and_last}, {sum(seconds):.1f} s"


def _embedding(arrays: Arrays) -> Arrays:
    return {name: array for name, array in arrays.items() if name.startswith("embedding/")}
