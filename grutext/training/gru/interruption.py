"""What ends a training before its time, with the model that there is all the same."""

from __future__ import annotations

import signal
import threading
from typing import Any, final

from grutext.errors import TrainingError
from grutext.model.bundle import Bundle


@final
class DeferredInterrupt:
    """Holds Ctrl-C back until `check` is called, where the state is whole; pressed again, it comes at once.

    A signal that comes while a step runs may be raised as soon as it returns, before anyone has noted that it is
    done.

    Attributes:
        pressed_again: Whether it came at once.
    """

    def __init__(self) -> None:
        self.pressed_again = False
        self._pressed = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> DeferredInterrupt:
        if threading.current_thread() is threading.main_thread():  # Python allows no other
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is signal.default_int_handler:
                    self._before[number] = signal.signal(number, self._press)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raises a KeyboardInterrupt if Ctrl-C was pressed."""
        if self._pressed:
            raise KeyboardInterrupt

    def _press(self, number: int, frame: Any) -> None:  # noqa: ARG002 (a handler's signature)
        if self._pressed:
            self.pressed_again = True
            raise KeyboardInterrupt
        self._pressed = True


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
        bundle: The best weights so far, calibrated; None where there are none.
    """

    def __init__(self, problem: str, bundle: Bundle | None = None) -> None:
        super().__init__(problem)
        self.bundle = bundle
