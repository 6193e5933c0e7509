"""`grutext.train`: from labelled texts to a saved model. The command `grutext train` calls it."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grutext.config import Config
from grutext.engines.choose import check_engine
from grutext.engines.tensorflow_settings import prepare_tensorflow
from grutext.engines.workers import read_task
from grutext.errors import ClusterError, ConfigError, TrainingError
from grutext.progress import Listener, Silent
from grutext.requirements import check_installed, is_installed
from grutext.training.splits import Source, TrainingData, note_unknown, read_splits
from grutext.training.target import TEXTS, TrainingTarget

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from grutext.data import Example
    from grutext.evaluation import Predictions
    from grutext.inference import Classifier
    from grutext.model.bundle import Bundle
    from grutext.training.base import Base
    from grutext.training.fit import TrainingRun
    from grutext.training.plan import TrainingPlan


@dataclass(frozen=True)
class TrainingOutcome:
    """A finished training.

    Attributes:
        bundle: The model with its reports: `metrics["dev"]`, `metrics["test"]` and so on.
        folder: Where it was saved; None if it was not.
        plot: The file of the loss curve; None where there is none.
        seconds: How long the training took.
        was_finished: Whether the model was there already, finished, so that nothing was trained.
        dev: What was predicted for the dev texts by weights that were not trained on them; None if nothing was trained.
        test: What the model predicted for the test texts; None if there are none, or nothing was trained.
    """

    bundle: Bundle = field(repr=False)
    folder: Path | None = None
    plot: Path | None = None
    seconds: float = 0.0
    was_finished: bool = False
    dev: Predictions | None = field(default=None, repr=False)
    test: Predictions | None = field(default=None, repr=False)

    @cached_property
    def classifier(self) -> Classifier:
        """The model, ready to predict."""
        from grutext.inference import Classifier

        return Classifier(self.bundle)

    @property
    def left_out(self) -> list[str]:
        """A sentence for each step that was cut short or skipped for the time budget."""
        return list(self.bundle.data.get("left_out", []))


def train(
    data: Source | TrainingData,
    model: str | Path | TrainingTarget | None = None,
    *,
    settings: Config | Mapping[str, Any] | None = None,
    vectors: str | Path | None = None,
    listener: Listener | None = None,
    started: float | None = None,
) -> TrainingOutcome:
    """Train a classifier, exactly as the command `grutext train` does.

    The same data, settings and seed give the same bytes of weights as the command on the same machine.

    Examples:
        >>> import grutext
        >>> outcome = grutext.train("reviews.csv", "reviews", settings={"training.seed": 2})  # doctest: +SKIP
        >>> outcome.classifier.predict(["A waste of two hours."])  # doctest: +SKIP
        ['negative']

    Args:
        data: The labelled texts: a path or a name such as `sample`, or a pair `(texts, labels)`. A `TrainingData` also
            names dev and test data and how files are read.
        model: The folder that the model is saved to; it must not exist. A `TrainingTarget` may overwrite a model or
            resume an interrupted training. None saves nothing.
        settings: Settings by their names in docs/reference/settings.md, such as `{"gru.units": 96}`, or a `Config`; what is
            left out has its default.
        vectors: File or folder of word vectors, in a form that docs/guide/word-vectors.md lists.
        listener: Receives notes and progress, such as `grutext.console.open_listener()`; None prints nothing.
        started: `time.monotonic()` from which the setting `training.time_budget` counts; now, if left out.

    Raises:
        DataError: The data cannot be read, or nothing can be learned from them.
        ConfigError: A setting is unknown or out of range, or settings contradict each other.
        TrainingError: The loss is not finite, or the state to resume from is damaged or of another training.
        GrutextError: The folder exists, may not be written to, or another training is writing to it.
        MissingExtraError: A package that training needs is not installed.
        TypeError: Texts or labels in memory have a wrong type.
        Interrupted: Ctrl-C was pressed after training had begun; its `bundle` is the best model so far. It is a
            KeyboardInterrupt.
    """
    started = time.monotonic() if started is None else started
    listener = listener or Silent()
    sources = data if isinstance(data, TrainingData) else TrainingData(data)
    target = model if isinstance(model, TrainingTarget) or model is None else TrainingTarget(Path(model))
    vectors = None if vectors is None else Path(vectors)
    task = read_task(os.environ)
    if target is not None and task is None:
        target.check()
    check_installed("grutext train", "scikit-learn")
    config = settings if isinstance(settings, Config) else Config().override(settings or {})
    start = _open_base(sources.base, vectors, config)
    if config.gru.enabled:
        check_engine(config)
    prepare_tensorflow()
    from grutext.evaluation import Predictions
    from grutext.inference import Classifier
    from grutext.training.budget import TimeBudget
    from grutext.training.cluster import check_on_chief, join
    from grutext.training.fit import TrainingRun
    from grutext.training.plan import plan_training, prepare_engine

    resume = target is not None and target.resume
    share = (
        None
        if task is None
        else join(task, sources, config, _shared_by_all(resume, vectors, start), listener)
    )
    workers = None if share is None else share.workers
    if share is not None:
        config = share.config
        check_on_chief(share.workers, None if target is None else target.check)
        if not share.workers.is_chief:  # which alone writes, reports and evaluates
            sources, target, listener = replace(sources, test=None), None, Silent()
    with _open_folder(target) as folder:
        budget = TimeBudget(config.training.time_budget, started)
        if share is None:
            splits = read_splits(sources, config, folder / TEXTS, listener, budget)
        else:
            splits = share.read(sources, folder / TEXTS, listener)
        plan = plan_training(splits, config, listener, vectors, start, workers)
        finished = None if target is None else _look_for_state(target, plan, vectors, listener)
        if share is not None:
            finished = share.copy_finished(finished, folder)
        if finished is not None:
            saved = None if target is None else target.folder
            return TrainingOutcome(finished, saved, seconds=time.monotonic() - started, was_finished=True)
        plan = prepare_engine(plan, splits.test, listener, budget, _engine_of_state(target, plan))
        probabilities: list[NDArray[np.float32]] = []
        run = TrainingRun(
            listener,
            budget,
            vectors,
            checkpoint=folder if target is not None or resume else None,
            resume=resume,
            base=start,
            workers=workers,
            on_dev=probabilities.append,
        )
        bundle, test = _fit(plan, run, splits.test, target)
        dev = Predictions(Classifier(bundle), plan.dev, probabilities[-1]) if probabilities else None
        if target is None:
            return TrainingOutcome(bundle, seconds=time.monotonic() - started, dev=dev, test=test)
        target.save(bundle)
    plot = _plot_loss(bundle, target, listener)
    return TrainingOutcome(bundle, target.folder, plot, time.monotonic() - started, dev=dev, test=test)


@contextlib.contextmanager
def _open_folder(target: TrainingTarget | None) -> Iterator[Path]:
    """Yield the folder for states and for texts that are more than memory should hold: beside the model, or a temporary one."""
    if target is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    else:
        with target.lock():
            yield target.checkpoint


def _open_base(folder: str | Path | None, vectors: Path | None, config: Config) -> Base | None:
    """Read the base that a training starts from, if any, and check that it fits the settings; check word vectors instead.

    Raises:
        DataError: The word vectors cannot be read.
        BundleError: It is missing, damaged, or no base.
        ConfigError: A setting differs from the base's, or there are word vectors too.
    """
    if folder is None:
        if vectors is not None:
            from grutext.data.vectors import check_vectors

            check_vectors(vectors)
        return None
    from grutext.training.base import Base

    if vectors is not None:
        raise ConfigError("a base and word vectors cannot be combined; leave one of them out")
    base = Base.load(Path(folder))
    base.settle(config)
    return base


def _shared_by_all(resume: bool, vectors: Path | None, base: Base | None) -> dict[str, Any]:
    """Return what several workers must have the same, besides data and settings, by the names that messages use."""
    from grutext.data.vectors import digest

    return {
        "--resume": resume,
        "the word vectors": None if vectors is None else digest(vectors),
        "the base": None if base is None else base.sha256,
    }


def _look_for_state(
    target: TrainingTarget, plan: TrainingPlan, vectors: Path | None, listener: Listener
) -> Bundle | None:
    """Look for the state or the model of an earlier training; return its model if there is nothing left to resume.

    Raises:
        TrainingError: The model to resume is finished, but of other data or settings.
    """
    from grutext.data.vectors import digest
    from grutext.training.budget import WITHOUT_GRU
    from grutext.training.fit import identify
    from grutext.training.gru.checkpoint import list_differences

    finished = target.look_for_finished("training", listener)
    if finished is None:
        return None
    data = plan.data | ({"vectors_sha256": digest(vectors)} if vectors else {})
    found, wanted = (
        identify(finished.config, finished.multilabel, finished.data),
        identify(plan.config, plan.multilabel, data),
    )
    if wanted["training.engine"] == "auto":  # any engine will do
        wanted["training.engine"] = found["training.engine"]
    if any(sentence.startswith(WITHOUT_GRU) for sentence in finished.data.get("left_out", [])):
        found["gru.enabled"] = True  # the user's setting; the time budget left the GRU part out
    differences = list_differences(found, wanted)
    if differences:
        raise TrainingError(
            f"{target.folder} is the finished model of a training that differs: {differences}; --overwrite replaces it"
        )
    listener.note(f"{target.folder}: this training is finished; nothing is left to resume")
    return finished


def _engine_of_state(target: TrainingTarget | None, plan: TrainingPlan) -> str:
    """Return the engine of the interrupted training to resume; "" if there is none.

    Raises:
        TrainingError: It had other data or settings.
    """
    from grutext.training.fit import identify
    from grutext.training.gru.checkpoint import check_identity, read_identity

    if target is None or not target.resume:
        return ""
    begun = read_identity(target.checkpoint)
    if begun is None:
        return ""
    engine = str(begun.get("training.engine", ""))
    wanted = identify(plan.config, plan.multilabel, plan.data)
    del wanted["the word vectors"]  # they are compared when they have been read
    if wanted["training.engine"] == "auto":
        wanted["training.engine"] = engine
    check_identity(target.checkpoint, {name: begun.get(name) for name in wanted}, wanted)
    return engine


def _fit(
    plan: TrainingPlan, run: TrainingRun, test: list[Example] | None, target: TrainingTarget | None
) -> tuple[Bundle, Predictions | None]:
    """Train, and evaluate on the test split if there is one; if something stops it early, say in the error what was saved."""
    from grutext.evaluation import Predictions
    from grutext.training.fit import fit_bundle
    from grutext.training.gru.interruption import DivergenceError, Interrupted
    from grutext.training.kernels import open_scorer

    try:
        bundle = fit_bundle(plan, run)
        note_unknown("dev set", bundle.metrics["dev"]["unknown"], run.listener)
        if test is None:
            return bundle, None
        found = Predictions.of(open_scorer(bundle, [example.text for example in test]), test)
        note_unknown("test set", found.report.unknown, run.listener)
        return replace(bundle, metrics=bundle.metrics | {"test": found.report.to_dict()}), found
    except ClusterError as stop:
        again = "the same command with --resume on all workers continues from the last state of the chief"
        raise ClusterError(target.explain_resume(str(stop)) if target else f"{stop}; {again}") from None
    except DivergenceError as stop:
        if target is None:
            raise
        target.discard_states()  # a resumed training would diverge again
        saved = f"; {target.save_unfinished(stop.bundle)}" if stop.bundle else ""
        raise DivergenceError(f"{stop}{saved}", stop.bundle) from None
    except Interrupted as stop:
        if target is None:
            raise
        problem = f"interrupted; {target.save_unfinished(stop.bundle)}"
        raise Interrupted(stop.bundle, target.explain_resume(problem)) from None
    except KeyboardInterrupt:
        if target is None:
            raise
        raise KeyboardInterrupt(target.explain_resume("interrupted")) from None


def _plot_loss(bundle: Bundle, target: TrainingTarget, listener: Listener) -> Path | None:
    """Plot the loss curve beside the model and return the file; if that fails, note why and return None."""
    if not bundle.history:
        return None
    if not is_installed("matplotlib"):
        listener.note("no plot of the loss: it needs matplotlib, pip install 'grutext[train]'")
        return None
    from grutext.training.plot import plot_history

    try:
        plot_history(bundle.history, target.plot)
    except OSError as error:
        listener.note(f"no plot of the loss: {target.plot}: {error.strerror}")
        return None
    return target.plot
