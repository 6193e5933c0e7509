"""How many threads the matrix products of NumPy's BLAS may use, which is a setting of the whole process.

OpenBLAS, which NumPy's wheels bring, is asked by its own functions. (threadpoolctl knows more libraries, but lets
only one thread of a process change anything.) Any other BLAS is left as it is.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import numpy as np

_NAMES = ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads64_", "openblas_{}_num_threads")


def _find_openblas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """Gives the functions that tell and set the number of threads, if NumPy uses OpenBLAS."""
    folder = Path(np.__file__).parent
    # A library's handle finds the functions of those that it needs, though not on Windows.
    for path in (*folder.glob("*core/_multiarray_umath*"), *folder.parent.glob("numpy.libs/*openblas*")):
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for name in _NAMES:
            if hasattr(library, name.format("set")):
                return getattr(library, name.format("get")), getattr(library, name.format("set"))
    return None


class _OneThread:
    """Holds OpenBLAS to one thread while anyone asks for it."""

    def __init__(self) -> None:
        self._lock, self._users, self._before = Lock(), 0, 1
        self._openblas = _find_openblas()

    def enter(self) -> None:
        """Counts one more who asks."""
        if self._openblas:
            get, set_ = self._openblas
            with self._lock:
                if not self._users:
                    self._before = get()
                    set_(1)
                self._users += 1

    def leave(self) -> None:
        """Counts one less; after the last one OpenBLAS is as it was."""
        if self._openblas:
            with self._lock:
                if not self._users:  # forked meanwhile: `forget` has seen to it
                    return
                self._users -= 1
                if not self._users:
                    self._openblas[1](self._before)

    def forget(self) -> None:
        """Frees a forked process from the users that stayed behind in its parent, and from their lock."""
        if self._users and self._openblas:
            self._openblas[1](self._before)
        self._lock, self._users = Lock(), 0


_one_thread = _OneThread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_thread.forget)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Holds BLAS to one thread; any number of threads may be in here at once."""
    _one_thread.enter()
    try:
        yield
    finally:
        _one_thread.leave()
