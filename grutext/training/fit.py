"""From examples to a model: the order of events in a training."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import grutext
from grutext.config import Config, flatten
from grutext.data import Example, Shards, fingerprint
from grutext.engines.choose import choose_engine
from grutext.errors import TrainingError
from grutext.inference import Classifier
from grutext.model.bundle import Bundle, Weights
from grutext.model.initial import initial_arrays
from grutext.model.spec import Calibration, check_model
from grutext.progress import Listener, Silent
from grutext.text import Vectorizer
from grutext.training import defaults
from grutext.training.calibration.bundle import add_golden, calibrate_bundle
from grutext.training.corpus import InMemoryCorpus, OnDiskCorpus
from grutext.training.gru.batches import VectorizedCorpus, one_hot
from grutext.training.gru.interruption import DivergenceError, Interrupted
from grutext.training.gru.shards import ShardedCorpus
from grutext.training.gru.word_vectors import WordVectors, read_word_vectors

_SAVING = 2.0  # seconds that the last steps take, reports and writing included


def train(
    train: Sequence[Example] | Shards,
    dev: Sequence[Example],
    config: Config,
    *,
    multilabel: bool = False,
    listener: Listener | None = None,
    data: dict[str, Any] | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    started: float | None = None,
    refit: bool = False,
    vectors: Path | None = None,
) -> Bundle:
    """Trains a model.

    Args:
        train: The training part, in memory or in files.
        dev: The part that chooses the best epoch, the calibration and the weight of the two parts.
        config: The settings.
        multilabel: Whether a text may have several labels, or none.
        listener: Hears how it goes.
        data: What is to be noted in the bundle about the data's origin.
        checkpoint: Folder for the state of an unfinished training.
        resume: Whether to go on from the state in `checkpoint`.
        started: `time.monotonic()` from which the time budget counts; now, if left out.
        refit: Whether the linear part, once the dev part has calibrated and measured the model, is fitted
            again to both parts, if they are in memory. A time budget that is too short for it leaves it out.
        vectors: File of word vectors that the embedding starts from; they are as wide as it.

    Returns:
        The model, with its report on the dev part.

    Raises:
        TrainingError: There is nothing to train on, or the loss is not finite; a `DivergenceError` has the model of
            the epochs before.
        Interrupted: Ctrl-C came while the GRU was trained; it has the model of the epochs before.
        ConfigError: The settings do not go together, or not with the word vectors.
        DataError: The word vectors cannot be used.
        MissingExtraError: scikit-learn, or the engine that is to train the GRU part, is not installed.
    """
    started = time.monotonic() if started is None else started
    listener = listener or Silent()
    check_model(config.gru)
    part = OnDiskCorpus(train) if isinstance(train, Shards) else InMemoryCorpus(train)
    labels = part.labels
    if len(labels) < (1 if multilabel else 2) or not dev:
        raise TrainingError("training needs texts with at least two labels, and a dev part")
    dev_texts = [e.text for e in dev]
    shape = part.measure(config.training.window)
    config = defaults.resolve(config, shape, pretrained=vectors is not None, multilabel=multilabel)
    listener.note(defaults.describe(config, shape))
    config = _with_engine(config, listener)
    vectorizer = Vectorizer.fit(part.for_vocabulary(), config.text)
    dev_targets = one_hot([example.labels for example in dev], labels)
    if any(example.labels for example in dev) and not dev_targets.any():
        raise TrainingError(
            f"no text of the dev part has a label of the training part ({', '.join(labels[:5])}, ...); name another dev part"
        )
    pretrained = read_word_vectors(vectors, vectorizer.vocabulary, config.gru, listener) if vectors else None
    origin = pretrained.origin if pretrained else {}
    end = started + config.training.time_budget if config.training.time_budget else None

    weights: Weights = {}
    began = time.monotonic()
    if config.linear.enabled:
        weights |= _linear(part, vectorizer, config, multilabel, listener, end)
    linear_seconds = time.monotonic() - began
    unfinished = Bundle(
        config=config, labels=labels, multilabel=multilabel, vocabulary=vectorizer.vocabulary.tokens,
        weights=weights, calibration=Calibration(),
        data=(data or {}) | {"train": part.count, "dev": len(dev), "sha256": part.sha256} | origin,
        versions=_versions(config), created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )  # fmt: skip
    history: list[dict[str, Any]] = []
    stopped: BaseException | None = None
    if config.gru.enabled:
        from grutext.training.gru.checkpoint import Checkpoint

        identity = _identity(part, dev, config, origin.get("vectors_sha256"), multilabel)
        seconds = config.training.checkpoint_seconds
        kept = Checkpoint(checkpoint, identity, resume, seconds) if checkpoint else None
        held_out = VectorizedCorpus(vectorizer.vectorize(dev_texts), dev_targets)
        corpus = part.corpus(vectorizer, config)
        fit = _gru(corpus, held_out, unfinished, listener, kept, end, pretrained)
        if isinstance(fit.stopped, DivergenceError) and not fit.history:
            raise fit.stopped
        stopped = fit.stopped
        weights |= {
            n: a.astype(np.float16) if n.startswith("embedding/") else a for n, a in fit.arrays.items()
        }
        history = fit.history
    bundle = calibrate_bundle(replace(unfinished, weights=weights, history=history), dev, dev_targets)
    if stopped:
        why = str(stopped) or "it was interrupted"
        bundle = add_golden(replace(bundle, data=bundle.data | {"unfinished": why}), dev_texts)
        raise DivergenceError(why, bundle) if isinstance(stopped, DivergenceError) else Interrupted(bundle)
    in_time = end is None or time.monotonic() + 2 * linear_seconds + _SAVING < end
    if refit and config.linear.enabled and isinstance(part, InMemoryCorpus) and in_time:
        bundle = _refit_linear(bundle, [*part.examples, *dev], vectorizer, listener)
    return add_golden(bundle, dev_texts)


def _with_engine(config: Config, listener: Listener) -> Config:
    """Return the settings with the engine that trains the GRU part in place of `auto`, and note which and why."""
    if not config.gru.enabled:
        return config
    engine = choose_engine(config)
    listener.note(f"engine: {engine.name} ({engine.reason})")
    return config.override({"training.engine": engine.name})


def _refit_linear(
    bundle: Bundle, examples: Sequence[Example], vectorizer: Vectorizer, listener: Listener
) -> Bundle:
    """Fits the linear part again to all examples; what calibrates and decides stays as the dev part has it."""
    known = set(bundle.labels)
    examples = [example for example in examples if bundle.multilabel or known & set(example.labels)]
    part = InMemoryCorpus(examples, bundle.labels)
    weights = _linear(part, vectorizer, bundle.config, bundle.multilabel, Silent(), None)
    listener.note(f"linear part: fitted again to all {part.count:,} texts")
    return replace(bundle, weights=bundle.weights | weights, data=bundle.data | {"refit": part.count})


def _linear(
    part: InMemoryCorpus | OnDiskCorpus, vectorizer: Vectorizer, config: Config, multilabel: bool, listener: Listener,
    end: float | None,
) -> Weights:  # fmt: skip
    began = time.monotonic()
    seconds = None if end is None else (end - began - _SAVING) * (0.4 if config.gru.enabled else 0.9)
    fit = part.fit_linear(vectorizer, config, multilabel, seconds)
    of = (
        ""
        if fit.rows == part.count
        else f" from {fit.rows:,} of {part.count:,} texts, to keep the time budget"
    )
    listener.note(
        f"linear part: {len(fit.arrays['linear/keys']):,} n-grams{of}, {time.monotonic() - began:.1f} s"
    )
    return fit.arrays


def _gru(
    train: VectorizedCorpus | ShardedCorpus, dev: VectorizedCorpus, unfinished: Bundle, listener: Listener,
    checkpoint: Any, end: float | None, pretrained: WordVectors | None,
) -> Any:  # fmt: skip
    from grutext.training.gru.fit import fit_gru

    deadline = None if end is None else end - _SAVING - _scoring_seconds(unfinished, dev.tokens.normalized)
    config, rows = unfinished.config, len(unfinished.vocabulary) + 1
    return fit_gru(
        train, dev, config, rows, multilabel=unfinished.multilabel, listener=listener, checkpoint=checkpoint,
        deadline=deadline, pretrained=pretrained,
    )  # fmt: skip


def _scoring_seconds(unfinished: Bundle, texts: Sequence[str]) -> float:
    """Foresees how long the runtime will take to score the dev part, from a few of its texts."""
    rows, classes = len(unfinished.vocabulary) + 1, len(unfinished.labels)
    arrays = initial_arrays(unfinished.config, rows, classes)
    trial = Classifier(replace(unfinished, weights=unfinished.weights | arrays))
    sample = list(texts[:: max(1, len(texts) // 32)])
    began = time.monotonic()
    trial.raw_scores(sample)
    return (time.monotonic() - began) * len(texts) / max(1, len(sample))


def _identity(
    part: InMemoryCorpus | OnDiskCorpus,
    dev: Sequence[Example],
    config: Config,
    vectors: str | None,
    multilabel: bool,
) -> dict[str, Any]:
    """Gives all that the weights depend on, by what to call it."""
    data = {"the training part": part.sha256, "the dev part": fingerprint(dev)}
    versions = {f"the version of {name}": number for name, number in _versions(config).items()}
    settings = flatten(config.to_dict())
    del settings["training.checkpoint_seconds"]
    several = {"whether a text may have several labels": multilabel}
    return data | {"the word vectors": vectors} | several | versions | settings


def _versions(config: Config) -> dict[str, str]:
    libraries = ["numpy", "scikit-learn"]
    if config.gru.enabled:  # what the GRU learns with
        libraries += {"numba": ["numba", "scipy"], "tensorflow": ["tensorflow", "keras"]}[
            config.training.engine
        ]
    found = {name: version(name) for name in libraries}
    return {"grutext": grutext.__version__, "python": platform.python_version()} | found
