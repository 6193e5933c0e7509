"""The training part, in memory or in files: what the order of events in a fit asks of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.data import Example, Shards, fingerprint, label_set
from grutext.text import Vectorizer
from grutext.training import defaults
from grutext.training.class_weights import class_weights, is_balanced
from grutext.training.defaults import Shape
from grutext.training.gru.batches import VectorizedCorpus, one_hot
from grutext.training.gru.shards import ShardedCorpus

if TYPE_CHECKING:
    from grutext.training.linear.fit import LinearFit

_VOCABULARY_CHARACTERS = 64_000_000  # of texts in files; a token that has no place in so many is a rare one
_SHAPE_CHARACTERS = 4_000_000


class InMemoryCorpus:
    """A training part that memory holds.

    Args:
        examples: The N texts.
        labels: The labels by column; those of the examples, if left out.
    """

    def __init__(self, examples: Sequence[Example], labels: tuple[str, ...] | None = None) -> None:
        self.examples = examples
        self.labels = label_set(examples) if labels is None else labels
        self.count = len(examples)

    @cached_property
    def sha256(self) -> str:
        """Identifies texts and labels."""
        return fingerprint(self.examples)

    @cached_property
    def texts(self) -> list[str]:
        """The texts."""
        return [example.text for example in self.examples]

    @cached_property
    def targets(self) -> NDArray[np.float32]:
        """`(N, C)`, 1 where a label applies."""
        return one_hot([example.labels for example in self.examples], self.labels)

    def measure(self, window: int) -> Shape:
        """Gives what the defaults depend on."""
        return defaults.measure(self.texts, len(self.labels), window)

    def for_vocabulary(self) -> Iterable[str]:
        """Gives the texts that the vocabulary comes from: all."""
        return self.texts

    def corpus(self, vectorizer: Vectorizer, config: Config) -> VectorizedCorpus:
        """Gives the texts as the GRU learns from them."""
        return VectorizedCorpus(vectorizer.vectorize(self.texts), self.targets, config.training.window)

    def fit_linear(
        self, vectorizer: Vectorizer, config: Config, multilabel: bool, seconds: float | None
    ) -> LinearFit:
        """Fits the linear part to the texts."""
        from grutext.training.linear.fit import fit_linear

        balanced = is_balanced(config.training.class_weight, multilabel, gru=False)
        return fit_linear(
            self.texts, self.targets, vectorizer, config.linear, multilabel=multilabel, seed=config.training.seed,
            seconds=seconds,
            weights=class_weights(self.targets.sum(axis=0), self.count, balanced, multilabel),
            names=self.labels if config.linear.label_names else (),
        )  # fmt: skip


class OnDiskCorpus:
    """A training part that lies in files; the methods are those of `InMemoryCorpus`.

    Args:
        shards: The texts.
    """

    def __init__(self, shards: Shards) -> None:
        self.shards = shards
        self.labels = tuple(sorted(shards.counts))
        self.count = shards.texts
        self.sha256 = shards.sha256
        self._tokens = 0
        self._corpus: ShardedCorpus | None = None

    def measure(self, window: int) -> Shape:
        """Gives what the defaults depend on, foreseen from a few millions of characters."""
        sample = [example.text for example in self.shards.sample(_SHAPE_CHARACTERS)]
        shape = defaults.measure(sample, len(self.labels), window)
        self._tokens = round(shape.tokens * self.count / len(sample))
        return replace(shape, texts=self.count, tokens=self._tokens)

    def for_vocabulary(self) -> Iterable[str]:
        """Gives the texts that the vocabulary comes from: a random sample."""
        return (example.text for example in self.shards.sample(_VOCABULARY_CHARACTERS))

    def corpus(self, vectorizer: Vectorizer, config: Config) -> ShardedCorpus:
        """Gives the texts as the GRU learns from them."""
        if self._corpus is None:
            self._corpus = ShardedCorpus(
                self.shards,
                vectorizer,
                self.labels,
                config.training.window,
                self._tokens,
                config.training.seed,
            )
        return self._corpus

    def fit_linear(
        self, vectorizer: Vectorizer, config: Config, multilabel: bool, seconds: float | None
    ) -> LinearFit:
        """Fits the linear part to the texts, a block at a time."""
        from grutext.training.linear.out_of_core import fit_out_of_core

        corpus = self.corpus(vectorizer, config)
        balanced = is_balanced(config.training.class_weight, multilabel, gru=False)
        return fit_out_of_core(
            corpus, config.linear, multilabel=multilabel, seed=config.training.seed, seconds=seconds,
            weights=class_weights(corpus.label_counts, self.count, balanced, multilabel),
        )  # fmt: skip
