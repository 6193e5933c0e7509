"""Training texts on disk as token ids: vectorized block by block, and memory-mapped from then on."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from grutext.data import TextsOnDisk
from grutext.engines.base import Batch
from grutext.text import TokenBatch, Vectorizer
from grutext.training.gru.batches import VectorizedCorpus, soft_targets, text_weights
from grutext.training.samples import runs

_BLOCK_CHARACTERS = 2_000_000
_ARRAYS = ("ids", "lengths", "rows", "buckets", "bucket_counts")


class ShardedCorpus:
    """A `VectorizedCorpus` of texts on disk.

    The texts of a file are shuffled and cut into blocks, each of which is vectorized once; its ids are saved beside the file
    and memory-mapped from then on. Since every file is a random share of the texts, an epoch reads one file after the other.

    Args:
        on_disk: The texts.
        vectorizer: Turns them into ids.
        labels: The labels by column.
        window: Tokens that `shuffled` reads of a text at most; 0 reads all.
        size: The number of tokens that `shuffled` reads in an epoch, estimated.
        seed: Decides the order of the texts in a file.
    """

    def __init__(
        self,
        on_disk: TextsOnDisk,
        vectorizer: Vectorizer,
        labels: Sequence[str],
        window: int,
        size: int,
        seed: int,
    ) -> None:
        self.on_disk, self.vectorizer, self.labels = on_disk, vectorizer, labels
        self.window, self.size, self.seed, self.texts = window, size, seed, on_disk.texts
        self.label_counts = np.array([on_disk.counts[label] for label in labels], np.float32)
        self._folders = [path.with_suffix("") for path in on_disk.paths]
        for folder in self._folders:  # of an interrupted training, and perhaps half written
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def files(self) -> int:
        """The number of files."""
        return len(self._folders)

    def blocks(self, number: int) -> Iterator[VectorizedCorpus]:
        """Yield the blocks of a file; save them for `shuffled`."""
        examples = self.on_disk.read(number)
        np.random.default_rng([self.seed, 5, number]).shuffle(examples)
        known = self._folders[number].exists()
        unfinished = self._folders[number].with_suffix(".new")
        if not known:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
        for count, block in enumerate(runs(examples, lambda example: len(example.text), _BLOCK_CHARACTERS)):
            corpus = VectorizedCorpus(
                self.vectorizer.vectorize([example.text for example in block]),
                soft_targets(block, self.labels),
                self.window,
                text_weights(block),
            )
            if not known:
                _save(unfinished / f"{count:06}.npy", corpus)
            yield corpus
        if not known:
            unfinished.rename(self._folders[number])

    def shuffled(
        self,
        batch_size: int,
        token_budget: int,
        word_dropout: float,
        rng: np.random.Generator,
        prefixes: float = 0.0,
    ) -> Iterator[Batch]:
        """Yield every text once, as `VectorizedCorpus.shuffled` does, block by block."""
        order = rng.permutation(self.files)
        for number, own in zip(order, rng.spawn(self.files), strict=True):
            if not self._folders[number].exists():
                for _ in self.blocks(number):
                    pass
            for path in sorted(self._folders[number].iterdir()):
                corpus = _load(path, len(self.labels), self.window)
                yield from corpus.shuffled(batch_size, token_budget, word_dropout, own, prefixes)


def _save(path: Path, corpus: VectorizedCorpus) -> None:
    """Write the arrays of a block one after the other, after their lengths; numbers that are no integers as their bits."""
    texts, labels = np.nonzero(corpus.targets)
    values = corpus.targets[texts, labels].view(np.int32)
    tokens = [getattr(corpus.tokens, name) for name in _ARRAYS]
    arrays = [*tokens, corpus.weights.view(np.int32), texts, labels, values]
    sizes = [len(array) for array in arrays]
    content = io.BytesIO()
    np.save(content, np.concatenate([sizes, *arrays]).astype(np.int32))
    path.write_bytes(content.getvalue())  # NumPy itself does not always notice that a disk is full


def _load(path: Path, classes: int, window: int) -> VectorizedCorpus:
    flat = np.asarray(np.load(path, mmap_mode="r"))
    sizes, rest = flat[: len(_ARRAYS) + 4], flat[len(_ARRAYS) + 4 :]
    *arrays, weights, texts, labels, values, _ = np.split(rest, np.cumsum(sizes))
    tokens = TokenBatch([], [], **dict(zip(_ARRAYS, arrays, strict=True)))
    targets = np.zeros((len(tokens.lengths), classes), np.float32)
    targets[texts, labels] = values.view(np.float32)
    return VectorizedCorpus(tokens, targets, window, weights.view(np.float32))
