"""From examples to a model: the order of events in a training."""

from __future__ import annotations

import hashlib
import json
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
from grutext.config import Config
from grutext.data import Example, fingerprint, label_set
from grutext.errors import TrainingError
from grutext.evaluation import evaluate
from grutext.model.bundle import Bundle, Weights
from grutext.model.spec import Calibration, check_model
from grutext.progress import Listener, Silent
from grutext.runtime import Classifier
from grutext.runtime.probabilities import fuse
from grutext.text import Vectorizer
from grutext.training.batches import one_hot
from grutext.training.calibration import calibrate, cross_fit
from grutext.training.decisions import choose_thresholds
from grutext.training.weighting import class_weights, is_balanced

_GOLDEN = 5  # dev texts that a bundle keeps with their probabilities
_SAVING = 2.0  # seconds that the last steps take, reports and writing included


def train(
    train: Sequence[Example],
    dev: Sequence[Example],
    config: Config,
    *,
    multilabel: bool = False,
    listener: Listener | None = None,
    data: dict[str, Any] | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    started: float | None = None,
) -> Bundle:
    """Trains a model.

    Args:
        train: The training part.
        dev: The part that chooses the best epoch, the calibration and the weight of the two parts.
        config: The settings.
        multilabel: Whether a text may have several labels, or none.
        listener: Hears how it goes.
        data: What is to be noted in the bundle about the data's origin.
        checkpoint: Folder for the state of an unfinished training.
        resume: Whether to go on from the state in `checkpoint`.
        started: `time.monotonic()` from which the time budget counts; now, if left out.

    Returns:
        The model, with its report on the dev part.

    Raises:
        TrainingError: There is nothing to train on, or the loss is not finite.
        MissingExtraError: TensorFlow or scikit-learn is not installed.
    """
    started = time.monotonic() if started is None else started
    listener = listener or Silent()
    check_model(config.model)
    labels = label_set(train)
    if len(labels) < (1 if multilabel else 2) or not dev:
        raise TrainingError("training needs texts with at least two labels, and a dev part")
    vectorizer = Vectorizer.fit((example.text for example in train), config.text)
    targets, dev_targets = (one_hot([e.labels for e in part], labels) for part in (train, dev))
    if any(example.labels for example in dev) and not dev_targets.any():
        raise TrainingError(
            f"no text of the dev part has a label of the training part ({', '.join(labels[:5])}, ...); name another dev part"
        )
    texts, dev_texts = [e.text for e in train], [e.text for e in dev]
    end = started + config.training.time_budget if config.training.time_budget else None

    weights: Weights = {}
    if config.wide.enabled:
        weights |= _wide(texts, targets, vectorizer, config, multilabel, listener, end)
    unfinished = Bundle(
        config=config, labels=labels, multilabel=multilabel, vocabulary=vectorizer.vocabulary.tokens,
        weights=weights, calibration=Calibration(),
        data=(data or {}) | {"train": len(train), "dev": len(dev), "sha256": fingerprint(train)},
        versions=_versions(), created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )  # fmt: skip
    history: list[dict[str, Any]] = []
    if config.model.enabled:
        from grutext.training.checkpoint import Checkpoint

        kept = Checkpoint(checkpoint, _fingerprint(train, dev, config), resume) if checkpoint else None
        corpora = [(vectorizer.vectorize(t), y) for t, y in ((texts, targets), (dev_texts, dev_targets))]
        fit = _deep(corpora, unfinished, listener, kept, end)
        weights |= {
            n: a.astype(np.float16) if n.startswith("embedding/") else a for n, a in fit.arrays.items()
        }
        history = fit.history
    return _finish(replace(unfinished, weights=weights, history=history), dev, dev_targets)


