"""The texts of several workers, of which each has a share, with the interface of `grutext.training.corpus`."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np

from grutext.config import Config, TextConfig
from grutext.data import Example
from grutext.engines.workers import Workers
from grutext.model.spec import linear_columns
from grutext.text import NgramFeatures, Vectorizer, count_tokens
from grutext.training.class_weights import class_weights, is_balanced
from grutext.training.corpus import InMemoryCorpus, OnDiskCorpus
from grutext.training.defaults import CorpusStatistics
from grutext.training.gru.batches import soft_targets
from grutext.training.gru.lockstep import CorpusShare
from grutext.training.linear.fit import LinearFit, LinearTask, choose_features, count_runs

_SAMPLE_CHARACTERS = 8_000_000  # that n-grams are chosen from, as for texts on disk


class SharedCorpus:
    """The texts of all workers, as one of them sees them: counts and what is fitted are the same for all.

    Args:
        own: The texts of this worker; the labels are those of all workers.
        workers: All workers.

    Attributes:
        labels: The C labels by column.
        label_counts: The number of texts with each label.
        count: The number of texts.
        sha256: Hash of all texts and labels, worker after worker, in hexadecimal.
    """

    def __init__(self, own: InMemoryCorpus | OnDiskCorpus, workers: Workers) -> None:
        self.own, self.workers = own, workers
        self.labels = own.labels
        texts, *counts = workers.sum([own.count, *(own.label_counts[label] for label in self.labels)])
        self.count = int(texts)
        self.label_counts = Counter({label: int(n) for label, n in zip(self.labels, counts, strict=True)})
        self.sha256 = hashlib.sha256(b"".join(workers.gather(own.sha256.encode()))).hexdigest()

    def measure(self, window: int) -> CorpusStatistics:
        """Return the properties of the texts that the defaults depend on; the length of a text is the chief's median."""
        own = self.own.measure(window)
        tokens = round(float(self.workers.sum(own.tokens)))
        words, unspaced = self.workers.broadcast_value([own.words, own.unspaced])
        return replace(own, texts=self.count, tokens=tokens, words=words, unspaced=unspaced)

    def sample(self, texts: int, characters: int) -> list[Example]:
        """Return examples of this worker, as `InMemoryCorpus.sample` does."""
        return self.own.sample(texts, characters)

    def fit_vectorizer(self, config: TextConfig) -> Vectorizer:
        """Return a vectorizer with the vocabulary of all workers' texts: their counts are added."""
        counts: Counter[str] = Counter()
        for some in self.workers.gather_values(count_tokens(self.own.vocabulary_texts(), config)):
            counts.update(some)
        return Vectorizer.of_counts(counts, config)

    def vectorize(self, vectorizer: Vectorizer, config: Config) -> CorpusShare:
        """Return the texts of this worker as token ids, for training the GRU part."""
        return CorpusShare(self.own.vectorize(vectorizer, config), self.workers)

    def fit_linear(self, vectorizer: Vectorizer, config: Config, multilabel: bool) -> LinearFit:
        """Fit the linear part: each worker to its own texts, with n-grams that the chief chooses; return the mean.

        docs/research/scale.md compares it with a sample of the texts.
        """
        balanced = is_balanced(config.training.class_weight, multilabel, gru=False)
        counts = np.array([self.label_counts[label] for label in self.labels], np.float32)
        task = LinearTask(
            vectorizer,
            config.linear,
            multilabel,
            config.training.seed,
            class_weights(counts, self.count, balanced, multilabel),
        )
        fit = self.own.fit_task(replace(task, features=self._choose_ngrams(task)), config)
        share = self.own.count / self.count
        mean = {
            name: self.workers.sum(fit.arrays[name] * share).astype(fit.arrays[name].dtype)
            for name in ("linear/kernel", "linear/bias")
        }
        return LinearFit(fit.arrays | mean, self.count)

    def _choose_ngrams(self, task: LinearTask) -> NgramFeatures:
        """Return n-grams that the chief chooses from a sample of its texts."""
        keys, scale = np.zeros(0, np.uint32), np.zeros(0, np.float32)
        if self.workers.is_chief:
            sample = self.own.sample(self.own.count, _SAMPLE_CHARACTERS)
            counts = count_runs([example.text for example in sample], task.vectorizer, task.config)
            columns = linear_columns(len(self.labels), task.multilabel)
            chosen = choose_features(counts, soft_targets(sample, self.labels), task.config, columns)
            keys, scale = chosen.keys, chosen.scale
        return NgramFeatures(
            np.frombuffer(self.workers.broadcast(keys.tobytes()), np.uint32),
            np.frombuffer(self.workers.broadcast(scale.tobytes()), np.float32),
        )
