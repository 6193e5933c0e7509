"""The ways in which a training stops early; each keeps a usable model."""

from __future__ import annotations

import signal
import threading
from typing import Any, final

from grutext.errors import TrainingError
from grutext.model.bundle import Bundle


@final
class DeferredInterrupt:
    """Context manager that defers Ctrl-C until `check` is called; a second Ctrl-C is raised at once.

    A signal that arrives during a training step would otherwise be raised as soon as the step returns, before the
    step is counted, and the state could not be saved. SIGTERM is deferred as well where it raises a
    KeyboardInterrupt. Outside the main thread, where Python allows no signal handlers, nothing is deferred.

    Attributes:
        pressed: Whether a signal arrived.
        pressed_again: Whether a second signal was raised at once.
    """

    def __init__(self) -> None:
        self.pressed_again = False
        self.pressed = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> DeferredInterrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is signal.default_int_handler:
                    self._before[number] = signal.signal(number, self._press)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise a KeyboardInterrupt if Ctrl-C was pressed."""
        if self.pressed:
            raise KeyboardInterrupt

    def _press(self, number: int, frame: Any) -> None:  # noqa: ARG002 (a handler's signature)
        if self.pressed:
            self.pressed_again = True
            raise KeyboardInterrupt
        self.pressed = True


class Interrupted(KeyboardInterrupt):
    """A KeyboardInterrupt that carries the model trained so far.

    Args:
        bundle: The best weights so far, calibrated.
        message: What was saved of the training, for the user.

    Attributes:
        bundle: As given.
    """

    def __init__(self, bundle: Bundle, message: str = "interrupted") -> None:
        super().__init__(message)
        self.bundle = bundle


class DivergenceError(TrainingError):
    """A loss that is not finite.

    Args:
        problem: Where it occurred, and what to do.
        bundle: The best weights so far, calibrated; None where there are none.

    Attributes:
        bundle: As given.
    """

    def __init__(self, problem: str, bundle: Bundle | None = None) -> None:
        super().__init__(problem)
        self.bundle = bundle
