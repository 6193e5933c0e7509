"""Workers of a cluster on this machine, in processes that are forked from one that has TensorFlow, and so start at once."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from support.tiny_network import LABELS, SIZES, STILL, TEXTS

from grutext.config import Config
from grutext.engines.base import Batch
from grutext.text import Vectorizer
from grutext.training.gru.batches import VectorizedCorpus, one_hot

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["support.cluster", "grutext.engines.keras.network", "grutext.training.train", "grutext.training.fit",
     "grutext.training.linear.fit"]
)  # fmt: skip
STEPS = 50


def free_addresses(count: int) -> list[str]:
    """Return addresses on this machine that nothing listens to."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


def tf_config(addresses: Sequence[str], index: int) -> str:
    """Return the TF_CONFIG of one of several workers."""
    return json.dumps({"cluster": {"worker": list(addresses)}, "task": {"type": "worker", "index": index}})


def start(
    count: int, work: Callable[..., None], *arguments: Any, listed: int = 0
) -> list[multiprocessing.Process]:
    """Start workers, each of which calls `work` with its rank and the arguments; TF_CONFIG may list more than are started."""
    addresses = free_addresses(listed or count)
    workers = [
        _CONTEXT.Process(target=_work, args=(tf_config(addresses, rank), work, rank, *arguments))
        for rank in range(count)
    ]
    for worker in workers:
        worker.start()
    return workers


def _work(config: str, work: Callable[..., None], *arguments: Any) -> None:
    os.environ.update(TF_CONFIG=config, TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="2")
    work(*arguments)


def train_from_command_line(rank: int, folder: Path, arguments: Sequence[str]) -> None:
    """Run the command line in a folder; write what it prints to the file `log-RANK`."""
    from grutext.cli import main

    os.chdir(folder)
    with Path(f"log-{rank}").open("a", encoding="utf-8", buffering=1) as sys.stderr:
        sys.stdout = sys.stderr
        main(list(arguments), standalone_mode=True)


def train_steps(rank: int, folder: Path, head: str, settings: dict[str, Any]) -> None:
    """Train a network on its share of fixed batches; write the weights to the file `weights-RANK.npz`, the losses as `loss`."""
    from grutext.engines.choose import connect
    from grutext.engines.workers import read_task

    task = read_task(os.environ)
    save_steps(folder / f"weights-{rank}.npz", connect(task, print) if task else None, head, settings)


def save_steps(path: Path, workers: Any, head: str, settings: dict[str, Any]) -> None:
    """Train a network with a head, `softmax` or `sigmoid`, on fixed batches, or on this worker's share of them."""
    from grutext.engines.keras.network import KerasNetwork

    config = Config().override(SIZES | STILL | {"training.learning_rate": 0.01} | settings)
    vectorizer = Vectorizer.fit(TEXTS, config.text)
    labels: Sequence[tuple[str, ...]] = LABELS
    if head == "sigmoid":  # two labels, one or none
        labels = [own * (n % 3 > 0) + ("b",) * (n % 2) for n, own in enumerate(LABELS)]
    corpus = VectorizedCorpus(
        vectorizer.vectorize(TEXTS),
        one_hot(labels, ["a", "b", "c"]),
        weights=np.linspace(0.5, 1.5, len(TEXTS), dtype=np.float32),
    )
    network = KerasNetwork(
        config, vectorizer.vocabulary.rows, 3, head, np.array([1, 2, 1], np.float32), workers
    )
    losses = [
        network.train_step(batch, step, 0.01)
        for step, batch in enumerate(
            _batches(corpus, *((workers.rank, workers.count) if workers else (0, 1)))
        )
    ]
    np.savez(path, loss=np.array(losses), **network.arrays())


def _batches(corpus: VectorizedCorpus, rank: int, count: int) -> list[Batch]:
    """Return a worker's share of batches of seven texts; some are a single text, so that other workers have others, which do not count."""
    found = []
    for step in range(STEPS):
        whole = (np.arange(1 if step % 9 == 5 else 7) * 5 + step) % corpus.texts
        own = whole[rank::count]
        batch = corpus.batch(own if len(own) else np.arange(3), corpus.tokens.rows)
        if count > 1:
            batch |= {"share": np.float32(len(own) / len(whole))}
        found.append(batch)
    return found
