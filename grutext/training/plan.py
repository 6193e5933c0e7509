"""Plan a training: the settings that the data decide, and the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config, TextConfig
from grutext.data import Example, fingerprint
from grutext.engines.choose import choose_engine
from grutext.engines.workers import Workers
from grutext.errors import TrainingError
from grutext.model.spec import check_model
from grutext.progress import Listener
from grutext.text import Vectorizer
from grutext.training import defaults
from grutext.training.base import Base
from grutext.training.budget import TimeBudget
from grutext.training.case import CASE_CHARACTERS, CASE_TEXTS, choose_case
from grutext.training.corpus import InMemoryCorpus, OnDiskCorpus, open_corpus
from grutext.training.folds import Folds
from grutext.training.gru.batches import one_hot
from grutext.training.kernels import prepare_kernels
from grutext.training.shared_corpus import SharedCorpus
from grutext.training.splits import Splits

_FEW_LABELS = 2_000  # with more labelled texts, texts without labels bring the linear part nothing
_POOL_TEXTS, _POOL_CHARACTERS = 4_000, 1_000_000


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What is trained: the data, and the settings with every default chosen.

    Attributes:
        corpus: The texts to train on.
        dev: The texts for choosing the best epoch, for the calibration and for the weight of the two parts; with folds, the
            texts of `corpus` that are in one.
        multilabel: Whether a text may have several labels, or none.
        config: The settings.
        data: What the bundle records about the data.
        unlabelled: Texts without labels for the vocabulary and the pretraining; None if there are none.
        refits_linear: Whether the linear part, once the model is calibrated and evaluated on the dev set, is fitted
            again to the training and dev texts together.
        folds: The fold of each training text; None if a dev set was set aside or given.
    """

    corpus: InMemoryCorpus | OnDiskCorpus | SharedCorpus
    dev: Sequence[Example]
    multilabel: bool
    config: Config
    data: dict[str, Any]
    refits_linear: bool
    unlabelled: InMemoryCorpus | OnDiskCorpus | None = None
    folds: Folds | None = None

    def fit_vectorizer(self, config: TextConfig) -> Vectorizer:
        """Return a vectorizer with the vocabulary of the texts."""
        if isinstance(self.corpus, SharedCorpus):
            return self.corpus.fit_vectorizer(config)
        return Vectorizer.fit(self.vocabulary_texts(), config)

    def vocabulary_texts(self) -> Iterator[str]:
        """Yield the texts that the vocabulary is built from."""
        for corpus in (self.corpus, self.unlabelled):
            if isinstance(corpus, InMemoryCorpus | OnDiskCorpus):
                yield from corpus.vocabulary_texts()

    @property
    def has_few_labels(self) -> bool:
        """Whether so few texts have labels that the linear part may learn from those without."""
        return self.corpus.count <= _FEW_LABELS

    def sample_pool(self) -> list[str]:
        """Return texts without labels for self-training; none if texts may have several labels, or many have one."""
        if self.unlabelled is None or self.multilabel or not self.has_few_labels:
            return []
        return [example.text for example in self.unlabelled.sample(_POOL_TEXTS, _POOL_CHARACTERS)]

    @property
    def learns_beginnings(self) -> bool:
        """Whether the model is for texts that are still coming: it reads forward only, and learns from beginnings as well."""
        config = self.config
        return config.gru.enabled and not config.gru.bidirectional and config.training.prefixes > 0

    @property
    def dev_targets(self) -> NDArray[np.float32]:
        """`(N, C)`, 1 where a label of the model applies to a dev text."""
        return one_hot([example.labels for example in self.dev], self.corpus.labels)


