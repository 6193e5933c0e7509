"""What is done for every request: it is counted, timed and logged, and its answer gets headers."""

from __future__ import annotations

import time

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grutext.serving.access import check_host
from grutext.serving.errors import BusyError, ForbiddenError, error_headers
from grutext.serving.intake import Share
from grutext.serving.service import Service

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_CLOSE = (b"connection", b"close")
_ENDS_CONNECTION = {408, 413}  # the rest of the body is not read
# Bytes of an answer that are sent at a time; the next ones wait until the client has read them.
_PIECE = 1 << 16


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
        began, exchange = time.perf_counter(), _Exchange(self._service, receive, send)
        try:
            check_host(Headers(scope=scope).get("host", ""), self._service.hosts)
            await self._app(scope, exchange.receive, exchange.send)
        except ForbiddenError as error:
            await JSONResponse({"error": str(error)}, error.status)(scope, receive, exchange.send)
        finally:
            exchange.end()
            self._note(scope, exchange.status, time.perf_counter() - began)

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


class _Exchange:
    """A request that is read, and its answer that is sent, while both are counted as held.

    Attributes:
        status: That of the answer.
    """

    def __init__(self, service: Service, receive: Receive, send: Send) -> None:
        self._service = service
        self._receive = receive
        self._send = send
        self._share = Share(service.intake)
        self._is_read = True
        self._is_refused = False
        self.status = 500

    async def receive(self) -> Message:
        """Return the next part of the request.

        Raises:
            BusyError: The server holds too much.
        """
        message = await self._receive()
        try:
            self._share.add(len(message.get("body", b"")))
        except BusyError:
            self._is_read = False
            raise
        return message

    async def send(self, message: Message) -> None:
        """Send the next part of the answer, or an error instead of all of it if the server holds too much."""
        if self._is_refused:
            return
        if message["type"] == "http.response.start":
            try:
                self._share.add(int(Headers(raw=message["headers"]).get("content-length", 0)))
            except BusyError as error:
                refusal = JSONResponse({"error": str(error)}, error.status, error_headers(error))
                await self._begin(refusal.status_code, refusal.raw_headers)
                await self._send({"type": "http.response.body", "body": refusal.body})
                self._is_refused = True
            else:
                await self._begin(message["status"], message["headers"])
            return
        body = message.get("body", b"")
        last = max(0, len(body) - 1) // _PIECE * _PIECE
        for start in range(0, last, _PIECE):
            await self._send({**message, "body": body[start : start + _PIECE], "more_body": True})
        await self._send({**message, "body": body[last:]})

    def end(self) -> None:
        """Count nothing as held any more."""
        self._share.drop(self._share.held)

    async def _begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        added = list(_HEADERS)
        if self._service.is_draining or status in _ENDS_CONNECTION or not self._is_read:
            added.append(_CLOSE)
        await self._send({"type": "http.response.start", "status": status, "headers": [*headers, *added]})
