"""Memory that is used again and again: to ask the system for new pages can take longer than to fill them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

_KEPT = 1 << 21  # numbers; larger arrays are not kept


class Workspace:
    """Arrays for passing results, by name; an array is overwritten when the next of its name is asked for."""

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[np.float32]] = {}

    def array(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Gives an array of this shape with anything in it."""
        size = math.prod(shape)
        if size > _KEPT:
            return np.empty(shape, np.float32)
        flat = self._arrays.get(name)
        if flat is None or len(flat) < size:
            flat = self._arrays[name] = np.empty(size, np.float32)
        return flat[:size].reshape(shape)


class WorkspacePool:
    """As many workspaces as calls are under way at once, each of them for one call at a time."""

    def __init__(self) -> None:
        self._free: list[Workspace] = []

    @contextmanager
    def take(self) -> Iterator[Workspace]:
        """Lends a workspace."""
        try:
            workspace = self._free.pop()  # in one step, whatever other threads do
        except IndexError:
            workspace = Workspace()
        yield workspace
        self._free.append(workspace)
