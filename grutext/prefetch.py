"""Prepare the next items in threads while the consumer works on the current one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
_POLL_SECONDS = 0.05  # how often the thread looks whether the generator was closed


def prefetch(items: Iterable[Item], queued: int = 2) -> Generator[Item, None, None]:
    """Yield items in order while a thread makes the next ones: `queued` wait in a queue, and one more is being made.

    An error in making an item is raised when that item is due. Closing the generator ends the thread.
    """
    made: queue.Queue[tuple[str, Any]] = queue.Queue(queued)
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


def map_ahead(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Generator[Result, None, None]:
    """Yield `work(item)` for each item in order, while one thread makes the next items and `workers` threads work on them.

    An error in making an item, or in working on it, is raised when that item is due. Closing the generator ends the threads.
    """
    pool = ThreadPoolExecutor(workers, "grutext-ahead")
    try:
        with closing(prefetch((pool.submit(work, item) for item in items), workers)) as futures:
            for future in futures:
                yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)
