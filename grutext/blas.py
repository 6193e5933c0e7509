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

import numpy as np

Library = tuple[Callable[[], int], Callable[[int], None]]
"""The functions of an OpenBLAS that tell and set the number of threads."""

_NAMES = [f"{prefix}openblas_{{}}_num_threads{suffix}" for prefix in ("scipy_", "") for suffix in ("64_", "")]
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
            if hasattr(library, name.format("set")):
                return getattr(library, name.format("get")), getattr(library, name.format("set"))
    return None


def _address(library: Library) -> int | None:
    return ctypes.cast(library[1], ctypes.c_void_p).value  # type: ignore[arg-type]


class _OneThread:
    """Holds each known OpenBLAS to one thread while anyone asks for it."""

    def __init__(self) -> None:
        self._lock, self._users = Lock(), 0
        self._libraries: list[Library] = []
        self._before: list[int] = []

    def add(self, package: ModuleType) -> bool:
        """Counts the OpenBLAS of NumPy or SciPy among those to hold; tells whether it has one."""
        found = _find_openblas(package)
        with self._lock:
            # Both packages may have the same one.
            if found and _address(found) not in map(_address, self._libraries):
                self._libraries.append(found)
                if self._users:
                    self._hold(found)
        return found is not None

    def _hold(self, library: Library) -> None:
        get, set_ = library
        self._before.append(get())
        set_(1)

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
        for (_, set_), threads in zip(self._libraries, self._before, strict=False):
            set_(threads)
        self._before.clear()

    def forget(self) -> None:
        """Frees a forked process from the users that stayed behind in its parent, and from their lock."""
        self._free()
        self._lock, self._users = Lock(), 0


_one_thread = _OneThread()
_one_thread.add(np)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_thread.forget)


def include(package: ModuleType) -> bool:
    """Lets `one_blas_thread` hold the BLAS of SciPy, too, if that is an OpenBLAS; tells whether it is."""
    return _one_thread.add(package)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Holds BLAS to one thread; any number of threads may be in here at once."""
    _one_thread.enter()
    try:
        yield
    finally:
        _one_thread.leave()