def _wide(
    texts: list[str], targets: Any, vectorizer: Vectorizer, config: Config, multilabel: bool, listener: Listener,
    end: float | None,
) -> Weights:  # fmt: skip
    from grutext.training.wide import fit_wide

    began = time.monotonic()
    seconds = None if end is None else (end - began - _SAVING) * (0.4 if config.model.enabled else 0.9)
    balanced = is_balanced(config.training.class_weight, multilabel, deep=False)
    fit = fit_wide(
        texts,
        targets,
        vectorizer,
        config.wide,
        multilabel=multilabel,
        seed=config.training.seed,
        seconds=seconds,
        weights=class_weights(targets, balanced, multilabel),
    )
    of = (
        ""
        if fit.rows == len(texts)
        else f" from {fit.rows:,} of {len(texts):,} texts, to keep the time budget"
    )
    listener.note(
        f"wide part: {len(fit.arrays['wide/keys']):,} n-grams{of}, {time.monotonic() - began:.1f} s"
    )
    return fit.arrays


def _deep(
    corpora: list[Any], unfinished: Bundle, listener: Listener, checkpoint: Any, end: float | None
) -> Any:
    from grutext.training.batches import Corpus
    from grutext.training.deep import fit_deep

    train, dev = (Corpus(tokens, targets) for tokens, targets in corpora)
    deadline = None if end is None else end - _SAVING - _scoring_seconds(unfinished, dev.tokens.normalized)
    config, rows = unfinished.config, len(unfinished.vocabulary) + 1
    return fit_deep(
        train, dev, config, rows, multilabel=unfinished.multilabel, listener=listener, checkpoint=checkpoint,
        deadline=deadline,
    )  # fmt: skip


def _finish(bundle: Bundle, dev: Sequence[Example], targets: Any) -> Bundle:
    """Calibrates a bundle on the dev part and adds the report and the golden rows."""
    texts = [example.text for example in dev]
    deep, wide = Classifier(bundle).scores(texts)
    several, truth = bundle.multilabel, [example.labels for example in dev]
    calibration = calibrate(deep, wide, targets, several)
    probabilities = fuse(deep, wide, calibration, several)
    thresholds = choose_thresholds(probabilities, targets, several, bundle.config.training.optimize)
    report = evaluate(truth, probabilities, bundle.labels, multilabel=several, thresholds=thresholds)
    trials = {
        "before": fuse(deep, wide, Calibration(), several),
        "after": cross_fit(deep, wide, targets, several),
    }
    compared = {}
    for name, trial in trials.items():
        found = evaluate(truth, trial, bundle.labels, multilabel=several)
        compared[name] = {"ece": found.ece, "log_loss": found.log_loss}
    bundle = replace(bundle, calibration=replace(calibration, thresholds=thresholds))
    texts = [*texts[:_GOLDEN], ""]
    rows = Classifier(bundle).predict_proba(texts).tolist()
    golden = [{"text": text, "probabilities": row} for text, row in zip(texts, rows, strict=True)]
    return replace(bundle, metrics={"dev": report.to_dict(), "calibration": compared}, golden=golden)


def _scoring_seconds(unfinished: Bundle, texts: Sequence[str]) -> float:
    """Foresees how long the runtime will take to score the dev part, from a few of its texts."""
    from grutext.model.spec import weight_spec
    from grutext.nn.weights import initial_arrays

    rows, classes = len(unfinished.vocabulary) + 1, len(unfinished.labels)
    spec = weight_spec(unfinished.config, rows, classes, unfinished.multilabel, 0)
    arrays = initial_arrays({k: v for k, v in spec.items() if not k.startswith("wide/")}, 0)
    trial = Classifier(replace(unfinished, weights=unfinished.weights | arrays))
    sample = list(texts[:: max(1, len(texts) // 32)])
    began = time.monotonic()
    trial.scores(sample)
    return (time.monotonic() - began) * len(texts) / max(1, len(sample))


def _fingerprint(train: Sequence[Example], dev: Sequence[Example], config: Config) -> str:
    """Gives the SHA-256 of the data and of every setting that the weights depend on."""
    values = [grutext.__version__, config.to_dict(), fingerprint(train), fingerprint(dev)]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _versions() -> dict[str, str]:
    libraries = ("numpy", "tensorflow", "keras", "scikit-learn")
    found = {name: version(name) for name in libraries}
    return {"grutext": grutext.__version__, "python": platform.python_version()} | found
