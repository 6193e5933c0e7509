"""`grutext.tune`: search settings by trial trainings, with Optuna.

Every trial is written to a journal beside the model. A search that was killed continues from it, and several processes
that are started with the same folder share it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grutext.config import Config, flatten
from grutext.errors import GrutextError, TrainingError
from grutext.progress import EpochRecord, Listener, Silent
from grutext.requirements import check_installed, is_installed
from grutext.training.splits import Source, TrainingData, name_source
from grutext.training.train import train

if TYPE_CHECKING:
    import optuna

    from grutext.model.bundle import Bundle

_STUDY = "grutext"
_RECORD = "tuning"  # the entry of a bundle's `data` that names its trial
_STARTUP_TRIALS, _WARMUP_EPOCHS = 5, 2  # before trials are stopped early


@dataclass(frozen=True)
class Search:
    """A search for settings.

    Attributes:
        folder: The folder of the best model; the journal and the plot are beside it.
        trials: Number of trials in all, those of earlier and other processes included; stopped and failed ones count.
        seconds: How long this process searches; None is no limit. The trial that is running then is given up.
    """

    folder: Path
    trials: int = 20
    seconds: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))

    @property
    def journal(self) -> Path:
        """The file with all trials."""
        return self.folder.parent / f"{self.folder.name}-tuning.log"

    @property
    def plot(self) -> Path:
        """The file of the plot of all trials."""
        return self.folder.parent / f"{self.folder.name}-tuning.png"


@dataclass(frozen=True)
class SearchOutcome:
    """What a search found.

    Attributes:
        bundle: The best model.
        value: Its dev log loss in nats, or 1 minus its macro-F1 where that is optimised.
        settings: The settings of its trial that were searched; empty for the defaults.
        trials: Number of finished trials, those that were stopped early included.
        plot: The file of the plot; None where there is none.
    """

    bundle: Bundle = field(repr=False)
    value: float
    settings: dict[str, Any]
    trials: int
    plot: Path | None = None


def tune(
    data: Source | TrainingData,
    search: Search,
    *,
    settings: Config | Mapping[str, Any] | None = None,
    vectors: str | Path | None = None,
    listener: Listener | None = None,
) -> SearchOutcome:
    """Search settings that minimise the log loss on the dev set, and save the best model.

    The first trial has the settings as they are given, the others vary those that have their defaults: sizes, rates,
    dropout and regularisation. A trial whose dev loss is worse than the median of the earlier ones is stopped early.

    Args:
        data: The labelled texts, as for `grutext.train`.
        search: The folder and the limits.
        settings: Settings that are not searched, as for `grutext.train`.
        vectors: Word vectors, as for `grutext.train`.
        listener: Receives a note about each trial.

    Raises:
        GrutextError: The journal is of a search of other data or settings, or no trial was finished.
        MissingExtraError: Optuna or a package that training needs is not installed.
    """
    check_installed("grutext tune", "optuna", "scikit-learn")
    import optuna

    listener = listener or Silent()
    sources = data if isinstance(data, TrainingData) else TrainingData(data)
    if isinstance(sources.train, tuple):
        train_lists = tuple(map(_reusable, sources.train))
        sources = replace(sources, train=train_lists, weights=_reusable(sources.weights))
    config = settings if isinstance(settings, Config) else Config().override(settings or {})
    study = _open_study(search, _identify(sources, config, vectors))
    keeps_width = vectors is not None or sources.base is not None
    ends = None if search.seconds is None else time.monotonic() + search.seconds

    failed = optuna.trial.TrialState.FAIL  # ended by an error or an interrupt

    def run(trial: optuna.Trial) -> float:
        # Drawn by its number: processes that share the search never try the same settings.
        study.sampler = optuna.samplers.TPESampler(seed=config.training.seed + trial.number)
        is_first = all(other.state == failed for other in study.trials[: trial.number])
        tried = {} if is_first else _suggest(trial, config, keeps_width=keeps_width)
        watch = _TrialListener(trial, ends, listener if is_first else None)
        began = time.monotonic()
        try:
            bundle = train(sources, settings=config.override(tried), vectors=vectors, listener=watch).bundle
        except optuna.TrialPruned:
            took = time.monotonic() - began
            listener.note(f"trial {trial.number + 1}: stopped early, {took:.0f} s")
            raise
        except TrainingError as error:  # such as a loss that is not finite
            listener.note(f"trial {trial.number + 1}: {error}")
            raise optuna.TrialPruned from error
        _check_same_data(study, bundle, search)
        value = _measure(bundle)
        saved = _save_if_best(bundle, search, trial.number, value)
        better = ", the best so far" if saved else ""
        took = time.monotonic() - began
        listener.note(f"trial {trial.number + 1}: {_name_measure(config)} {value:.4f}{better}, {took:.0f} s")
        return value

    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    if len(study.get_trials(deepcopy=False, states=states)) < search.trials:
        stop = optuna.study.MaxTrialsCallback(search.trials, states)
        study.optimize(run, timeout=search.seconds, callbacks=[stop])
    bundle, record = _load_best(search)
    return SearchOutcome(
        bundle,
        value=record["value"],
        settings=study.trials[record["trial"]].params,
        trials=len(study.get_trials(deepcopy=False, states=states)),
        plot=_plot(study, search, _name_measure(config)),
    )


def _reusable(values: Any) -> Any:
    """Return a generator's values as a list, since every trial reads them; anything else as it is."""
    return list(values) if isinstance(values, Iterator) else values


