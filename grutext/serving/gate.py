"""What is done for every request: it is counted, timed and logged, and its answer gets headers."""

from __future__ import annotations

import time

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grutext.serving.access import check_host
from grutext.serving.errors import BusyError, ForbiddenError
from grutext.serving.intake import Share
from grutext.serving.service import Service

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_CLOSE = (b"connection", b"close")
_ENDS_CONNECTION = {408, 413}  # the rest of the body is not read


class Gate:
    """An ASGI application around the one that answers.

    Args:
        app: The application that answers.
        service: The server's state.
        paths: The paths that are counted by their names; others are counted together, as `other`.
    """

    def __init__(self, app: ASGIApp, service: Service, paths: frozenset[str]) -> None:
        self._app = app
        self._service = service
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand on a session."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        share, is_read = Share(self._service.intake), True

        async def receive_on() -> Message:
            nonlocal is_read
            message = await receive()
            try:
                share.add(len(message.get("body", b"")))
            except BusyError:
                is_read = False
                raise
            return message

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_HEADERS]
                if self._service.is_draining or status in _ENDS_CONNECTION or not is_read:
                    message["headers"].append(_CLOSE)
            await send(message)

        try:
            check_host(Headers(scope=scope).get("host", ""), self._service.hosts)
            await self._app(scope, receive_on, send_on)
        except ForbiddenError as error:
            await JSONResponse({"error": str(error)}, error.status)(scope, receive, send_on)
        finally:
            share.drop(share.held)
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        service = self._service
        path = scope["path"] if scope["path"] in self._paths else "other"
        service.metrics.requests.labels(path, status).inc()
        service.metrics.seconds.labels(path).observe(seconds)
        if service.options.log != "nothing":
            service.log(
                method=scope["method"],
                path=scope["path"],
                status=status,
                milliseconds=round(1000 * seconds, 2),
            )
