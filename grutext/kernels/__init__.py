"""Functions that Numba compiles: the counterparts of what NumPy and TensorFlow compute.

NumPy reads and writes the memory once for each sum, product and exponential. A kernel does all of them in one loop, without
Python's global interpreter lock (GIL), so that threads run in parallel.

Importing one of these modules compiles its kernels, which takes seconds, and writes them to Numba's cache on the disk; the
next process loads them from there. Numba compiles a cached kernel again where the file that defines it has changed. Whatever a
kernel calls must therefore be defined in the same file, or in `compiling` and `hashing`, which hardly ever change.

Numba is optional (the extras `train` and `fast`), and so is every kernel: callers ask `why_unavailable` first.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

PREDICTION = ("inference", "ngrams", "tokens")  # the modules that a classifier needs
SESSIONS = ("sessions",)  # those that its sessions need besides
TRAINING = ("training",)  # those that training the GRU part needs
# With fewer characters NumPy is done sooner than kernels that must be loaded or compiled first. For a model trained on the
# sample, on one thread of a Xeon with AVX-512: NumPy processes 0.7 (rows of 40 characters) to 1.2 (of 1,300) million characters a
# second, the kernels 1.4 to 2.2, so that they save 0.4 to 0.7 s for a million. Loading the kernels from the cache takes
# 0.6 s, compiling them 17 s (`time.process_time` around `Classifier.load(..., threads=1)` and `predict_proba`).
WORTH_LOADING, WORTH_COMPILING = 1_000_000, 30_000_000
_may_compile = ContextVar("may_compile", default=True)


class NotCachedError(ImportError):
    """A kernel is not in Numba's cache, and must not be compiled now."""


def why_unavailable(*modules: str) -> str | None:
    """Import modules of this package, and compile their kernels where they are not cached yet.

    Args:
        modules: Some of `inference`, `ngrams`, `sessions`, `tokens` and `training`; without any, only whether kernels are switched off is checked.

    Returns:
        None if their kernels may be called; otherwise the reason why not, in words.
    """
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return "NUMBA_DISABLE_JIT is set"
    return next((reason for module in modules if (reason := _why_not_imported(module))), None)


@cache
def _why_not_imported(module: str) -> str | None:
    try:
        importlib.import_module(f"grutext.kernels.{module}")
    except Exception as error:  # noqa: BLE001 - NumPy takes over, whatever is wrong with Numba, LLVM or the disk
        return f"{type(error).__name__}: {error}"
    return None


def load_cached(*modules: str) -> bool:
    """Import modules of this package if all their kernels are in Numba's cache; compile nothing.

    Returns:
        Whether their kernels may be called now. This takes about as long as importing Numba, also where it is false.
    """
    return _import_cached(*modules) is None and why_unavailable(*modules) is None


def would_compile(*modules: str) -> bool:
    """Import modules of this package as `load_cached` does, and return whether `why_unavailable` would begin to compile.

    It would not where their kernels are in Numba's cache, nor where they cannot be compiled: without Numba, for example, or
    without a folder to cache them in.
    """
    return why_unavailable() is None and isinstance(_import_cached(*modules), NotCachedError)


def _import_cached(*modules: str) -> Exception | None:
    """Import modules, and return the error that forbade it, if any; a kernel that is not cached is such an error."""
    with _compiling_forbidden():
        try:
            for module in modules:
                importlib.import_module(f"grutext.kernels.{module}")
        except Exception as error:  # noqa: BLE001 - `why_unavailable` says what it is
            return error
    return None


def load_if_worth_it(characters: float, modules: tuple[str, ...] = PREDICTION) -> bool:
    """Import the kernels that a classifier needs if they save time.

    Args:
        characters: How many characters are to be processed, or have been so far (a caller with many probably has more).
        modules: Those with the kernels.

    Returns:
        Whether the kernels may be called now.
    """
    if characters < WORTH_LOADING:
        return False
    if load_cached(*modules):
        return True
    return characters >= WORTH_COMPILING and why_unavailable(*modules) is None


@contextmanager
def _compiling_forbidden() -> Iterator[None]:
    token = _may_compile.set(False)
    try:
        yield
    finally:
        _may_compile.reset(token)


def check_may_compile() -> None:
    """Raise a NotCachedError where `load_cached` imports kernels; Numba calls this before it compiles."""
    if not _may_compile.get():
        raise NotCachedError("it is not in Numba's cache")
