"""Prepare the next batches in a thread while the network trains on the current one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import Any, TypeVar

Item = TypeVar("Item")
_QUEUED = 2
_POLL_SECONDS = 0.05  # how often the thread looks whether the generator was closed


def prefetch(items: Iterable[Item]) -> Generator[Item, None, None]:
    """Yield items in order while a thread makes the next ones: two wait in a queue, and a third is being made.

    An error in making an item is raised when that item is due. Closing the generator ends the thread.
    """
    made: queue.Queue[tuple[str, Any]] = queue.Queue(_QUEUED)
    is_closed = threading.Event()

    def put(kind: str, value: Any) -> None:
        while not is_closed.is_set():
            with suppress(queue.Full):
                made.put((kind, value), timeout=_POLL_SECONDS)
                return

    def make() -> None:
        try:
            for item in items:
                put("item", item)
                if is_closed.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 (raised by the thread that waits for the item)
            put("error", error)
        else:
            put("end", None)

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
