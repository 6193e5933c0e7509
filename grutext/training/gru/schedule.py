"""How far a training is, and the learning rate that goes with it."""

from __future__ import annotations

import math
import time


class Schedule:
    """Knows how far the training is, in steps or in time, whichever is further."""

    def __init__(self, epochs: int, warmup: float, deadline: float | None) -> None:
        self.epochs, self.warmup, self.deadline = epochs, warmup, deadline
        self.began = time.monotonic()
        self.reserve = 0.0  # seconds that one dev evaluation takes
        self.over = False

    def progress(self, epoch: int, share: float) -> float:
        """Gives how much of the training is done, in 0..1, when a share of an epoch is done."""
        done = (epoch - 1 + share) / self.epochs
        if self.deadline is None:
            return done
        left = max(1e-9, self.deadline - self.reserve - self.began)
        timed = (time.monotonic() - self.began) / left
        self.over = timed >= 1.0
        return min(1.0, max(done, timed))

    def rate(self, progress: float) -> float:
        """Gives the factor on the learning rate: a linear rise, then half a cosine down to zero."""
        if progress < self.warmup:
            return max(progress, 1e-3) / self.warmup
        return 0.5 * (1.0 + math.cos(math.pi * (progress - self.warmup) / (1.0 - self.warmup)))
