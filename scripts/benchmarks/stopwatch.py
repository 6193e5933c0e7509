"""Measure wall-clock time and processor time."""

from __future__ import annotations

import os
import time


class Stopwatch:
    """Measures from its construction. Processor seconds include all threads and finished child processes."""

    def __init__(self) -> None:
        self._began, self._used = time.monotonic(), sum(os.times()[:4])

    def read(self) -> dict[str, float]:
        """Return `seconds` and `cpu_seconds`; on a busy machine only the latter measures the work."""
        return {
            "seconds": time.monotonic() - self._began,
            "cpu_seconds": sum(os.times()[:4]) - self._used,
        }
