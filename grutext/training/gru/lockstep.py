"""Several workers that train in lockstep: each has batches of its own, and one step takes a batch of each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from grutext.engines.base import Batch, Network
from grutext.engines.workers import Workers
from grutext.training.gru.batches import VectorizedCorpus
from grutext.training.gru.held_out import DevSet, Measure, measure, predict_logits
from grutext.training.gru.interruption import DeferredInterrupt
from grutext.training.gru.shards import ShardedCorpus

_AHEAD = 8  # steps whose counts are exchanged together


class CorpusShare:
    """A worker's share of a corpus: the batches are its own, the counts are those of all workers.

    Args:
        own: The texts of this worker.
        workers: All workers.

    Attributes:
        texts: The number of texts of all workers.
        size: The number of tokens that all workers read in an epoch.
        label_counts: The number of texts of each label, `(C,) float32`.
    """

    def __init__(self, own: VectorizedCorpus | ShardedCorpus, workers: Workers) -> None:
        self.own, self.workers = own, workers
        texts, size, *counts = workers.sum([own.texts, own.size, *own.label_counts])
        self.texts, self.size = int(texts), int(size)
        self.label_counts = np.array(counts, np.float32)

    def shuffled(
        self,
        batch_size: int,
        token_budget: int,
        word_dropout: float,
        rng: np.random.Generator,
        prefixes: float = 0.0,
    ) -> Iterator[Batch]:
        """Yield every text of this worker once, as `VectorizedCorpus.shuffled` does.

        The sizes are those of a step's batches together, and each worker draws random numbers of its own.
        """
        own, rank = self.workers.share, self.workers.rank
        draw = rng.spawn(self.workers.count)[rank]
        return self.own.shuffled(own(batch_size), own(token_budget), word_dropout, draw, prefixes)


def lockstep(
    batches: Iterable[Batch],
    spare: Callable[[], Batch],
    workers: Workers,
    interrupt: DeferredInterrupt,
) -> Iterator[tuple[Batch, int, int]]:
    """Yield a batch for each step, with the number of texts and of tokens that all workers read in it.

    A worker that has no batch left joins in with one that counts nothing, until none has one left.

    Args:
        batches: The batches of this worker.
        spare: Returns the batch that takes part, without counting, when `batches` is over.
        workers: All workers.
        interrupt: Whether Ctrl-C was pressed here; if it was pressed on any worker, all stop before the same step, a few later.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed on a worker.
        ClusterError: A worker ended, or cannot be reached.
    """
    own = iter(batches)
    idle: Batch | None = None
    while True:
        block = list(itertools.islice(own, _AHEAD))
        counts = np.zeros((_AHEAD + 1, 2))
        counts[: len(block)] = [(len(batch["lengths"]), batch["lengths"].sum()) for batch in block] or 0
        counts[_AHEAD] = interrupt.pressed
        *totals, (pressed, _) = workers.sum(counts)
        if pressed:
            raise KeyboardInterrupt
        for place, (texts, tokens) in enumerate(totals):
            if not texts:
                return
            if place < len(block):
                batch = block[place]
            else:
                idle = batch = idle or spare()
            yield batch | {"share": np.float32(counts[place, 0] / texts)}, int(texts), int(tokens)


class SharedDevSet(DevSet):
    """A dev set that all workers have, of which each labels a share.

    Args:
        corpus: Its texts.
        multilabel: Whether a text may have several labels.
        token_budget: Tokens in a batch, padding included, at most.
        workers: All workers.
    """

    def __init__(
        self, corpus: VectorizedCorpus, multilabel: bool, token_budget: int, workers: Workers
    ) -> None:
        super().__init__(corpus, multilabel, token_budget)
        self.workers = workers
        self.own = corpus.subset(np.arange(workers.rank, corpus.texts, workers.count))

    def measure(self, network: Network, epoch: int) -> Measure:  # noqa: ARG002 (the network is that of the epoch)
        """Return how good the network is now: for every worker what the chief finds, so that all decide the same."""
        own = predict_logits(network, self.own, self.token_budget)
        logits, classes = np.zeros(self.corpus.targets.shape, np.float32), self.corpus.targets.shape[1]
        for rank, content in enumerate(self.workers.gather(own.tobytes())):
            logits[rank :: self.workers.count] = np.frombuffer(content, np.float32).reshape(-1, classes)
        found = measure(logits, self.corpus.targets, self.multilabel)
        return Measure(*self.workers.broadcast_value(found))