class _TrialListener(Silent):
    """Reports the dev loss of each epoch to the trial, and ends it if it is hopeless or the time is up."""

    def __init__(self, trial: optuna.Trial, ends: float | None, notes: Listener | None) -> None:
        self._trial, self._ends, self._notes = trial, ends, notes

    def note(self, text: str) -> None:
        if self._notes:
            self._notes.note(text)

    def step(self, epoch: int, tokens: int, loss: float) -> None:  # noqa: ARG002 (the interface)
        import optuna

        if self._ends is not None and time.monotonic() > self._ends:
            raise optuna.TrialPruned

    def epoch(self, record: EpochRecord) -> None:
        import optuna

        self._trial.report(record.dev_loss, record.epoch)
        if self._trial.should_prune():
            raise optuna.TrialPruned


def _open_study(search: Search, identity: dict[str, Any]) -> optuna.Study:
    """Open the study in the journal, which is made if it is missing; check that it is of the same data and settings."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(logging.ERROR)  # an error of a trial is raised or noted
    search.journal.parent.mkdir(parents=True, exist_ok=True)
    if search.folder.exists() and not search.journal.exists():
        raise GrutextError(
            f"{search.folder} already exists, but not as the result of a search; name another folder with -m"
        )
    storage = JournalStorage(JournalFileBackend(str(search.journal)))
    study = optuna.create_study(storage=storage, study_name=_STUDY, direction="minimize", load_if_exists=True)
    known = study.user_attrs.get("identity", identity)
    has_begun = any(trial.state != optuna.trial.TrialState.FAIL for trial in study.trials)
    if has_begun and known != identity:
        wrong = ", ".join(name for name in identity if known.get(name) != identity[name])
        raise GrutextError(f"{search.journal} is of a search with other {wrong}; name another folder with -m")
    study.set_user_attr("identity", identity)
    study.pruner = optuna.pruners.MedianPruner(_STARTUP_TRIALS, _WARMUP_EPOCHS)
    return study


def _identify(sources: TrainingData, config: Config, vectors: str | Path | None) -> dict[str, Any]:
    """Return what makes trials comparable, in JSON's types."""
    return {
        "data": {
            "train": name_source(sources.train),
            "dev": None if sources.dev is None else name_source(sources.dev),
            "dev_fraction": sources.dev_fraction,
            "min_class_size": sources.min_class_size,
            "base": None if sources.base is None else str(sources.base),
        },
        "settings": flatten(config.to_dict()),
        "vectors": None if vectors is None else str(vectors),
    }


def _check_same_data(study: optuna.Study, bundle: Bundle, search: Search) -> None:
    """Raise a GrutextError if a trial was trained on other texts or labels than the first one."""
    digest = bundle.data["sha256"]
    if study.user_attrs.get("sha256", digest) != digest:
        raise GrutextError(
            f"{search.journal} is of a search whose data had other contents; name another folder with -m"
        )
    study.set_user_attr("sha256", digest)


