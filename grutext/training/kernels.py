"""Decide where a training uses compiled kernels, and compile them beforehand, within the time budget."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from grutext.config import Config
from grutext.engines.choose import prefers_numba
from grutext.inference import Classifier
from grutext.kernels import PREDICTION, TRAINING, load_cached, why_unavailable
from grutext.kernels.precompile import compile_kernels, seconds_to_compile
from grutext.model.bundle import Bundle
from grutext.progress import Listener
from grutext.requirements import is_installed
from grutext.training.budget import WITHOUT_GRU, TimeBudget

# Dev and test texts with fewer characters are scored by NumPy. The size of the data alone decides, and not what is in
# Numba's cache, so that the same data and seed give the same bytes. For this many characters NumPy takes at most 2 s longer
# (see `grutext.kernels.WORTH_LOADING`), and a first training need not compile kernels for 17 s.
_WORTH_KERNELS = 4_000_000
_SHARE = 0.5  # of the time that is left, which compiling may take
# For importing TensorFlow and building the graphs of its training steps.
_TENSORFLOW_SECONDS = 12.0


def open_scorer(bundle: Bundle, texts: Sequence[str]) -> Classifier:
    """Return a classifier that scores texts during training; their size decides between NumPy and compiled kernels.

    With a time budget, kernels that are not cached yet are not compiled.
    """
    compiled = _is_worth_kernels(texts)
    if compiled and bundle.config.training.time_budget:
        compiled = load_cached(*PREDICTION)
    return Classifier(bundle, compiled=compiled and not why_unavailable(*PREDICTION))


def _is_worth_kernels(texts: Sequence[str]) -> bool:
    return sum(map(len, texts)) >= _WORTH_KERNELS


def prepare_kernels(
    config: Config, scored: Sequence[Sequence[str]], listener: Listener, budget: TimeBudget
) -> Config:
    """Compile the kernels that a training needs and that are not in Numba's cache yet.

    If that would take more than half of a time budget, TensorFlow trains instead, provided that it is installed and starts
    sooner; otherwise the GRU part is left out.

    Args:
        config: The settings.
        scored: The texts of the dev set, and those of the test set.
        listener: Receives a note if kernels are compiled.
        budget: The time that is left; what is left out is recorded in it.

    Returns:
        The settings that fit the time.
    """
    began, remaining = time.monotonic(), budget.remaining()
    needed: tuple[str, ...] = TRAINING if config.gru.enabled and prefers_numba(config) else ()
    modules = needed + (PREDICTION if any(map(_is_worth_kernels, scored)) else ())
    seconds = seconds_to_compile(*modules) if modules else 0.0
    if seconds >= _SHARE * remaining and modules != needed:  # NumPy can score
        modules, seconds = needed, seconds_to_compile(*needed) if needed else 0.0
    if not seconds:
        return config
    if seconds < _SHARE * remaining:
        listener.note(f"compiling kernels (first time only; about {seconds:.0f} s, longer on a busy machine)")
        deadline = None if remaining == math.inf else began + _SHARE * remaining
        try:
            if compile_kernels(
                *modules,
                deadline=deadline,
                report=lambda passed: listener.wait("compiling kernels", passed, seconds),
            ):
                return config
        finally:
            listener.end()
        if deadline is None:  # Numba does not work here; `why_unavailable` returns the reason
            return config
    return _without_numba(config, max(seconds, time.monotonic() - began), listener, budget)


def _without_numba(config: Config, seconds: float, listener: Listener, budget: TimeBudget) -> Config:
    why = f"compiling kernels takes {seconds:.0f} s or more the first time, too much of the time budget"
    settings = config.training
    if not config.gru.enabled:
        return config
    if (
        settings.engine != "numba"
        and is_installed("tensorflow")
        and min(seconds, budget.remaining() * _SHARE) > _TENSORFLOW_SECONDS
    ):
        listener.note(f"engine: tensorflow ({why})")
        return config.override({"training.engine": "tensorflow"})
    if not config.linear.enabled:
        return config
    listener.note(f"the GRU part is left out: {why}; `grutext warmup` compiles them beforehand")
    budget.left_out["gru"] = f"{WITHOUT_GRU}: {why}"
    return config.override({"gru.enabled": False})
