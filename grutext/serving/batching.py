"""Answer requests together that wait at the same time.

No request waits for company: the first one is answered at once, in a thread beside the event loop, and those that
arrive meanwhile form the next batch. So batches are single requests while there is little to do, and grow with the load.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from grutext.serving.errors import BusyError

Item = TypeVar("Item", bound=Sized)
Result = TypeVar("Result")
Work = Callable[[Sequence[Item]], Sequence[Result]]

BATCH_ITEMS, BATCH_SIZE = 64, 50_000


@dataclass(eq=False)
class _Job:
    """A request that waits.

    Attributes:
        work: What computes the results of items.
        items: All items.
        done: Gets all results.
        results: The results so far.
        taken: The number of items that are in the current batch.
    """

    work: Work[Any, Any]
    items: Sequence[Any]
    done: asyncio.Future[list[Any]]
    results: list[Any] = field(default_factory=list)
    taken: int = 0

    def part(self) -> Sequence[Any]:
        """Return the items in the current batch."""
        return self.items[len(self.results) : len(self.results) + self.taken]


class Batcher:
    """Computes the results of many small requests in few calls, in one thread of its own.

    A batch has the items of all waiting requests with equal `work`, up to 64 items or 50,000 characters. A request
    with more is continued behind the others, so that it does not hold them up.

    Args:
        max_waiting: The number of requests from which on further ones are refused.
        observe: Is called with the number of items of each batch.
    """

    def __init__(self, max_waiting: int, observe: Callable[[int], None] = lambda _: None) -> None:
        self._max_waiting = max_waiting
        self._observe = observe
        self._waiting: deque[_Job] = deque()
        self._thread = ThreadPoolExecutor(1, "grutext-batches")
        self._running: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """The number of requests that wait, apart from those of the current batch."""
        return len(self._waiting)

    async def run(
        self, work: Work[Item, Result], items: Sequence[Item], *, patient: bool = False
    ) -> list[Result]:
        """Return the results of the items, in their order.

        Args:
            work: Computes the results of any number of items in one call, in another thread. Requests whose `work` is
                equal share a call.
            items: The items; their lengths (`len`) limit the size of a batch.
            patient: Whether to wait however many are waiting.

        Raises:
            BusyError: Too many requests are waiting.
            Exception: Whatever `work` raises for these items.
        """
        if len(self._waiting) >= self._max_waiting and not patient:
            raise BusyError(f"{len(self._waiting):,} requests are waiting; try again in a second")
        job = _Job(work, items, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        if self._running is None:
            self._running = asyncio.create_task(self._run_all())
        return await job.done

    def close(self) -> None:
        """End the thread; requests that wait are lost."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch = self._take()
                if not batch:
                    continue
                self._observe(sum(job.taken for job in batch))
                outcomes = await loop.run_in_executor(self._thread, _compute, batch)
                for job, outcome in zip(batch, outcomes, strict=True):
                    self._settle(job, outcome)
        finally:
            self._running = None

    def _take(self) -> list[_Job]:
        """Remove the jobs of the next batch from the queue, and decide how many of their items are in it."""
        batch: list[_Job] = []
        items = size = 0
        while self._waiting and items < BATCH_ITEMS and size < BATCH_SIZE:
            job = self._waiting[0]
            if job.done.done():  # its client has gone
                self._waiting.popleft()
                continue
            if batch and job.work != batch[0].work:
                break
            begin = len(job.results)
            for item in job.items[begin : begin + BATCH_ITEMS - items]:
                if job.taken and size >= BATCH_SIZE:
                    break
                job.taken, size = job.taken + 1, size + len(item)
            items += job.taken
            batch.append(self._waiting.popleft())
        return batch

    def _settle(self, job: _Job, outcome: Sequence[Any] | Exception) -> None:
        """Give a job the results of its part, and put it back into the queue if that was not all."""
        if job.done.done():
            return
        if isinstance(outcome, Exception):
            job.done.set_exception(outcome)
            return
        job.results += outcome
        job.taken = 0
        if len(job.results) < len(job.items):
            self._waiting.append(job)
        else:
            job.done.set_result(job.results)


def _compute(batch: Sequence[_Job]) -> list[Sequence[Any] | Exception]:
    """Return the results of each job's part; if the common call fails, each job is computed, and may fail, by itself."""
    parts = [job.part() for job in batch]
    try:
        results = batch[0].work([item for part in parts for item in part])
    except Exception as error:  # noqa: BLE001 - it is raised where the request waits
        return [error] if len(batch) == 1 else [_compute([job])[0] for job in batch]
    ends = [sum(map(len, parts[: n + 1])) for n in range(len(parts))]
    return [results[end - len(part) : end] for part, end in zip(parts, ends, strict=True)]
