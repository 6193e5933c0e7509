"""The next batches are made while the network learns from this one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import Any, TypeVar

Item = TypeVar("Item")
_AHEAD = 2
_WAIT = 0.05  # seconds between two looks whether anyone still waits


def prefetch(items: Iterable[Item]) -> Generator[Item, None, None]:
    """Yields the items in their order, of which a thread makes the next ones meanwhile: two that are ready, one in its hands.

    An error in the making is raised when its item's turn comes. When the generator is closed, the thread is over.
    """
    made: queue.Queue[tuple[str, Any]] = queue.Queue(_AHEAD)
    is_closed = threading.Event()

    def hand_over(kind: str, value: Any) -> None:
        while not is_closed.is_set():
            with suppress(queue.Full):
                made.put((kind, value), timeout=_WAIT)
                return

    def make() -> None:
        try:
            for item in items:
                hand_over("item", item)
                if is_closed.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 (raised by the thread that waits for the item)
            hand_over("error", error)
        else:
            hand_over("end", None)

    thread = threading.Thread(target=make, name="batches", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = made.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        is_closed.set()
        thread.join()
