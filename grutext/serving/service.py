"""What the routes of a server share: the models, the batches, the metrics and the options."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import anyio
from starlette.requests import HTTPConnection

from grutext.serving.batching import Batcher, Item, Work
from grutext.serving.errors import UnavailableError
from grutext.serving.intake import Intake
from grutext.serving.metrics import Metrics
from grutext.serving.models import Models
from grutext.serving.options import ServerOptions

Result = TypeVar("Result")

_BODIES = 32  # of the largest size, that are held at the same time


class Service:
    """The state of a server.

    Args:
        models: Its models, which may not be loaded yet.
        options: Its settings.

    Attributes:
        models: Its models.
        options: Its settings.
        metrics: What it counts.
        intake: What its clients have sent and is not answered yet.
        is_draining: Whether it has been told to stop, so that connections end after their answers.
        sessions: The number of open sessions.
        hosts: The names that requests may have in their header Host; None for any.
    """

    def __init__(self, models: Models, options: ServerOptions) -> None:
        self.models = models
        self.options = options
        self.metrics = Metrics()
        self.intake = Intake(_BODIES * options.limits.body)
        self.is_draining = False
        self.sessions = 0
        self.hosts: frozenset[str] | None = None
        self._batcher = Batcher(options.limits.waiting, self.metrics.batch_texts.observe)
        self._details = Batcher(options.limits.waiting)
        self._loading = asyncio.Lock()
        self.metrics.sessions.set_function(lambda: self.sessions)
        self.metrics.waiting.set_function(lambda: self._batcher.waiting + self._details.waiting)

    async def load(self) -> None:
        """Load the models, for the first time or again, while requests are answered.

        Raises:
            BundleError: A model cannot be loaded; those that were loaded before stay.
            ConfigError: The number of threads is below 1.
        """
        async with self._loading:
            outcome = "failed"
            try:
                await asyncio.to_thread(self.models.load)
                outcome = "done"
            finally:
                self.metrics.loads.labels(outcome).inc()

    async def run(self, work: Work[Item, Result], items: Sequence[Item]) -> list[Result]:
        """Return the results of `work` for the items, computed together with those of other requests.

        Raises:
            BusyError: Too many requests are waiting.
            UnavailableError: It took too long.
            Exception: Whatever `work` raises.
        """
        return await self._wait_for(self._batcher.run(work, items))

    async def advance(self, work: Work[Item, Result], item: Item) -> Result:
        """Return the result of `work` for a session, which is not refused for many requests: it would lose its text.

        Raises:
            UnavailableError: It took too long.
            Exception: Whatever `work` raises.
        """
        (result,) = await self._wait_for(self._batcher.run(work, [item], patient=True))
        return result

    async def look_inside(self, work: Work[Item, Result], items: Sequence[Item]) -> list[Result]:
        """Return the results of `work`, which takes long, in another thread than that of the answers; errors as for `run`."""
        return await self._wait_for(self._details.run(work, items))

    async def _wait_for(self, results: Coroutine[Any, Any, list[Result]]) -> list[Result]:
        seconds = self.options.limits.seconds
        with anyio.move_on_after(seconds):
            return await results
        raise UnavailableError(f"there was no answer within {seconds:g} s; send fewer or shorter texts")

    def is_token(self, given: str) -> bool:
        """Return whether a client with this token may use the server."""
        expected = self.options.token
        return expected is None or secrets.compare_digest(given.encode(), expected.encode())

    @contextmanager
    def count_session(self) -> Iterator[None]:
        """Count a session as open within the context."""
        self.sessions += 1
        try:
            yield
        finally:
            self.sessions -= 1

    def log(self, **fields: Any) -> None:
        """Write a line of JSON to stderr; where nobody reads it any more, requests are answered all the same."""
        with suppress(OSError, ValueError):
            print(json.dumps(fields, ensure_ascii=False), file=sys.stderr, flush=True)  # noqa: T201

    def close(self) -> None:
        """End the threads that answer."""
        self._batcher.close()
        self._details.close()


def service_of(connection: HTTPConnection) -> Service:
    """Return the service that a request or a session belongs to."""
    service: Service = connection.app.state.service
    return service
