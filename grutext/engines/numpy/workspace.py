"""Reused memory for intermediate results: getting new pages from the system can take longer than filling them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

_KEPT = 1 << 21  # numbers in an array; larger arrays are not stored for the next use


class Workspace:
    """Arrays for intermediate results, by name; the next request for a name overwrites its array."""

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[np.float32]] = {}

    def array(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Return an uninitialised `float32` array of this shape."""
        size = math.prod(shape)
        if size > _KEPT:
            return np.empty(shape, np.float32)
        flat = self._arrays.get(name)
        if flat is None or len(flat) < size:
            flat = self._arrays[name] = np.empty(size, np.float32)
        return flat[:size].reshape(shape)


class WorkspacePool:
    """Workspaces for calls from several threads: each call has one for itself while it runs."""

    def __init__(self) -> None:
        self._free: list[Workspace] = []

    @contextmanager
    def take(self) -> Iterator[Workspace]:
        """Yield a workspace that no other thread uses at the same time."""
        try:
            workspace = self._free.pop()  # atomic, so that no two threads get the same one
        except IndexError:
            workspace = Workspace()
        yield workspace
        self._free.append(workspace)
