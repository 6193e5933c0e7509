"""`grutext serve` in a process of its own, on a free port."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grutext


class RunningServer:
    """A server that is ready.

    Attributes:
        process: Its process; its notes are on `stderr`.
        url: Its address.
        port: Its port on the loopback.
    """

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url
        self.port = int(url.rpartition(":")[2])

    def connect(self, timeout: float = 10) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def read_note(self) -> str:
        """Wait for the next line on stderr, and return it without the name of the program."""
        assert self.process.stderr is not None
        return self.process.stderr.readline().rstrip("\n").removeprefix("grutext: ")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal that ends the server, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def start_server(*arguments: object, compiled: bool = False) -> Iterator[RunningServer]:
    """Start a server with these arguments, and end it."""
    environment = os.environ | {"PYTHONPATH": str(Path(grutext.__file__).parents[1])}
    if not compiled:
        environment["NUMBA_DISABLE_JIT"] = "1"  # NumPy is ready sooner
    process = subprocess.Popen(
        [sys.executable, "-m", "grutext", "serve", "--port", "0", *map(str, arguments)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        listening = process.stderr.readline()
        found = re.fullmatch(r"grutext: listening on (http://\S+)\n", listening)
        assert found, listening
        server = RunningServer(process, found[1])
        ready = server.read_note()
        assert ready.startswith("ready: "), ready
        yield server
    finally:
        process.kill()
        process.communicate()
