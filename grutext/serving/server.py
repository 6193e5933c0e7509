"""Run a server until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn

from grutext.errors import ConfigError, GrutextError
from grutext.serving.access import allowed_hosts
from grutext.serving.app import build_app
from grutext.serving.service import Service

Note = Callable[[str], None]
_SETTLE_SECONDS = 1.0  # until connections that are idle when the server stops are closed


class Server(uvicorn.Server):
    """uvicorn's server, which loads the models, and obeys the signals of a service.

    SIGTERM and SIGINT let it refuse new connections, answer the requests that it has, and end. SIGHUP loads the models
    again.

    Args:
        config: uvicorn's settings.
        service: The state of the server.
        note: Is called with one line when the models are loaded, or cannot be loaded again.

    Attributes:
        error: Why the models could not be loaded at the start, if so.
        is_interrupted: Whether SIGINT ended it.
    """

    def __init__(self, config: uvicorn.Config, service: Service, note: Note) -> None:
        super().__init__(config)
        self._service = service
        self._note = note
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.error: Exception | None = None
        self.is_interrupted = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and to load the models."""
        await super().startup(sockets)
        self._start_loading()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let connections end after their next answer, and wait for the answers."""
        self._service.is_draining = True
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        settled = loop.time() + _SETTLE_SECONDS
        while self.server_state.connections and loop.time() < settled:  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals within the context."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handlers: dict[int, Callable[[int, FrameType | None], None]] = {
            signal.SIGINT: self.handle_exit,
            signal.SIGTERM: self.handle_exit,
        }
        if hasattr(signal, "SIGHUP"):
            handlers[signal.SIGHUP] = self._handle_reload
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the server; at a second SIGINT without waiting for answers."""
        self.is_interrupted |= sig == signal.SIGINT
        super().handle_exit(sig, frame)

    def _handle_reload(self, _number: int, _frame: FrameType | None) -> None:
        if self._loop is not None:  # otherwise they are about to be loaded
            self._loop.call_soon_threadsafe(self._start_loading)

    def _start_loading(self) -> None:
        self._loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._load())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _load(self) -> None:
        models = self._service.models
        began_empty = not models.are_loaded
        try:
            await self._service.load()
        except Exception as error:  # noqa: BLE001 - a server without models must end, one that has some must not
            if began_empty:
                self.error, self.should_exit = error, True
            else:
                self._note(f"the models are not loaded again: {error}")
        else:
            self._note("ready: " + ", ".join(f"{m.name} ({m.checksum[:12]})" for m in models.list()))


def serve(service: Service, host: str, port: int, note: Note) -> None:
    """Answer requests until SIGTERM or SIGINT.

    Args:
        service: The state of the server; its models are loaded while it runs already.
        host: The address to listen at.
        port: The port; 0 takes a free one.
        note: Is called with lines about what the server does.

    Raises:
        BundleError: A model cannot be loaded.
        ConfigError: The address cannot be listened at.
        KeyboardInterrupt: SIGINT ended it.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # not a line for each bad client
    listener = _listen(host, port)
    try:
        service.models.check()
    except GrutextError:
        listener.close()
        raise
    address, number = listener.getsockname()[:2]
    service.hosts = allowed_hosts(service.options, host, address)
    note(f"listening on http://{f'[{address}]' if ':' in address else address}:{number}")
    limits = service.options.limits
    config = uvicorn.Config(
        build_app(service),
        http=_http_protocol(limits.seconds),
        ws=_session_protocol(service),
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=limits.body,
        ws_per_message_deflate=False,  # it takes hundreds of kilobytes for each session
        timeout_graceful_shutdown=math.ceil(limits.seconds),
    )
    server = Server(config, service, note)
    _raise_file_limit()
    server.run([listener])
    if server.error is not None:
        raise server.error
    if server.is_interrupted:
        raise KeyboardInterrupt


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except (OSError, UnicodeError) as error:  # the latter if a part of the name is empty or too long
        problem = error.strerror if isinstance(error, OSError) else "that is no name of a host"
        raise ConfigError(
            f"cannot listen at {host}, port {port}: {problem}; choose others with --host and --port"
        ) from None
    listener.setblocking(False)
    return listener


def _http_protocol(seconds: float) -> Any:
    """Return the class that reads HTTP; with httptools it closes a connection whose request does not arrive in time."""
    try:
        from grutext.serving.protocol import patient_protocol
    except ImportError:
        return "auto"
    return patient_protocol(seconds)


def _session_protocol(service: Service) -> Any:
    """Return the class that reads WebSockets; with a recent uvicorn it bounds what all sessions together send at once."""
    try:
        from grutext.serving.session_protocol import bounded_protocol
    except ImportError:
        return "auto"
    return bounded_protocol(service.intake)


def _raise_file_limit() -> None:
    """Allow as many connections as the system allows this process; by default it is a fraction of them."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
