"""Progress of a training phase, and the learning rate that depends on it."""

from __future__ import annotations

import math
import time


class Schedule:
    """Learning rate schedule over the epochs or over the time, whichever is closer to its end.

    Args:
        epochs: Epochs of the phase, at most.
        warmup: Share of the phase in which the rate rises, in 0..1.
        deadline: `time.monotonic()` at which the phase must be over; infinite for no limit.

    Attributes:
        began: `time.monotonic()` when the schedule was made.
        reserve: Seconds before the deadline that are kept for an evaluation on the dev set.
        time_is_up: Whether the deadline, less the reserve, was reached when `progress` was last called.
    """

    def __init__(self, epochs: int, warmup: float, deadline: float = math.inf) -> None:
        self.epochs, self.warmup, self.deadline = epochs, warmup, deadline
        self.began = time.monotonic()
        self.reserve = 0.0
        self.time_is_up = False

    def progress(self, epoch: int, share: float) -> float:
        """Return how much of the phase is done, in 0..1.

        Args:
            epoch: The current epoch, from 1.
            share: How much of it is done, in 0..1.
        """
        done = (epoch - 1 + share) / self.epochs
        if self.deadline == math.inf:
            return done
        available = max(1e-9, self.deadline - self.reserve - self.began)
        timed = (time.monotonic() - self.began) / available
        self.time_is_up = timed >= 1.0
        return min(1.0, max(done, timed))

    def rate(self, progress: float) -> float:
        """Return the factor on the peak learning rate: a linear rise, then half a cosine down to zero."""
        if progress < self.warmup:
            return max(progress, 1e-3) / self.warmup
        return 0.5 * (1.0 + math.cos(math.pi * (progress - self.warmup) / (1.0 - self.warmup)))
