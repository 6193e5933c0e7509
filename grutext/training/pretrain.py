"""`grutext.pretrain`: from texts without labels to a base. The command `grutext pretrain` calls it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from grutext.config import Config
from grutext.data import Columns, DiskOptions, ReadOptions
from grutext.engines.choose import check_engine, choose_engine
from grutext.engines.tensorflow_settings import prepare_tensorflow
from grutext.errors import ConfigError, TrainingError
from grutext.messages import count
from grutext.model.bundle import Bundle
from grutext.model.spec import Calibration, check_model
from grutext.progress import Listener, Silent, epochs_in_words
from grutext.text import Vectorizer
from grutext.training import defaults
from grutext.training.budget import TimeBudget
from grutext.training.corpus import InMemoryCorpus, OnDiskCorpus, open_corpus
from grutext.training.fit import as_saved, identify, library_versions
from grutext.training.gru.checkpoint import Checkpoint, list_differences, read_identity
from grutext.training.gru.epochs import PhaseContext
from grutext.training.gru.pretraining import PretrainingPhase
from grutext.training.kernels import prepare_kernels
from grutext.training.target import TrainingTarget
from grutext.training.unlabelled import Unlabelled, UnlabelledReader, describe_source

_FINAL_SECONDS = 2.0  # of a time budget, reserved for writing


@dataclass(frozen=True, slots=True)
class PretrainingOutcome:
    """A finished base.

    Attributes:
        bundle: The base: settings, vocabulary and embedding.
        folder: Where it was saved.
        seconds: How long it took.
        was_finished: Whether the base was there already, finished, so that nothing was trained.
    """

    bundle: Bundle = field(repr=False)
    folder: Path
    seconds: float = 0.0
    was_finished: bool = False


def pretrain(
    texts: Unlabelled,
    base: str | Path | TrainingTarget,
    *,
    settings: Config | Mapping[str, Any] | None = None,
    reading: ReadOptions | None = None,
    listener: Listener | None = None,
    started: float | None = None,
) -> PretrainingOutcome:
    """Learn words and vectors from texts without labels, exactly as the command `grutext pretrain` does.

    Examples:
        >>> import grutext
        >>> grutext.pretrain("archive.csv", "base")  # doctest: +SKIP
        >>> data = grutext.TrainingData("reviews.csv", base="base")
        >>> outcome = grutext.train(data, "reviews")  # doctest: +SKIP

    Args:
        texts: The texts: a file as `grutext predict` reads it, several files as a list of `pathlib.Path`, or an iterable of `str`
            that are the texts.
        base: The folder that the base is saved to; it must not exist. A `TrainingTarget` may overwrite a base or resume an
            interrupted pretraining.
        settings: Settings by their names in docs/reference/settings.md, or a `Config`; what is left out has its default.
        reading: How files are read; options about labels are ignored.
        listener: Receives notes and progress; None prints nothing.
        started: `time.monotonic()` from which the setting `training.time_budget` counts; now, if left out.

    Raises:
        DataError: The texts cannot be read, or there are none.
        ConfigError: A setting is unknown or out of range, or the GRU part or its pretraining is switched off.
        TrainingError: The loss is not finite, or the state to resume from is damaged or of another pretraining.
        GrutextError: The folder exists, may not be written to, or another training is writing to it.
        MissingExtraError: A package that training needs is not installed.
        TypeError: An item of the texts in memory is not a `str`.
    """
    started = time.monotonic() if started is None else started
    listener = listener or Silent()
    target = base if isinstance(base, TrainingTarget) else TrainingTarget(Path(base))
    target.check()
    config = settings if isinstance(settings, Config) else Config().override(settings or {})
    if not config.gru.enabled or not config.training.pretraining_epochs:
        raise ConfigError(
            "a base is for the GRU part: gru.enabled must be true, and training.pretraining_epochs not 0"
        )
    check_model(config.gru)
    check_engine(config)
    prepare_tensorflow()
    with target.lock():
        storage = DiskOptions(
            round(config.training.in_memory_megabytes * 1e6), target.texts, config.training.seed, 0.0
        )
        reader = UnlabelledReader(reading or ReadOptions(), Columns(None, None), {}, storage, listener)
        corpus = open_corpus(reader.read(texts))
        config = _resolve(config, corpus, listener)
        data = {
            "source": describe_source(texts),
            "unlabelled_texts": corpus.count,
            "unlabelled_sha256": corpus.sha256,
        }
        finished = _look_for_state(target, config, data, listener)
        if finished is not None:
            return PretrainingOutcome(finished, target.folder, time.monotonic() - started, was_finished=True)
        budget = TimeBudget(config.training.time_budget, started)
        bundle = _fit(target, config, corpus, data, budget, listener)
        target.save(bundle)
    return PretrainingOutcome(bundle, target.folder, time.monotonic() - started)


def _resolve(config: Config, corpus: InMemoryCorpus | OnDiskCorpus, listener: Listener) -> Config:
    """Choose the settings that were left to the data, and note the choice."""
    statistics = corpus.measure(config.training.window)
    resolved = defaults.resolve(config, statistics).override({"linear.enabled": False})
    if config.text.case == "auto":  # only labels could show that case matters
        resolved = resolved.override({"text.case": "fold"})
    if not resolved.training.pretraining_epochs:
        resolved = resolved.override({"training.pretraining_epochs": 1})
    epochs = epochs_in_words(resolved.training.pretraining_epochs)
    listener.note(
        f"{count(corpus.count, 'text')} of {count(statistics.words, 'word')} (median): {epochs} of pretraining"
    )
    return resolved


def _look_for_state(
    target: TrainingTarget, config: Config, data: Mapping[str, Any], listener: Listener
) -> Bundle | None:
    """Look for the state or the base of an earlier pretraining; return its base if there is nothing left to resume.

    Raises:
        TrainingError: What is to be resumed is finished, but of other texts or settings.
    """
    finished = target.look_for_finished("pretraining", listener)
    if finished is None:
        return None
    found, wanted = identify(finished.config, False, finished.data), identify(config, False, data)
    if wanted["training.engine"] == "auto":  # any engine will do
        wanted["training.engine"] = found["training.engine"]
    differences = list_differences(found, wanted)
    if finished.labels or differences:
        what = (
            "a model" if finished.labels else f"the finished base of other texts or settings: {differences}"
        )
        raise TrainingError(f"{target.folder} is {what}; --overwrite replaces it")
    listener.note(f"{target.folder}: this pretraining is finished; nothing is left to resume")
    return finished


def _fit(
    target: TrainingTarget,
    config: Config,
    corpus: InMemoryCorpus | OnDiskCorpus,
    data: dict[str, Any],
    budget: TimeBudget,
    listener: Listener,
) -> Bundle:
    """Learn words and vectors, and return them as a base."""
    begun = read_identity(target.checkpoint) if target.resume else None
    if begun and config.training.engine == "auto":
        config = config.override({"training.engine": begun.get("training.engine", "auto")})
    config = prepare_kernels(config, (), listener, budget)
    engine = choose_engine(config)
    listener.note(f"engine: {engine.name} ({engine.reason})")
    config = config.override({"training.engine": engine.name})
    vectorizer = Vectorizer.fit(corpus.vocabulary_texts(), config.text)
    versions = library_versions(config)
    of_versions = {f"the version of {name}": number for name, number in versions.items()}
    identity = identify(config, False, data) | of_versions
    checkpoint = Checkpoint(target.checkpoint, identity, target.resume, config.training.checkpoint_seconds)
    deadline = budget.end - _FINAL_SECONDS
    texts = corpus.vectorize(vectorizer, config)
    context = PhaseContext(texts, config, listener, checkpoint, deadline, left_out=budget.left_out)
    phase = PretrainingPhase(context, vectorizer.vocabulary.rows, time_share=1.0)
    try:
        with context.interrupt:
            arrays = phase.run()
    except KeyboardInterrupt:
        if not context.interrupt.pressed_again:
            phase.save()
        raise KeyboardInterrupt(target.explain_resume("interrupted")) from None
    data = data | {"epochs": len(phase.history), "loss": round(phase.history[-1]["loss"], 4)}
    if budget.left_out:
        data["left_out"] = list(budget.left_out.values())
    return Bundle(
        config=config,
        labels=(),
        multilabel=False,
        vocabulary=vectorizer.vocabulary.tokens,
        weights=as_saved(arrays),
        calibration=Calibration(),
        data=data,
        versions=versions,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
