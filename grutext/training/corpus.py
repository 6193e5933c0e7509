"""The texts that a model is trained on, in memory or on disk, with one interface for both."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.data import Example, TextsOnDisk, fingerprint, label_set
from grutext.text import Vectorizer
from grutext.training import defaults
from grutext.training.class_weights import class_weights, is_balanced
from grutext.training.defaults import CorpusStatistics
from grutext.training.gru.batches import VectorizedCorpus, soft_targets, text_weights
from grutext.training.gru.shards import ShardedCorpus

if TYPE_CHECKING:
    from grutext.training.linear.fit import LinearFit, LinearTask
    from grutext.training.linear.self_training import LabelledTexts, SemiSupervision

# Of texts on disk, those that the vocabulary is built from; a token that does not occur in them is rare.
_VOCABULARY_CHARACTERS = 64_000_000
_MEASURED_CHARACTERS = 4_000_000


class InMemoryCorpus:
    """Training texts in memory.

    Args:
        examples: The N texts.
        labels: The labels by column; those of the examples, if left out.

    Attributes:
        examples: As given.
        labels: The C labels by column.
        count: N.
    """

    def __init__(self, examples: Sequence[Example], labels: tuple[str, ...] | None = None) -> None:
        self.examples = examples
        self.labels = label_set(examples) if labels is None else labels
        self.count = len(examples)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of texts and labels, in hexadecimal."""
        return fingerprint(self.examples)

    @cached_property
    def texts(self) -> list[str]:
        """The texts."""
        return [example.text for example in self.examples]

    @cached_property
    def label_counts(self) -> Counter[str]:
        """The number of texts with each label."""
        return Counter(label for example in self.examples for label in example.labels)

    @cached_property
    def targets(self) -> NDArray[np.float32]:
        """`(N, C)`, 1 where a label applies, or the probability that it does."""
        return soft_targets(self.examples, self.labels)

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """`(N,)`, the factor on each text's loss."""
        return text_weights(self.examples)

    def subset(self, texts: NDArray[np.int64]) -> InMemoryCorpus:
        """Return the corpus of some texts, given by their positions, with the same labels by column."""
        return InMemoryCorpus([self.examples[n] for n in texts], self.labels)

    def measure(self, window: int) -> CorpusStatistics:
        """Return the properties of the texts that the defaults depend on; see `defaults.measure`."""
        return defaults.measure(self.texts, len(self.labels), window)

    def sample(self, texts: int, characters: int) -> list[Example]:
        """Return evenly spaced examples: about as many as have so many characters together, but not more than `texts`."""
        total = sum(map(len, self.texts))
        return list(self.examples[:: max(1, math.ceil(self.count / texts), math.ceil(total / characters))])

    def vocabulary_texts(self) -> Iterable[str]:
        """Return the texts that the vocabulary is built from: all of them."""
        return self.texts

    def vectorize(self, vectorizer: Vectorizer, config: Config) -> VectorizedCorpus:
        """Return the texts as token ids, for training the GRU part."""
        tokens = vectorizer.vectorize(self.texts)
        return VectorizedCorpus(tokens, self.targets, config.training.window, self.weights)

    def labelled_texts(self, config: Config) -> LabelledTexts:
        """Return the texts as the linear part reads them."""
        from grutext.training.linear.self_training import LabelledTexts

        names = self.labels if config.linear.label_names else ()
        return LabelledTexts(self.texts, self.targets, self.weights, names)

    def linear_task(self, vectorizer: Vectorizer, config: Config, multilabel: bool) -> LinearTask:
        """Return the settings of fitting a linear part to the texts."""
        from grutext.training.linear.fit import LinearTask

        balanced = is_balanced(config.training.class_weight, multilabel, gru=False)
        label_counts = (self.targets * self.weights[:, None]).sum(axis=0)
        weights = class_weights(label_counts, self.count, balanced, multilabel)
        return LinearTask(vectorizer, config.linear, multilabel, config.training.seed, weights)

    def fit_linear(
        self,
        vectorizer: Vectorizer,
        config: Config,
        multilabel: bool,
        seconds: float | None,
        semi: SemiSupervision | None = None,
    ) -> LinearFit:
        """Fit the linear part to the texts, or to a sample of them where `seconds` are too few for all."""
        from grutext.training.linear.self_training import fit_semi_supervised

        task = self.linear_task(vectorizer, config, multilabel)
        if semi is None:
            return self.fit_task(task, config, seconds)
        return fit_semi_supervised(self.labelled_texts(config), task, semi)

    def fit_task(self, task: LinearTask, config: Config, seconds: float | None = None) -> LinearFit:
        """Fit a linear part to the texts, or to a sample of them where `seconds` are too few for all."""
        return self.labelled_texts(config).fit(task, seconds)


