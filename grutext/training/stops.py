"""What ends a training before its time, with the model that there is all the same."""

from __future__ import annotations

from grutext.errors import TrainingError
from grutext.model.bundle import Bundle


class Interrupted(KeyboardInterrupt):
    """Ctrl-C; like any other, but that a usable model comes with it.

    Args:
        bundle: The best weights so far, calibrated.
    """

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        self.bundle = bundle


class DivergenceError(TrainingError):
    """A loss that is not finite.

    Args:
        problem: Where it came up, and what to do.
        bundle: The best weights so far, calibrated.
    """

    def __init__(self, problem: str, bundle: Bundle) -> None:
        super().__init__(problem)
        self.bundle = bundle
