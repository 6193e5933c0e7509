"""Fit a model to examples: the order of the steps."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

import grutext
from grutext.config import Config, flatten
from grutext.engines.workers import Workers
from grutext.inference import RawScores
from grutext.inference.familiarity import known_tokens
from grutext.kernels.cores import usable_cores
from grutext.model.bundle import Bundle, Weights
from grutext.model.initial import initial_arrays
from grutext.model.spec import Calibration, linear_columns
from grutext.progress import Listener, Silent
from grutext.text import TextVectors, Vectorizer, text_key
from grutext.training.base import Base, BaseStart
from grutext.training.budget import TimeBudget
from grutext.training.calibration.bundle import add_golden, calibrate_bundle
from grutext.training.calibration.early import calibrate_early
from grutext.training.copies import distinct
from grutext.training.corpus import InMemoryCorpus
from grutext.training.folds import Folds
from grutext.training.gru.batches import VectorizedCorpus
from grutext.training.gru.checkpoint import Checkpoint, share_state
from grutext.training.gru.epochs import PhaseContext
from grutext.training.gru.fit import GRUFit, fit_gru
from grutext.training.gru.fold_training import FoldedTexts
from grutext.training.gru.interruption import DivergenceError, Interrupted
from grutext.training.kernels import open_scorer
from grutext.training.plan import TrainingPlan
from grutext.training.shared_corpus import SharedCorpus
from grutext.training.word_vectors import WordVectors, read_word_vectors

if TYPE_CHECKING:
    from grutext.training.linear.fit import LinearFit
    from grutext.training.linear.self_training import SemiSupervision

_LIBRARIES = {"numba": ["numba", "scipy"], "tensorflow": ["tensorflow", "keras"]}  # that each engine uses
_FINAL_SECONDS = 2.0  # reserved for the last steps: reports and writing
_FEW_TEXTS = 10_000  # with more labelled texts, given word vectors bring the linear part nothing
_GIVEN_SIZE = 128  # numbers to which wider given vectors are projected for text vectors
_VECTORS_SHARE = 0.1  # of the time that is left, for learning text vectors and again for trying them
_LINEAR_SHARE, _LINEAR_ALONE_SHARE = 0.4, 0.9  # of the time that is left, with and without a GRU part


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """How a training is run. Of these, only the time budget, the word vectors and the base change the model.

    Attributes:
        listener: Receives notes and progress.
        budget: The time that is left, and a record of what was left out to stay within it.
        vectors: File or folder of word vectors, whose words become known, and which the embedding starts from.
        checkpoint: Folder for the state of an unfinished training; None saves none.
        resume: Whether to resume from the state in `checkpoint`.
        base: Words and vectors that the training starts from.
        workers: Those that train together, of which each has a share of the texts; None if this process trains alone.
        on_dev: Receives the probabilities of the dev texts that the report on them is made of, `(N, C)`.
    """

    listener: Listener = field(default_factory=Silent)
    budget: TimeBudget = field(default_factory=TimeBudget)
    vectors: Path | None = None
    checkpoint: Path | None = None
    resume: bool = False
    base: Base | None = None
    workers: Workers | None = None
    on_dev: Callable[[NDArray[np.float32]], None] = lambda _: None


def fit_bundle(plan: TrainingPlan, run: TrainingRun) -> Bundle:
    """Train a model according to a plan that `prepare_engine` has completed.

    Returns:
        The model, with its report on the dev set, and with what was left out for the time budget under
        `data["left_out"]`.

    Raises:
        DivergenceError: The loss is not finite; it has the model of the epochs before.
        Interrupted: Ctrl-C was pressed while the GRU part was trained; it has the best model so far.
        DataError: The word vectors cannot be used.
    """
    config, listener, budget = plan.config, run.listener, run.budget
    dev_texts = [example.text for example in plan.dev]
    vectorizer, start = _find_words(plan, run)
    bundle = _begin_bundle(plan, vectorizer, start)
    began = time.monotonic()
    vectors = start if isinstance(start, WordVectors) else None
    semi = _learn_semi_supervised(plan, vectorizer, run, vectors) if config.linear.enabled else None
    linear_seconds, linear, again = 0.0, None, None
    stopped: BaseException | None = None
    out_of_fold: NDArray[np.float32] | None = None
    with ThreadPoolExecutor(1, "grutext-linear") as thread:
        if _is_fitted_aside(plan, run):
            linear = thread.submit(_fit_linear, plan, vectorizer, run, semi)
            again = thread.submit(_refit_linear, plan, vectorizer, semi) if plan.refits_linear else None
        elif config.linear.enabled:
            bundle = replace(
                bundle, weights=_note_linear(_fit_linear(plan, vectorizer, run, semi), plan, run)
            )
            linear_seconds = time.monotonic() - began
        if config.gru.enabled:
            fit = _fit_gru(plan, vectorizer, bundle, run, start, linear_seconds)
            stopped, out_of_fold = fit.stopped, fit.out_of_fold
            weights = _note_linear(linear.result(), plan, run) if linear else bundle.weights
            bundle = replace(bundle, weights=weights | as_saved(fit.arrays), history=fit.history)
        if again and stopped:
            again.cancel()
    if plan.folds:
        scores = _score_out_of_fold(plan, vectorizer, bundle, out_of_fold, semi)
    else:
        scores = open_scorer(bundle, dev_texts).raw_scores(dev_texts)
    bundle = _calibrate(plan, run, bundle, scores)
    if stopped:
        why = str(stopped) or "it was interrupted"
        bundle = add_golden(replace(bundle, data=bundle.data | {"unfinished": why}), dev_texts)
        raise DivergenceError(why, bundle) if isinstance(stopped, DivergenceError) else Interrupted(bundle)
    if plan.refits_linear and isinstance(plan.corpus, InMemoryCorpus):
        if budget.remaining() > 2 * linear_seconds + _FINAL_SECONDS:
            refit = again.result() if again else _refit_linear(plan, vectorizer, semi)
            listener.note(f"linear part: fitted again to all {refit.rows:,} texts")
            data = bundle.data | {"refit": refit.rows}
            bundle = replace(bundle, weights=bundle.weights | refit.arrays, data=data)
        else:
            budget.left_out["refit"] = "the linear part was not fitted again to training and dev texts"
    if budget.left_out:
        bundle = replace(bundle, data=bundle.data | {"left_out": list(budget.left_out.values())})
    return add_golden(bundle, dev_texts)


def identify(config: Config, multilabel: bool, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that the weights depend on except library versions, by the names that messages use.

    Args:
        config: The settings, with every default chosen.
        multilabel: Whether a text may have several labels.
        data: A bundle's record of its data, or a plan's with the word vectors' SHA-256.
    """
    settings = flatten(config.to_dict())
    del settings["training.checkpoint_seconds"]
    return {
        "the training part": data.get("sha256"),
        "the dev part": data.get("dev_sha256"),
        "the word vectors": data.get("vectors_sha256"),
        "the texts without labels": data.get("unlabelled_sha256"),
        "the base": data.get("base_sha256"),
        "whether a text may have several labels": multilabel,
    } | settings


