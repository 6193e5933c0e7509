"""Before the labels: the embedding learns from the texts alone, by an encoder that tells hidden tokens; see `grutext.nn.cloze`.

That encoder is thrown away: one that begins afresh learns the labels better from the same vectors (docs/recipe.md).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from grutext.config import Config
from grutext.model.initial import Arrays
from grutext.progress import Listener
from grutext.training.batches import Batch, Corpus
from grutext.training.checkpoint import Checkpoint, Run
from grutext.training.clock import Clock
from grutext.training.epochs import Epochs
from grutext.training.hiding import hide
from grutext.training.network import make_cloze
from grutext.training.shards import ShardedCorpus
from grutext.training.stops import Deferral

PRETRAINING = "pretraining"
_RATE = 0.0028  # or the training's, if that is lower
_SHARE = 0.3  # of the time that is left


class Pretraining(Epochs):
    """Epochs of hidden tokens.

    Args:
        train: The training part; its labels are not looked at.
        config: The whole configuration.
        rows: Rows of the word table.
        start: The weights of which the tables are begun with, by the spec's names.
        listener: Hears of every step, and a line at the end.
        checkpoint: Where the state is kept, and resumed from if it holds one.
        deadline: `time.monotonic()` at which all training must be over.
        interruption: Raises Ctrl-C between steps.
    """

    def __init__(
        self, train: Corpus | ShardedCorpus, config: Config, rows: int, start: Arrays, listener: Listener,
        checkpoint: Checkpoint | None, deadline: float | None, interruption: Deferral,
    ) -> None:  # fmt: skip
        options, network = config.training, make_cloze(config, rows)
        network.assign(network.arrays() | _tables(start))
        kept = checkpoint.restore(network, PRETRAINING) if checkpoint else None
        now = time.monotonic()
        share = None if deadline is None else now + _SHARE * (deadline - now)
        clock = Clock(options.pretraining_epochs, options.warmup, share)
        run = kept or Run({}, [], phase=PRETRAINING)
        rate = min(_RATE, options.learning_rate)
        super().__init__(network, train, options, rate, listener, checkpoint, clock, run, interruption)

    def run(self) -> Arrays:
        """Reads the texts until the epochs or the time are over; gives the embedding's tables."""
        epochs = self.options.pretraining_epochs
        self.listener.begin(epochs, self.train.size, PRETRAINING)
        try:
            for epoch in range(len(self.history) + 1, epochs + 1):
                if self.clock.over:
                    break
                self.learn(epoch)
        finally:
            self.listener.end()
        self.listener.note(self._summary())
        return _tables(self.network.arrays())

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yields the texts in random order, some tokens hidden."""
        options = self.options
        order, chance = (np.random.default_rng([options.seed, kind, epoch]) for kind in (6, 7))
        for batch in self.train.shuffled(options.batch_size, options.token_budget, 0.0, order):
            hidden = hide(batch, chance)
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
        epochs = "1 epoch" if len(losses) == 1 else f"{len(losses)} epochs"
        if not sum(texts):
            return "pretraining: there was no token to hide"
        learnt = " → ".join(f"{loss:.2f}" for loss in (losses[:1] + losses[1:][-1:]))
        return f"pretraining: read {sum(texts):,} texts in {epochs}, loss of hidden tokens {learnt}, {sum(seconds):.1f} s"


def _tables(arrays: Arrays) -> Arrays:
    """Gives the embedding's part of a network's weights."""
    return {name: array for name, array in arrays.items() if name.startswith("embedding/")}
