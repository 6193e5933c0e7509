"""Limit the matrix products of NumPy and SciPy to one thread each, while our own threads compute.

threadpoolctl finds the BLAS libraries of the process and sets their threads. The base installation has no threadpoolctl (the
extras `train` and `fast` bring it): there the OpenBLAS in NumPy's wheel is set directly, because its idle threads wait in
loops, and prediction with NumPy took seven times the processor's time on two busy cores. A library that neither knows, such as
Accelerate on macOS, multiplies as correctly as ever; its threads compete with ours for the cores.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np


class _Limit(NamedTuple):
    """A library that is limited to one thread, and how many threads it had before."""

    library: Any  # threadpoolctl's LibController, or a `_NumpyOpenBLAS`
    before: int


class _OneThread:
    """Limits the known libraries to one thread while there is a user, that is, a thread inside `one_blas_thread`.

    Some libraries have one limit for the process: the first user sets it and the last one restores it. Others have a limit
    for each thread, which each user sets and restores.
    """

    def __init__(self) -> None:
        self.lock, self._users = Lock(), 0
        self.per_thread: list[Any] = []
        self.shared: list[Any] = []
        self._limits: list[_Limit] = []  # on the shared libraries, while there are users

    def find(self) -> None:
        """Add the libraries that were loaded since the last call."""
        with self.lock:
            known = {library.filepath for library in (*self.per_thread, *self.shared)}
            for library in _list_libraries():
                if library.filepath in known or library.num_threads is None:
                    continue
                if library.internal_api == "mkl" or getattr(library, "threading_layer", "") == "openmp":
                    self.per_thread.append(library)
                    continue
                self.shared.append(library)
                if self._users:
                    self._limits.append(_limit(library))

    def enter(self) -> list[_Limit]:
        """Count one more user; return the limits that it restores itself."""
        with self.lock:
            if not self._users:
                self._limits = [_limit(library) for library in self.shared]
            self._users += 1
            return [_limit(library) for library in self.per_thread]

    def leave(self, own: list[_Limit]) -> None:
        """Count one user less; restore each library after the last one."""
        with self.lock:
            _restore(own)
            if not self._users:  # the process was forked meanwhile, and `forget` has reset the count
                return
            self._users -= 1
            if not self._users:
                _restore(self._limits)

    def forget(self) -> None:
        """Reset the state in a forked process, whose users exist in its parent only."""
        _restore(self._limits)
        self._limits, self._users = [], 0
        self.lock.release()


class _NumpyOpenBLAS:
    """The OpenBLAS in NumPy's wheel, with what is used of threadpoolctl's LibController."""

    internal_api = "openblas"

    def __init__(self, path: Path) -> None:
        self.filepath = str(path)
        library = ctypes.CDLL(self.filepath)
        names = [f"{prefix}openblas_{{}}{suffix}" for prefix in ("scipy_", "") for suffix in ("64_", "")]
        name = next((name for name in names if hasattr(library, name.format("set_num_threads"))), "{}")
        self._get, self._set, self._core = (
            getattr(library, name.format(function), None)
            for function in ("get_num_threads", "set_num_threads", "get_corename")
        )
        if self._core:
            self._core.restype = ctypes.c_char_p

    @property
    def num_threads(self) -> int | None:
        """The number of threads; None if the library cannot say."""
        return self._get() if self._get else None

    @property
    def architecture(self) -> str | None:
        """The processor whose instructions it uses, by its own name for it; None if it does not say."""
        return (self._core() or b"").decode() or None if self._core else None

    def set_num_threads(self, number: int) -> None:
        """Set the number of threads of the process."""
        if self._set:
            self._set(number)


def _list_libraries() -> list[Any]:
    """Return the BLAS libraries that are loaded, as far as they can be set."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        folder = Path(np.__file__).parent
        paths = [*folder.parent.glob("numpy.libs/*openblas*"), *folder.glob(".dylibs/*openblas*")]
        found = []
        for path in paths:
            with suppress(OSError):  # it is left from another NumPy, and cannot be loaded
                found.append(_NumpyOpenBLAS(path))
        return found
    libraries: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    return libraries


def _limit(library: Any) -> _Limit:
    limit = _Limit(library, library.num_threads)
    _set_threads(library, 1)
    return limit


def _restore(limits: list[_Limit]) -> None:
    for library, before in limits:
        _set_threads(library, before)


def _set_threads(library: Any, threads: int) -> None:
    # In newer versions of threadpoolctl, OpenBLAS ignores all threads but the first that set a limit, until that one gives
    # up control. Here the last user may be another thread than the first; the lock keeps users apart.
    give_up_control = getattr(library, "clear_controlling_thread", None)
    if give_up_control is None:
        library.set_num_threads(threads)
        return
    give_up_control(force=True)
    library.set_num_threads(threads)
    give_up_control(force=True)


_one_thread = _OneThread()
_one_thread.find()
if hasattr(os, "register_at_fork"):
    # The lock is held while the process forks, so that no thread is inside threadpoolctl, which has a lock of its own.
    os.register_at_fork(
        before=_one_thread.lock.acquire,
        after_in_parent=_one_thread.lock.release,
        after_in_child=_one_thread.forget,
    )


def find_blas() -> None:
    """Look for BLAS libraries that were loaded since the last call, for `one_blas_thread` to limit."""
    _one_thread.find()


def blas_architectures() -> set[str]:
    """Return the processors whose instructions OpenBLAS uses, by its names for them; other libraries do not tell."""
    libraries = (*_one_thread.per_thread, *_one_thread.shared)
    return {name for library in libraries if (name := getattr(library, "architecture", None))}


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread; any number of threads may use this at once.

    MKL, and libraries built with OpenMP, have a limit for each thread: every thread that multiplies must use this itself.
    """
    own = _one_thread.enter()
    try:
        yield
    finally:
        _one_thread.leave(own)
