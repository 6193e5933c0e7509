"""How many threads the matrix products of NumPy's and SciPy's BLAS may use: settings of the whole process.

OpenBLAS, of which the wheels of both bring one, is asked by its own functions. (threadpoolctl knows more libraries,
but lets only one thread of a process change anything.) Any other BLAS is left as it is.
"""

from __future__ import annotations

import ctypes
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np


class Library(NamedTuple):
    """What is asked of an OpenBLAS: functions that tell and set the number of threads, and the processor it is for, if it says."""

    get: Callable[[], int]
    set: Callable[[int], None]
    core: str


_NAMES = [f"{prefix}openblas_{{}}{suffix}" for prefix in ("scipy_", "") for suffix in ("64_", "")]
_CALLERS = ("*core/_multiarray_umath*", "linalg/_fblas*")  # in the folders of NumPy and SciPy


def _find_openblas(package: ModuleType) -> Library | None:
    """Gives the OpenBLAS that NumPy or SciPy uses, if it is one."""
    folder = Path(str(package.__file__)).parent
    # A library's handle finds the functions of those that it needs, though not on Windows.
    own = folder.parent.glob(f"{package.__name__}.libs/*openblas*")
    for path in itertools.chain(*map(folder.glob, _CALLERS), own):
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for name in _NAMES:
            if hasattr(library, name.format("set_num_threads")):
                get, set_ = (getattr(library, name.format(f"{verb}_num_threads")) for verb in ("get", "set"))
                return Library(get, set_, _ask_core(getattr(library, name.format("get_corename"), None)))
    return None


def _ask_core(core: Any) -> str:
    if core is None:  # others than OpenBLAS have its functions for threads, but not this one
        return ""
    core.restype = ctypes.c_char_p
    return (core() or b"").decode()


def _address(library: Library) -> int | None:
    return ctypes.cast(library.set, ctypes.c_void_p).value  # type: ignore[arg-type]


class _OneThread:
    """Holds each known OpenBLAS to one thread while anyone asks for it."""

    def __init__(self) -> None:
        self._lock, self._users = Lock(), 0
        self._libraries: list[Library] = []
        self._before: list[int] = []

    def add(self, package: ModuleType) -> str | None:
        """Counts the OpenBLAS of NumPy or SciPy among those to hold; gives the processor it is for, None if it has none."""
        found = _find_openblas(package)
        with self._lock:
            # Both packages may have the same one.
            if found and _address(found) not in map(_address, self._libraries):
                self._libraries.append(found)
                if self._users:
                    self._hold(found)
        return found.core if found else None

    def _hold(self, library: Library) -> None:
        self._before.append(library.get())
        library.set(1)

    def enter(self) -> None:
        """Counts one more who asks."""
        with self._lock:
            if not self._users:
                for library in self._libraries:
                    self._hold(library)
            self._users += 1

    def leave(self) -> None:
        """Counts one less; after the last one each OpenBLAS is as it was."""
        with self._lock:
            if not self._users:  # forked meanwhile: `forget` has seen to it
                return
            self._users -= 1
            if not self._users:
                self._free()

    def _free(self) -> None:
        # A fork may come before all of them are held.
        for library, threads in zip(self._libraries, self._before, strict=False):
            library.set(threads)
        self._before.clear()

    def forget(self) -> None:
        """Frees a forked process from the users that stayed behind in its parent, and from their lock."""
        self._free()
        self._lock, self._users = Lock(), 0


_one_thread = _OneThread()
_one_thread.add(np)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_thread.forget)


def include(package: ModuleType) -> str | None:
    """Lets `one_blas_thread` hold the BLAS of SciPy, too.

    Gives the name that OpenBLAS has for the processor whose instructions it uses, or an empty one; None if it is another BLAS.
    """
    return _one_thread.add(package)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Holds BLAS to one thread; any number of threads may be in here at once."""
    _one_thread.enter()
    try:
        yield
    finally:
        _one_thread.leave()