def plan_training(
    splits: Splits,
    config: Config,
    listener: Listener,
    vectors: Path | None = None,
    base: Base | None = None,
    workers: Workers | None = None,
) -> TrainingPlan:
    """Choose the settings that were left to the data, and note the choice; the engine is left to `prepare_engine`.

    Args:
        splits: The data.
        config: The settings as the user chose them.
        listener: Receives the choices as one line.
        vectors: File or folder of word vectors.
        base: Words and vectors that the training starts from.
        workers: Those that train together, of which each has a share of the texts; None if this process trains alone.

    Raises:
        ConfigError: The settings contradict each other, or those of the base.
        TrainingError: The data have fewer than two labels, no dev set, or no label in common with it.
    """
    check_model(config.gru)
    if base is not None:
        config = base.settle(config)
        if splits.unlabelled is None and config.training.pretraining_epochs < 0:
            config = config.override({"training.pretraining_epochs": 0})  # the base has done it
    own = open_corpus(splits.train, splits.labels)
    corpus = own if workers is None else SharedCorpus(own, workers)
    unlabelled = None if splits.unlabelled is None else open_corpus(splits.unlabelled)
    if len(corpus.labels) < (1 if splits.multilabel else 2) or not splits.dev:
        raise TrainingError("training needs texts with at least two labels, and a dev set")
    statistics = corpus.measure(config.training.window)
    if unlabelled is not None:
        tokens = unlabelled.measure(config.training.window).tokens
        statistics = replace(statistics, unlabelled_tokens=tokens)
    config = defaults.resolve(
        config, statistics, pretrained=vectors is not None, multilabel=splits.multilabel
    )
    if config.text.case == "auto":
        config = choose_case(corpus.sample(CASE_TEXTS, CASE_CHARACTERS), config, splits.multilabel, listener)
    if workers is not None:  # the chief's texts decide
        config = Config.from_dict(workers.broadcast_value(config.to_dict()))
    listener.note(defaults.describe(config, statistics))
    data = splits.data | {"train": corpus.count, "sha256": corpus.sha256}
    counts = corpus.label_counts
    data["label_counts"] = {label: counts[label] for label in corpus.labels}
    if splits.folds:
        data |= {"folds": splits.folds.count}
    else:
        data |= {"dev": len(splits.dev), "dev_sha256": fingerprint(splits.dev)}
    if unlabelled is not None:
        data |= {"unlabelled_texts": unlabelled.count, "unlabelled_sha256": unlabelled.sha256}
    if base is not None:
        data |= base.origin
    plan = TrainingPlan(
        corpus,
        splits.dev,
        splits.multilabel,
        config,
        data,
        refits_linear=splits.dev_is_split_off and config.linear.enabled,
        unlabelled=unlabelled,
        folds=splits.folds,
    )
    if any(example.labels for example in plan.dev) and not plan.dev_targets.any():
        known = ", ".join(corpus.labels[:5])
        raise TrainingError(
            f"no text of the dev set has a label of the training set ({known}, ...); use another dev set"
        )
    return plan


def prepare_engine(
    plan: TrainingPlan,
    test: Sequence[Example] | None,
    listener: Listener,
    budget: TimeBudget,
    begun_with: str = "",
) -> TrainingPlan:
    """Choose the engine that trains the GRU part, and note which and why; compile the kernels that are needed.

    Args:
        plan: What is trained.
        test: The texts that the finished model is evaluated on.
        listener: Receives the choice.
        budget: The time that is left, which may be too short to compile kernels; what is left out is recorded in it.
        begun_with: The engine of the training that is resumed, which is kept however long compiling takes; "" for a
            new training.

    Returns:
        The plan with settings that fit the time.

    Raises:
        ConfigError: The engine cannot train the model here.
        MissingExtraError: The engine is not installed.
    """
    config, scored = plan.config, [[example.text for example in part] for part in (plan.dev, test or ())]
    is_given = config.training.engine != "auto"
    if begun_with:
        budget = TimeBudget()
        config = config if is_given else config.override({"training.engine": begun_with})
    chosen = config.training.engine
    config = prepare_kernels(config, scored, listener, budget)
    if config.gru.enabled and config.training.engine == chosen:
        engine = choose_engine(config)
        began = bool(begun_with) and not is_given
        listener.note(f"engine: {engine.name} ({'the training began with it' if began else engine.reason})")
        config = config.override({"training.engine": engine.name})
    return replace(plan, config=config)