def _find_words(plan: TrainingPlan, run: TrainingRun) -> tuple[Vectorizer, WordVectors | BaseStart | None]:
    """Return what splits texts into known words, and the vectors that some of these start from."""
    text, listener = plan.config.text, run.listener
    vectorizer = plan.fit_vectorizer(text)
    start: WordVectors | BaseStart
    if run.base is not None:
        start = run.base.start(vectorizer.vocabulary, text.max_vocabulary, listener)
    elif run.vectors:
        rare = plan.fit_vectorizer(replace(text, min_count=1)).vocabulary.tokens
        start = read_word_vectors(run.vectors, vectorizer.vocabulary, rare, text, listener)
    else:
        return vectorizer, None
    return Vectorizer(text, start.vocabulary), start


def _begin_bundle(
    plan: TrainingPlan, vectorizer: Vectorizer, start: WordVectors | BaseStart | None
) -> Bundle:
    """Return the bundle without weights and without what is fitted on the dev set."""
    return Bundle(
        config=plan.config,
        labels=plan.corpus.labels,
        multilabel=plan.multilabel,
        vocabulary=vectorizer.vocabulary.tokens,
        weights={},
        calibration=Calibration(),
        data=plan.data | (start.origin if isinstance(start, WordVectors) else {}),
        versions=library_versions(plan.config),
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _learn_semi_supervised(
    plan: TrainingPlan, vectorizer: Vectorizer, run: TrainingRun, given: WordVectors | None
) -> SemiSupervision | None:
    """Learn what texts without labels and given word vectors bring to the linear part.

    Returns:
        What helps held-out texts most; None if nothing does.
    """
    corpus, config = plan.corpus, plan.config
    if not config.linear.vector_size or not isinstance(corpus, InMemoryCorpus) or corpus.count > _FEW_TEXTS:
        return None
    from grutext.training.linear.held_out import score_candidates
    from grutext.training.linear.self_training import SemiSupervision
    from grutext.training.linear.text_vectors import learn_text_vectors, weigh_word_vectors

    began = time.monotonic()
    seconds = (run.budget.end - began - _FINAL_SECONDS) * _VECTORS_SHARE
    texts, size, seed = list(plan.vocabulary_texts()), config.linear.vector_size, config.training.seed
    table = given.table(_GIVEN_SIZE) if given else None
    learns = plan.has_few_labels and plan.unlabelled is not None  # labelled texts alone teach too little
    if table is None and not learns:
        return None
    if table is not None and not learns:
        origin = "those of the file"
        vectors: TextVectors | None = weigh_word_vectors(table, texts, vectorizer, seed, seconds)
    else:
        origin = f"learned from {len(texts):,} texts" + ("" if table is None else ", with those of the file,")
        vectors = learn_text_vectors(texts, vectorizer, size, seed, seconds, table)
    if vectors is None:
        return None
    candidates, pool = [SemiSupervision(), SemiSupervision(vectors)], plan.sample_pool()
    if pool:
        candidates.append(SemiSupervision(vectors, pool))
    task = corpus.linear_task(vectorizer, config, plan.multilabel)
    scored = score_candidates(corpus.labelled_texts(config), task, candidates, seconds)
    if scored is None:
        run.budget.left_out["vectors"] = "text vectors were not tried"
        return None
    names = ("without text vectors", "with them", f"with its own labels of {len(pool):,} texts as well")
    shares = [f"{100 * score:.1f} % {name}" for name, score in zip(names, scored.scores, strict=False)]
    kept = ("left out", "kept", "kept, own labels too")[scored.best]
    run.listener.note(
        f"text vectors: {origin} and {kept}; of {scored.texts:,} held-out texts the linear part labels right "
        f"{', '.join(shares)}, {time.monotonic() - began:.1f} s"
    )
    return candidates[scored.best] if scored.best else None


def _is_fitted_aside(plan: TrainingPlan, run: TrainingRun) -> bool:
    """Return whether a thread fits the linear part while the GRU part is trained, which neither of them notices.

    One core has no time for it, a time budget is shared by how long the fit took, and texts on disk are read by both.
    """
    return (
        plan.config.linear.enabled
        and plan.config.gru.enabled
        and usable_cores() > 1
        and run.budget.end == math.inf
        and isinstance(plan.corpus, InMemoryCorpus)
    )


class _TimedFit(NamedTuple):
    """A fit of the linear part, and the seconds that it took."""

    fit: LinearFit
    seconds: float


def _fit_linear(
    plan: TrainingPlan, vectorizer: Vectorizer, run: TrainingRun, semi: SemiSupervision | None
) -> _TimedFit:
    """Fit the linear part, to a sample of the texts where the time budget is too short for all."""
    began = time.monotonic()
    seconds = None
    if run.budget.end < math.inf:
        share = _LINEAR_SHARE if plan.config.gru.enabled else _LINEAR_ALONE_SHARE
        seconds = (run.budget.end - began - _FINAL_SECONDS) * share
    if isinstance(plan.corpus, SharedCorpus):
        fit = plan.corpus.fit_linear(vectorizer, plan.config, plan.multilabel)
    else:
        fit = plan.corpus.fit_linear(vectorizer, plan.config, plan.multilabel, seconds, semi)
    return _TimedFit(fit, time.monotonic() - began)


def _note_linear(timed: _TimedFit, plan: TrainingPlan, run: TrainingRun) -> Weights:
    """Report a fit of the linear part, and return its weights."""
    fit, count = timed.fit, plan.corpus.count
    sample = ""
    if fit.rows < count:
        sample = f" from {fit.rows:,} of {count:,} texts, to keep the time budget"
        run.budget.left_out["linear"] = f"the linear part was fitted to {fit.rows:,} of {count:,} texts"
    run.listener.note(
        f"linear part: {len(fit.arrays['linear/keys']):,} n-grams{sample}, {timed.seconds:.1f} s"
    )
    return fit.arrays


def _refit_linear(plan: TrainingPlan, vectorizer: Vectorizer, semi: SemiSupervision | None) -> LinearFit:
    """Fit the linear part again, to training and dev texts; the calibration stays the one of the dev set."""
    labels = plan.corpus.labels
    examples = [
        example
        for example in (*cast("InMemoryCorpus", plan.corpus).examples, *plan.dev)
        if plan.multilabel or set(labels) & set(example.labels)
    ]
    corpus = InMemoryCorpus(examples, labels)
    return corpus.fit_linear(vectorizer, plan.config, plan.multilabel, None, semi)


def _fit_gru(
    plan: TrainingPlan,
    vectorizer: Vectorizer,
    bundle: Bundle,
    run: TrainingRun,
    start: WordVectors | BaseStart | None,
    linear_seconds: float,
) -> GRUFit:
    """Train the GRU part; raise a DivergenceError if training diverges before the end of the first epoch."""
    checkpoint = None
    if run.checkpoint is not None:
        versions = {f"the version of {name}": number for name, number in bundle.versions.items()}
        identity = identify(plan.config, plan.multilabel, bundle.data) | versions
        seconds = plan.config.training.checkpoint_seconds
        if run.workers is not None:
            identity |= {"the number of workers": run.workers.count}
            seconds = seconds if run.workers.is_chief else math.inf
            if run.resume:
                share_state(run.checkpoint, run.workers)
        checkpoint = Checkpoint(run.checkpoint, identity, run.resume, seconds)
    held_out: VectorizedCorpus | FoldedTexts
    deadline = run.budget.end - _FINAL_SECONDS
    if plan.folds:
        held_out = FoldedTexts(plan.folds, plan.dev_targets)
        deadline -= plan.folds.count * linear_seconds
    else:
        texts = [example.text for example in plan.dev]
        held_out = VectorizedCorpus(vectorizer.vectorize(texts), plan.dev_targets)
        if deadline < math.inf:
            deadline -= _estimate_scoring(bundle, held_out.tokens.normalized)
    corpus = plan.corpus.vectorize(vectorizer, plan.config)
    context = PhaseContext(
        corpus,
        plan.config,
        run.listener,
        checkpoint,
        deadline,
        left_out=run.budget.left_out,
        workers=run.workers,
    )
    if plan.unlabelled is not None and plan.config.training.pretraining_epochs:
        context = replace(context, unlabelled=plan.unlabelled.vectorize(vectorizer, plan.config))
    fit = fit_gru(context, held_out, len(bundle.vocabulary) + 1, plan.multilabel, start)
    if isinstance(fit.stopped, DivergenceError) and not any(record["best"] for record in fit.history):
        raise fit.stopped
    return fit


def _calibrate(plan: TrainingPlan, run: TrainingRun, bundle: Bundle, scores: RawScores) -> Bundle:
    """Return the bundle with all that is fitted on the dev texts, by their scores."""
    bundle, probabilities = calibrate_bundle(bundle, plan.dev, plan.dev_targets, scores)
    run.on_dev(probabilities)
    if not plan.learns_beginnings:
        return bundle
    if plan.folds is not None:  # only a dev set can show how the model labels beginnings
        run.listener.note(
            "beginnings are not calibrated and no early answers offered: the texts are cross-validated; "
            "set some aside with --dev-fraction 0.2"
        )
        return bundle
    firsts = [group[0] for group in distinct(plan.dev, partial(text_key, case=bundle.config.text.case))]
    return calibrate_early(bundle, [plan.dev[n].text for n in firsts], plan.dev_targets[firsts])


def _score_out_of_fold(
    plan: TrainingPlan,
    vectorizer: Vectorizer,
    bundle: Bundle,
    gru: NDArray[np.float32] | None,
    semi: SemiSupervision | None,
) -> RawScores:
    """Return the scores of the dev texts by parts that were trained without the fold of each.

    Args:
        plan: What is trained, in folds.
        vectorizer: Splits texts into tokens.
        bundle: The model, whose linear part is fitted to all texts.
        gru: The scores of the GRU part, which has been trained without each fold; None if it was stopped before.
        semi: What the linear part has from texts without labels; it labels them again without each fold.
    """
    corpus, folds, config = cast("InMemoryCorpus", plan.corpus), cast("Folds", plan.folds), plan.config
    known = np.zeros(corpus.count, np.float32)
    linear = np.zeros((corpus.count, linear_columns(len(corpus.labels), plan.multilabel)), np.float32)
    for rest, fold in folds:
        others, texts = corpus.subset(rest), [corpus.texts[n] for n in fold]
        if config.linear.enabled:
            fit = others.fit_linear(vectorizer, config, plan.multilabel, None, semi)
            alone = replace(bundle, config=config.override({"gru.enabled": False}), weights=fit.arrays)
            _, linear[fold], known[fold] = open_scorer(alone, texts).raw_scores(texts)
        else:
            known[fold] = known_tokens(Vectorizer.fit(others.texts, config.text).vectorize(texts))
    if gru is None and not config.linear.enabled:
        gru = np.zeros(plan.dev_targets.shape, np.float32)
    held_out = folds.held_out
    return RawScores(gru, linear[held_out] if config.linear.enabled else None, known[held_out])


def as_saved(arrays: Weights) -> Weights:
    """Return the GRU part's weights with the embedding tables as float16, as a bundle has them."""
    return {
        name: array.astype(np.float16) if name.startswith("embedding/") else array
        for name, array in arrays.items()
    }


def _estimate_scoring(bundle: Bundle, texts: Sequence[str]) -> float:
    """Estimate how many seconds inference will take to score the dev set, from a few of its texts."""
    rows, classes = len(bundle.vocabulary) + 1, len(bundle.labels)
    arrays = initial_arrays(bundle.config, rows, classes)
    trial = open_scorer(replace(bundle, weights=bundle.weights | arrays), texts)
    sample = list(texts[:: max(1, len(texts) // 32)])
    began = time.monotonic()
    trial.raw_scores(sample)
    return (time.monotonic() - began) * len(texts) / max(1, len(sample))


def library_versions(config: Config) -> dict[str, str]:
    """Return the versions of Python and of the libraries that train with this configuration."""
    libraries = ["numpy", "scikit-learn"]
    if config.gru.enabled:
        libraries += _LIBRARIES[config.training.engine]
    found = {name: version(name) for name in libraries}
    return {"grutext": grutext.__version__, "python": platform.python_version()} | found
