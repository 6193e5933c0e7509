"""How long something took, by the clock and by the processor."""

from __future__ import annotations

import os
import time


class Stopwatch:
    """Runs from when it is built. Processor seconds count all threads, and processes that have ended."""

    def __init__(self) -> None:
        self._began, self._used = time.monotonic(), sum(os.times()[:4])

    def read(self) -> dict[str, float]:
        """Gives `seconds` and `cpu_seconds`; on a busy machine only the second says what the work costs."""
        return {
            "seconds": time.monotonic() - self._began,
            "cpu_seconds": sum(os.times()[:4]) - self._used,
        }
