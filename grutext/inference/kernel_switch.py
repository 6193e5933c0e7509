"""Decide when to switch from NumPy to compiled kernels."""

from __future__ import annotations

from threading import Lock

from grutext.errors import ConfigError
from grutext.kernels import (
    PREDICTION,
    WORTH_COMPILING,
    WORTH_LOADING,
    load_cached,
    load_if_worth_it,
    why_unavailable,
)


class KernelSwitch:
    """Decides whether a classifier uses compiled kernels: as the caller asks, or by how much text it has processed.

    Args:
        asked: True for kernels, False for NumPy; None begins with NumPy.

    Attributes:
        compiled: Whether kernels are used now.

    Raises:
        ConfigError: Kernels are asked for, and not available.
    """

    def __init__(self, asked: bool | None) -> None:
        if asked and (reason := why_unavailable(*PREDICTION)):
            raise ConfigError(
                f"there are no compiled kernels ({reason}); pip install 'grutext[fast]' brings Numba"
            )
        self.compiled, self._asked = bool(asked), asked
        self._characters, self._lock = 0, Lock()
        self._thresholds = [WORTH_LOADING, WORTH_COMPILING] if asked is None else []

    def should_switch(self, characters: int) -> bool:
        """Count text that is about to be processed; return whether to switch to kernels now.

        If so, they have been loaded or compiled. Other threads get false meanwhile, and keep using NumPy.
        """
        if not self._thresholds or not self._lock.acquire(blocking=False):
            return False
        try:
            self._characters += characters
            if not self._thresholds or self._characters < self._thresholds[0]:
                return False
            self._thresholds = [further for further in self._thresholds if further > self._characters]
            self.compiled = load_if_worth_it(self._characters)
            if self.compiled:
                self._thresholds = []
            return self.compiled
        finally:
            self._lock.release()

    def may_load(self, modules: tuple[str, ...]) -> bool:
        """Load further kernels, and return whether they may be called; they are only compiled where kernels were asked for."""
        return why_unavailable(*modules) is None if self._asked else load_cached(*modules)
