"""The time budget of a training, and what was left out to stay within it."""

from __future__ import annotations

import math
import time

WITHOUT_GRU = "the GRU part was not trained"  # how the sentence about a GRU part that was left out begins


class TimeBudget:
    """Seconds that a whole training may take.

    Args:
        seconds: The budget; 0 means no limit.
        started: `time.monotonic()` from which it counts; now, if left out.

    Attributes:
        seconds: The budget; infinite without a limit.
        end: `time.monotonic()` at which everything must be done; infinite without a limit.
        left_out: A sentence for each step that was cut short or skipped, by the name of the step.
    """

    def __init__(self, seconds: float = 0.0, started: float | None = None) -> None:
        started = time.monotonic() if started is None else started
        self.seconds = seconds or math.inf
        self.end = started + self.seconds
        self.left_out: dict[str, str] = {}

    def remaining(self) -> float:
        """Return the seconds that are left; negative when the time is up, infinite without a limit."""
        return self.end - time.monotonic()
