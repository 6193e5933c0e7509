"""Training texts on disk as token ids: vectorized block by block, and memory-mapped from then on."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grutext.data import Shards
from grutext.engines.base import Batch
from grutext.text import TokenBatch, Vectorizer
from grutext.training.gru.batches import VectorizedCorpus, one_hot
from grutext.training.samples import runs

_BLOCK_CHARACTERS = 2_000_000
_ARRAYS = ("ids", "lengths", "rows", "buckets", "bucket_counts")


class ShardedCorpus:
    """A `VectorizedCorpus` of texts on disk.

    The texts of a file are shuffled and cut into blocks, each of which is vectorized once; its ids are saved beside the file
    and memory-mapped from then on. Since every file is a random share of the texts, an epoch reads one file after the other.

    Args:
        shards: The texts.
        vectorizer: Turns them into ids.
        labels: The labels by column.
        window: Tokens that `shuffled` reads of a text at most; 0 reads all.
        size: The number of tokens that `shuffled` reads in an epoch, estimated.
        seed: Decides the order of the texts in a file.
    """

    def __init__(
        self, shards: Shards, vectorizer: Vectorizer, labels: Sequence[str], window: int, size: int, seed: int
    ) -> None:
        self.shards, self.vectorizer, self.labels = shards, vectorizer, labels
        self.window, self.size, self.seed, self.texts = window, size, seed, shards.texts
        self.label_counts = np.array([shards.counts[label] for label in labels], np.float32)
        self._folders = [path.with_suffix("") for path in shards.paths]
        for folder in self._folders:  # of an interrupted training, and perhaps half written
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def files(self) -> int:
        """The number of files."""
        return len(self._folders)

    def blocks(self, number: int) -> Iterator[tuple[TokenBatch, NDArray[np.float32]]]:
        """Yield the blocks of a file with their targets, `(N, C)`; save the ids for `shuffled`."""
        examples = self.shards.read(number)
        np.random.default_rng([self.seed, 5, number]).shuffle(examples)
        known = self._folders[number].exists()
        unfinished = self._folders[number].with_suffix(".new")
        if not known:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
        for count, block in enumerate(runs(examples, lambda example: len(example.text), _BLOCK_CHARACTERS)):
            targets = one_hot([example.labels for example in block], self.labels)
            tokens = self.vectorizer.vectorize([example.text for example in block])
            if not known:
                _save(unfinished / f"{count:06}.npy", tokens, targets)
            yield tokens, targets
        if not known:
            unfinished.rename(self._folders[number])

    def shuffled(
        self, batch_size: int, token_budget: int, word_dropout: float, rng: np.random.Generator
    ) -> Iterator[Batch]:
        """Yield every text once, as `VectorizedCorpus.shuffled` does, block by block."""
        order = rng.permutation(self.files)
        for number, own in zip(order, rng.spawn(self.files), strict=True):
            if not self._folders[number].exists():
                for _ in self.blocks(number):
                    pass
            for path in sorted(self._folders[number].iterdir()):
                tokens, targets = _load(path, len(self.labels))
                yield from VectorizedCorpus(tokens, targets, self.window).shuffled(
                    batch_size, token_budget, word_dropout, own
                )


def _save(path: Path, tokens: TokenBatch, targets: NDArray[np.float32]) -> None:
    """Write the arrays of a block one after the other, after their lengths."""
    texts, labels = np.nonzero(targets)
    arrays = [*(getattr(tokens, name) for name in _ARRAYS), texts, labels]
    sizes = [len(array) for array in arrays]
    content = io.BytesIO()
    np.save(content, np.concatenate([sizes, *arrays]).astype(np.int32))
    path.write_bytes(content.getvalue())  # NumPy itself does not always notice that a disk is full


def _load(path: Path, classes: int) -> tuple[TokenBatch, NDArray[np.float32]]:
    flat = np.asarray(np.load(path, mmap_mode="r"))
    sizes, rest = flat[: len(_ARRAYS) + 2], flat[len(_ARRAYS) + 2 :]
    *arrays, texts, labels, _ = np.split(rest, np.cumsum(sizes))
    tokens = TokenBatch([], [], **dict(zip(_ARRAYS, arrays, strict=True)))
    targets = np.zeros((len(tokens.lengths), classes), np.float32)
    targets[texts, labels] = 1.0
    return tokens, targets
