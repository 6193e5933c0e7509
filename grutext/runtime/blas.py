"""How many threads the matrix products of NumPy's BLAS may use, which is a setting of the whole process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any


class _OneThread:
    """Holds BLAS to one thread while anyone asks for it."""

    def __init__(self) -> None:
        self._lock, self._users = Lock(), 0
        self._libraries: Any = None
        self._limit: Any = None

    def enter(self) -> None:
        """Counts one more who asks."""
        with self._lock:
            if not self._users:
                if self._libraries is None:
                    # Here, for to load it and to look for BLAS takes 15 ms that a few short texts need not pay.
                    from threadpoolctl import ThreadpoolController

                    self._libraries = ThreadpoolController()
                self._limit = self._libraries.limit(limits=1, user_api="blas")
            self._users += 1

    def leave(self) -> None:
        """Counts one less; after the last one BLAS is as it was."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._limit.restore_original_limits()

    def forget(self) -> None:
        """Frees a forked process from the users that stayed behind in its parent, and from their lock."""
        if self._users:
            self._limit.restore_original_limits()
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
