"""Wait until all workers have started: each reports to the chief, which answers all of them at the same time.

TensorFlow would wait for a worker that never starts without limit, and could not be interrupted while it does.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from grutext.engines.workers import VARIABLE, Task
from grutext.errors import ClusterError
from grutext.messages import list_names

SECONDS = 600.0  # that workers may start one after the other
_NOTE_SECONDS = 10.0  # after which the chief says whom it waits for
_RETRY_SECONDS = 0.2
_MESSAGE_SECONDS = 5.0  # that a message may take once there is a connection
_LONGEST_MESSAGE = 1 << 20  # bytes
_START = f"start the same command on each worker, with its own index in {VARIABLE}"


def meet(task: Task, note: Callable[[str], None]) -> None:
    """Return once all workers have called this.

    Args:
        task: Which of them this process is.
        note: Receives on the chief whom it waits for.

    Raises:
        ClusterError: A worker did not start in time, two have the same index, or the address of this one is in use.
    """
    deadline = time.monotonic() + SECONDS
    with _listen(task) as listener:
        if task.rank == 0:
            _wait_for_all(task, listener, deadline, note)
    if task.rank:  # its address is free
        _report(task, deadline)


def _wait_for_all(task: Task, listener: socket.socket, deadline: float, note: Callable[[str], None]) -> None:
    """Wait as the chief until all others have reported, and answer all at once."""
    listener.settimeout(_RETRY_SECONDS)
    note_at = time.monotonic() + _NOTE_SECONDS
    reports: list[tuple[int, socket.socket]] = []  # ranks, and connections that wait for the answer
    problem = ""
    while not problem:
        reports = [report for report in reports if _is_open(report[1])]
        missing = set(range(1, task.count)) - {rank for rank, _ in reports}
        now = time.monotonic()
        if not missing:
            break
        if now > deadline:
            problem = f"{_name(task, missing)} did not start within {SECONDS:g} s; {_START}"
        elif now > note_at:
            note_at = deadline
            note(f"waiting for {_name(task, missing)}, at most {SECONDS:g} s")
        with suppress(OSError):  # nobody connects
            connection, _ = listener.accept()
            problem = problem or _admit(task, connection, reports)
    for _, connection in reports:
        with connection, suppress(OSError):
            _send(connection, {"problem": problem})
    if problem:
        raise ClusterError(problem)


def _admit(task: Task, connection: socket.socket, reports: list[tuple[int, socket.socket]]) -> str:
    """Receive and add the report of a worker; return what is wrong with it, or "". What is no worker is ignored."""
    connection.settimeout(_MESSAGE_SECONDS)
    try:
        report = _receive(connection)
        rank, addresses = int(report["rank"]), [str(address) for address in report["addresses"]]
        if rank not in range(1, len(addresses)):
            raise ValueError(rank)  # noqa: TRY301 (like what cannot be read)
    except (OSError, ValueError, KeyError, TypeError):
        connection.close()
        return ""
    before = [rank for rank, _ in reports]
    reports.append((rank, connection))
    if addresses != list(task.addresses):
        return f"{VARIABLE} lists {list_names(addresses)} on one worker and {list_names(task.addresses)} on another"
    return f"{_name(task, [rank])} was started twice; {_START}" if rank in before else ""


def _report(task: Task, deadline: float) -> None:
    """Report to the chief, and wait for its answer."""
    reason = ""
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(_split(task.addresses[0]), _MESSAGE_SECONDS) as connection:
                _send(connection, {"rank": task.rank, "addresses": task.addresses})
                connection.settimeout(SECONDS + _MESSAGE_SECONDS)  # the chief may have started just now
                problem = str(_receive(connection)["problem"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = getattr(error, "strerror", None) or "it does not answer"
            time.sleep(_RETRY_SECONDS)
            continue
        if problem:
            raise ClusterError(problem)
        return
    raise ClusterError(f"{_name(task, [0])} did not start within {SECONDS:g} s ({reason}); {_START}")


def _listen(task: Task) -> socket.socket:
    """Listen on the port of this worker on all interfaces, as TensorFlow does.

    Raises:
        ClusterError: It is in use, or may not be used.
    """
    _, port = _split(task.addresses[task.rank])
    dual = socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            ("", port), family=socket.AF_INET6 if dual else socket.AF_INET, dualstack_ipv6=dual
        )
    except OSError as error:
        raise ClusterError(
            f"this worker cannot listen at its address {task.addresses[task.rank]}: {os.strerror(error.errno or 0)}"
        ) from None


def _split(address: str) -> tuple[str, int]:
    """Return host and port; the host of IPv6 is in brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _is_open(connection: socket.socket) -> bool:
    """Return whether the other end, which has sent all it has to send, still waits; close this end if it does not."""
    connection.settimeout(0)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        connection.settimeout(_MESSAGE_SECONDS)
        return True
    except OSError:
        pass
    connection.close()
    return False


def _send(connection: socket.socket, message: Mapping[str, Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def _receive(connection: socket.socket) -> Any:
    """Return a message.

    Raises:
        OSError: There is none in time.
        ValueError: It is none, or the other end is gone.
    """
    with connection.makefile("rb") as lines:
        return json.loads(lines.readline(_LONGEST_MESSAGE))


def _name(task: Task, ranks: Iterable[int]) -> str:
    """Return names and addresses of workers, such as `worker 1 (10.0.0.2:2222)`."""
    return list_names([f"{task.names[rank]} ({task.addresses[rank]})" for rank in sorted(ranks)])