class OnDiskCorpus:
    """Training texts in files, for more texts than memory should hold; the methods are those of `InMemoryCorpus`.

    Args:
        on_disk: The files.
        labels: The labels by column; those of the texts, if left out.

    Attributes:
        labels: The C labels by column.
        label_counts: The number of texts with each label.
        count: The number N of texts.
        sha256: SHA-256 of texts and labels, in hexadecimal.
    """

    def __init__(self, on_disk: TextsOnDisk, labels: tuple[str, ...] | None = None) -> None:
        self.on_disk = on_disk
        self.labels = tuple(sorted(on_disk.counts)) if labels is None else labels
        self.count = on_disk.texts
        self.sha256 = on_disk.sha256
        self.label_counts = on_disk.counts
        self._tokens = 0
        self._vectorized: ShardedCorpus | None = None

    def measure(self, window: int) -> CorpusStatistics:
        """Return the properties of the texts that the defaults depend on, estimated from a sample."""
        sample = [example.text for example in self.on_disk.sample(_MEASURED_CHARACTERS)]
        statistics = defaults.measure(sample, len(self.labels), window)
        self._tokens = round(statistics.tokens * self.count / len(sample))
        return replace(statistics, texts=self.count, tokens=self._tokens)

    def sample(self, texts: int, characters: int) -> list[Example]:
        """Return random examples: as many as have so many characters together, but not more than `texts`."""
        return self.on_disk.sample(characters)[:texts]

    def vocabulary_texts(self) -> Iterable[str]:
        """Return the texts that the vocabulary is built from: a random sample."""
        return (example.text for example in self.on_disk.sample(_VOCABULARY_CHARACTERS))

    def vectorize(self, vectorizer: Vectorizer, config: Config) -> ShardedCorpus:
        """Return the texts as token ids, which are computed once and kept in files."""
        if self._vectorized is None:
            training = config.training
            self._vectorized = ShardedCorpus(
                self.on_disk, vectorizer, self.labels, training.window, self._tokens, training.seed
            )
        return self._vectorized

    def fit_linear(
        self,
        vectorizer: Vectorizer,
        config: Config,
        multilabel: bool,
        seconds: float | None,
        semi: SemiSupervision | None = None,  # noqa: ARG002 - the interface is that of `InMemoryCorpus`
    ) -> LinearFit:
        """Fit the linear part to the texts block after block, or to as many of them as `seconds` allow.

        What texts without labels bring is not used: with so many labelled texts it is nothing.
        """
        from grutext.training.linear.fit import LinearTask

        texts = self.vectorize(vectorizer, config)
        balanced = is_balanced(config.training.class_weight, multilabel, gru=False)
        weights = class_weights(texts.label_counts, self.count, balanced, multilabel)
        task = LinearTask(vectorizer, config.linear, multilabel, config.training.seed, weights)
        return self.fit_task(task, config, seconds)

    def fit_task(self, task: LinearTask, config: Config, seconds: float | None = None) -> LinearFit:
        """Fit a linear part to the texts block after block, or to as many of them as `seconds` allow."""
        from grutext.training.linear.out_of_core import fit_out_of_core

        return fit_out_of_core(self.vectorize(task.vectorizer, config), task, seconds=seconds)


def open_corpus(
    examples: Sequence[Example] | TextsOnDisk, labels: tuple[str, ...] | None = None
) -> InMemoryCorpus | OnDiskCorpus:
    """Return the corpus of some examples, which may have no labels; `labels` are those of the examples, if left out."""
    return (
        OnDiskCorpus(examples, labels)
        if isinstance(examples, TextsOnDisk)
        else InMemoryCorpus(examples, labels)
    )
