"""Batches of texts of similar length, padded to their longest text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grutext.data import Example
from grutext.engines.base import Batch
from grutext.text import UNKNOWN, TokenBatch

# Texts that are sorted by length together: few enough to keep batches random, enough to need little padding.
_POOL = 6_400


class VectorizedCorpus:
    """Texts as token ids, from which batches are made.

    Args:
        tokens: The N texts.
        targets: `(N, C) float32`, 1 where a label applies, or the probability that it does.
        window: Tokens that `shuffled` reads of a text at most; 0 reads all.
        weights: `(N,) float32`, the factor on each text's loss; 1 if left out.
    """

    def __init__(
        self,
        tokens: TokenBatch,
        targets: NDArray[np.float32],
        window: int = 0,
        weights: NDArray[np.float32] | None = None,
    ) -> None:
        self.tokens, self.targets, self.window = tokens, targets, window
        self.weights = np.ones(len(targets), np.float32) if weights is None else weights
        self.lengths = np.minimum(tokens.lengths, window) if window else tokens.lengths
        self.starts = _starts(tokens.lengths)
        self.bucket_starts = _starts(tokens.bucket_counts)

    @property
    def size(self) -> int:
        """The number of tokens that `shuffled` reads in an epoch."""
        return int(self.lengths.sum())

    @property
    def texts(self) -> int:
        """The number N of texts."""
        return len(self.targets)

    @property
    def label_counts(self) -> NDArray[np.float32]:
        """The number of texts of each label, `(C,) float32`; a text counts as much as its weight."""
        return np.asarray((self.targets * self.weights[:, None]).sum(axis=0))

    def subset(self, texts: NDArray[np.int64]) -> VectorizedCorpus:
        """Return the corpus of some texts only, given by their indices."""
        tokens = self.tokens
        lengths = tokens.lengths[texts]
        ids = tokens.ids[_ranges(self.starts[texts], lengths)]
        normalized = [tokens.normalized[text] for text in texts]
        some = replace(tokens, normalized=normalized, ids=ids, lengths=lengths)
        return VectorizedCorpus(some, self.targets[texts], self.window, self.weights[texts])

    def in_order(
        self, batch_size: int, token_budget: int, step: int = 1
    ) -> Iterator[tuple[NDArray[np.int64], Batch]]:
        """Yield every text once, shortest first, as indices `(N,)` in the corpus and their batch.

        With a `step` greater than 1, yield only every `step`-th text by length.
        """
        order = np.argsort(self.tokens.lengths, kind="stable")[::-step][::-1]
        for part in cut(order, self.tokens.lengths, batch_size, token_budget):
            yield part, self.batch(part, self.tokens.rows)

    def shuffled(
        self,
        batch_size: int,
        token_budget: int,
        word_dropout: float,
        rng: np.random.Generator,
        prefixes: float = 0.0,
    ) -> Iterator[Batch]:
        """Yield every text once, in random batches of similar length.

        Of a text that is longer than the window, a stretch at a random position is read. Over the epochs the model sees all of
        it, but a very long text does not make a batch as long. In each batch a share `word_dropout` of its distinct words is read as
        unknown.

        Args:
            batch_size: Texts in a batch, at most.
            token_budget: Tokens in a batch, padding included, at most; a longer text is a batch of its own.
            word_dropout: Share of the distinct words that are read as unknown, in 0..1.
            rng: Decides everything random.
            prefixes: Share of the texts of which only the beginning is read, up to a random token, in 0..1.
        """
        lengths = self.lengths
        skippable = self.tokens.lengths - lengths
        first = (rng.spawn(1)[0].random(len(lengths)) * (skippable + 1)).astype(np.int64)  # (N,)
        if prefixes:
            is_cut, read = rng.spawn(1)[0].random((2, len(lengths)))  # (N,) each
            is_cut = is_cut < prefixes
            first[is_cut] = 0
            lengths = np.where(is_cut, np.ceil(read * lengths), lengths).astype(np.int32)
        order = rng.permutation(len(lengths))
        parts: list[NDArray[np.int64]] = []
        for start in range(0, len(order), _POOL):
            pool = order[start : start + _POOL]
            pool = pool[np.argsort(lengths[pool] * rng.uniform(0.97, 1.03, len(pool)), kind="stable")]
            parts.extend(cut(pool, lengths, batch_size, token_budget))
        for place in rng.permutation(len(parts)):
            texts = parts[place]
            yield self.batch(texts, self.tokens.rows, lengths[texts], first[texts], word_dropout, rng)

    def batch(
        self,
        texts: NDArray[np.int64],
        rows: NDArray[np.int32],
        lengths: NDArray[np.int32] | None = None,
        first: NDArray[np.int64] | int = 0,
        word_dropout: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> Batch:
        """Return the batch of some texts; `grutext.engines.base.Batch` describes its arrays.

        Args:
            texts: `(N,)` indices in the corpus.
            rows: The word row of every type of the corpus.
            lengths: `(N,)`, how many tokens of each text are read; all, if left out.
            first: `(N,)`, the first token that is read of each text.
            word_dropout: Share of the distinct words that are read as unknown, in 0..1.
            rng: Draws these words; None keeps all.
        """
        tokens = self.tokens
        lengths = tokens.lengths[texts] if lengths is None else lengths
        flat = tokens.ids[_ranges(self.starts[texts] + first, lengths)]
        types, flat_types = _distinct(flat, len(rows))
        ids = np.full((len(texts), max(1, int(lengths.max(initial=0)))), len(types), np.int32)
        ids[np.arange(ids.shape[1]) < lengths[:, None]] = flat_types
        counts = tokens.bucket_counts[types]
        buckets = tokens.buckets[_ranges(self.bucket_starts[types], counts)]
        read = rows[types]
        if rng is not None:
            read = np.where(rng.random(len(types)) < word_dropout, UNKNOWN, read)
        word_rows, type_words = np.unique(read, return_inverse=True)
        bucket_rows, type_buckets = np.unique(buckets, return_inverse=True)
        return {
            "ids": ids,
            "lengths": lengths,
            "word_rows": word_rows.astype(np.int32),
            "type_words": type_words.astype(np.int32),
            "bucket_rows": bucket_rows.astype(np.int32),
            "type_buckets": type_buckets.astype(np.int32),
            "type_of_bucket": np.repeat(np.arange(len(types), dtype=np.int32), counts),
            "targets": self.targets[texts],
            "weights": self.weights[texts],
        }


def cut(
    order: NDArray[np.int64], lengths: NDArray[np.int32], batch_size: int, token_budget: int
) -> Iterator[NDArray[np.int64]]:
    """Cut texts, sorted by length, into batches; yield the indices of each.

    A batch has at most `batch_size` texts and, padding included, at most `token_budget` tokens; a text
    that is longer than the budget is a batch of its own.
    """
    start, longest = 0, 0
    for place, text in enumerate(order):
        widest = max(longest, int(lengths[text]))
        if place > start and (place - start == batch_size or widest * (place - start + 1) > token_budget):
            yield order[start:place]
            start, widest = place, int(lengths[text])
        longest = widest
    if start < len(order):
        yield order[start:]


def soft_targets(examples: Sequence[Example], known: Sequence[str]) -> NDArray[np.float32]:
    """Return `(N, C) float32`: `one_hot` of the labels, but the probabilities of examples that have them; unknown labels are ignored."""
    targets = one_hot([example.labels for example in examples], known)
    column = {label: place for place, label in enumerate(known)}
    for row, example in enumerate(examples):
        if example.probabilities:
            targets[row] = 0.0
            for label, probability in example.probabilities.items():
                if label in column:
                    targets[row, column[label]] = probability
    return targets


def text_weights(examples: Sequence[Example]) -> NDArray[np.float32]:
    """Return the weights of N examples, `(N,) float32`."""
    return np.array([example.weight for example in examples], np.float32)


def one_hot(labels: Sequence[Sequence[str]], known: Sequence[str]) -> NDArray[np.float32]:
    """Return `(N, C) float32`, 1 where a text has the label of the column; unknown labels are ignored."""
    column = {label: place for place, label in enumerate(known)}
    targets = np.zeros((len(labels), len(known)), np.float32)
    for row, some in enumerate(labels):
        for label in some:
            if label in column:
                targets[row, column[label]] = 1.0
    return targets


def _distinct(values: NDArray[np.int32], bound: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return `np.unique(values, return_inverse=True)` of values in 0 .. bound - 1; faster for many values."""
    if bound > 16 * len(values):
        return np.unique(values, return_inverse=True)
    occurs = np.zeros(bound, bool)
    occurs[values] = True
    place = np.cumsum(occurs) - 1
    return np.flatnonzero(occurs), place[values]


def _starts(lengths: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])[:-1]


def _ranges(starts: NDArray[np.int64], lengths: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return start, start + 1, .., start + length - 1 of each pair, concatenated."""
    ends = np.cumsum(lengths, dtype=np.int64)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)