def _suggest(trial: optuna.Trial, config: Config, keeps_width: bool) -> dict[str, Any]:
    """Return the settings of a trial: those that have their defaults in `config` are varied, the embedding's width unless it is given."""
    spaces: dict[str, Any] = {}
    if config.linear.enabled:
        spaces |= {
            "linear.regularization": lambda name: trial.suggest_float(name, 0.05, 8.0, log=True),
            "linear.word_max": lambda name: trial.suggest_int(name, 1, 3),
            "linear.char_max": lambda name: trial.suggest_int(name, 4, 6),
        }
    if config.gru.enabled:
        spaces |= {
            "gru.units": lambda name: trial.suggest_categorical(name, [32, 48, 64, 96, 128]),
            "gru.convolution": lambda name: trial.suggest_categorical(name, [0, 3, 5]),
            "training.learning_rate": lambda name: trial.suggest_float(name, 5e-4, 8e-3, log=True),
            "training.word_dropout": lambda name: trial.suggest_float(name, 0.0, 0.3),
            "training.embedding_dropout": lambda name: trial.suggest_float(name, 0.1, 0.5),
            "training.pooled_dropout": lambda name: trial.suggest_float(name, 0.2, 0.7),
            "training.label_smoothing": lambda name: trial.suggest_float(name, 0.0, 0.15),
            "training.adversarial_radius": lambda name: trial.suggest_float(name, 0.0, 1.0),
        }
        if not keeps_width:
            spaces["gru.embedding_size"] = lambda name: trial.suggest_categorical(name, [32, 48, 64, 96, 128])
    defaults, given = flatten(Config().to_dict()), flatten(config.to_dict())
    return {name: suggest(name) for name, suggest in spaces.items() if given[name] == defaults[name]}


def _name_measure(config: Config) -> str:
    return "1 - macro-F1" if config.training.optimize == "macro-f1" else "dev log loss"


def _measure(bundle: Bundle) -> float:
    """Return what a search minimises."""
    report = bundle.metrics["dev"]
    optimizes_f1 = bundle.config.training.optimize == "macro-f1"
    return float(1.0 - report["macro_f1"] if optimizes_f1 else report["log_loss"])


def _save_if_best(bundle: Bundle, search: Search, trial: int, value: float) -> bool:
    """Save the model unless that of a better trial is in the folder; return whether it was saved."""
    from filelock import FileLock

    with FileLock(search.journal.with_suffix(".lock")):
        if search.folder.exists() and _load_best(search)[1]["value"] <= value:
            return False
        record = {_RECORD: {"trial": trial, "value": value}}
        replace(bundle, data=bundle.data | record).save(search.folder, overwrite=True)
    return True


def _load_best(search: Search) -> tuple[Bundle, dict[str, Any]]:
    """Return the model in the folder and the record of its trial.

    Raises:
        GrutextError: There is no model yet, or one that is not the result of a search.
    """
    from grutext.model.bundle import Bundle

    if not search.folder.exists():
        raise GrutextError(f"{search.folder}: no trial was finished; give the search more time")
    bundle = Bundle.load(search.folder)
    record = bundle.data.get(_RECORD)
    if not isinstance(record, dict) or not {"trial", "value"} <= record.keys():
        raise GrutextError(f"{search.folder} is not the model of a search; name another folder with -m")
    return bundle, record


def _plot(study: optuna.Study, search: Search, measure: str) -> Path | None:
    """Plot the value of each finished trial and the best so far; return the file, None without matplotlib."""
    if not is_installed("matplotlib"):
        return None
    import optuna
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    finished = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    numbers = [trial.number + 1 for trial in finished]
    values = [trial.value or 0.0 for trial in finished]
    best = [min(values[: end + 1]) for end in range(len(values))]
    figure = Figure(figsize=(7, 4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(numbers, values, "o", color="tab:blue", label="trial")
    axes.step(numbers, best, where="post", color="tab:orange", label="best so far")
    axes.set(xlabel="trial", ylabel=measure, title=f"Search: {len(finished)} finished trials")
    axes.legend()
    figure.savefig(search.plot)
    return search.plot
