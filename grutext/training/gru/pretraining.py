"""Before the labels: the embedding learns from the texts alone, by an encoder that tells hidden tokens; see `grutext.engines.keras.masked_lm`.

That encoder is thrown away: one that begins afresh learns the labels better from the same vectors (docs/research/recipe.md).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from grutext.engines.base import Batch
from grutext.engines.choose import make_masked_lm
from grutext.model.initial import Arrays
from grutext.progress import epochs_in_words
from grutext.training.gru.epochs import PhaseContext, TrainingPhase
from grutext.training.gru.masking import mask_tokens
from grutext.training.gru.schedule import Schedule

_RATE = 0.0028  # or the training's, if that is lower
_SHARE = 0.3  # of the time that is left


class PretrainingPhase(TrainingPhase):
    """Epochs of hidden tokens.

    Args:
        context: What it has in common with what comes after it; the labels of the training part are not looked at.
        rows: Rows of the word table.
        start: The weights of which the tables are begun with, by the spec's names.
    """

    phase = "pretraining"

    def __init__(self, context: PhaseContext, rows: int, start: Arrays) -> None:
        network = make_masked_lm(context.config, rows)
        network.assign(network.arrays() | _tables(start))
        super().__init__(network, context, min(_RATE, context.config.training.learning_rate))

    def run(self) -> Arrays:
        """Reads the texts until the epochs or the time are over; gives the embedding's tables."""
        epochs, deadline = self.options.pretraining_epochs, self.context.deadline
        if deadline is not None:
            now = time.monotonic()
            deadline = now + _SHARE * (deadline - now)
        self.listener.begin(epochs, self.context.train.size, self.phase)
        try:
            self.make(Schedule(epochs, self.options.warmup, deadline))
        finally:
            self.listener.end()
        self.listener.note(self._summary())
        return _tables(self.network.arrays())

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yields the texts in random order, some tokens hidden."""
        options = self.options
        order, chance = (np.random.default_rng([options.seed, kind, epoch]) for kind in (6, 7))
        for batch in self.context.train.shuffled(options.batch_size, options.token_budget, 0.0, order):
            hidden = mask_tokens(batch, chance)
            if hidden is not None:
                yield hidden

    def conclude(self, epoch: int, seconds: float) -> dict[str, Any]:  # noqa: ARG002 (its place tells)
        """Gives texts, loss and time."""
        loss = self.place.losses / max(1, self.place.texts)
        return {"texts": self.place.texts, "loss": loss, "seconds": seconds}

    def _summary(self) -> str:
        """Gives what was read and learnt as one line."""
        texts, losses, seconds = (
            [record[name] for record in self.history] for name in ("texts", "loss", "seconds")
        )
        if not sum(texts):
            return "pretraining: there was no token to hide"
        learnt = " → ".join(f"{loss:.2f}" for loss in (losses[:1] + losses[1:][-1:]))
        return f"pretraining: read {sum(texts):,} texts in {epochs_in_words(len(losses))}, loss of hidden tokens {learnt}, {sum(seconds):.1f} s"


def _tables(arrays: Arrays) -> Arrays:
    """Gives the embedding's part of a network's weights."""
    return {name: array for name, array in arrays.items() if name.startswith("embedding/")}
