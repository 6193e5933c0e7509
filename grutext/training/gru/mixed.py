"""Several corpora that are read as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from grutext.engines.base import Batch
from grutext.training.gru.batches import VectorizedCorpus
from grutext.training.gru.lockstep import CorpusShare
from grutext.training.gru.shards import ShardedCorpus

Corpus = VectorizedCorpus | ShardedCorpus | CorpusShare


class MixedCorpus:
    """Corpora whose batches are read in random order; each batch has the texts of one of them.

    Args:
        parts: The corpora, in memory or on disk.
    """

    def __init__(self, parts: Sequence[Corpus]) -> None:
        self.parts = parts

    @property
    def size(self) -> int:
        """The number of tokens that `shuffled` reads in an epoch."""
        return sum(part.size for part in self.parts)

    @property
    def texts(self) -> int:
        """The number of texts."""
        return sum(part.texts for part in self.parts)

    def shuffled(
        self, batch_size: int, token_budget: int, word_dropout: float, rng: np.random.Generator
    ) -> Iterator[Batch]:
        """Yield every text once, as `VectorizedCorpus.shuffled` does; each part is spread over the whole epoch."""
        streams = [
            part.shuffled(batch_size, token_budget, word_dropout, own)
            for part, own in zip(self.parts, rng.spawn(len(self.parts)), strict=True)
        ]
        left = np.array([part.texts for part in self.parts], np.float64)
        while left.any():
            drawn = int(rng.choice(len(left), p=left / left.sum()))
            batch = next(streams[drawn])
            left[drawn] -= len(batch["lengths"])
            yield batch
