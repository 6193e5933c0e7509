"""Start workers on this machine: each has its TF_CONFIG and its share of the cores. When one fails, all are ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

_POLL_SECONDS = 0.1
_END_SECONDS = 30.0  # that the others have to end by themselves when one has failed


def main(arguments: Sequence[str]) -> int:
    """Run the command line: the number of workers, `--`, and the command; return the exit code of the first that fails."""
    count, *command = [
        argument for place, argument in enumerate(arguments) if (place, argument) != (1, "--")
    ] or [""]
    if not count.isdecimal() or not int(count) or not command:
        print(
            "usage: scripts/cluster N -- COMMAND …, such as scripts/cluster 2 -- grutext train SHARDS -m DIR",
            file=sys.stderr,
        )
        return 2
    if shutil.which(command[0]) is None:
        print(f"scripts/cluster: {command[0]}: there is no such command", file=sys.stderr)
        return 127
    return run(int(count), command)


def run(count: int, command: Sequence[str]) -> int:
    """Start a command once for each worker, and wait for all; return the exit code of the first that fails, or 0."""
    addresses = free_addresses(count)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    workers = []
    for rank in range(count):
        if len(cores) >= count:
            os.sched_setaffinity(0, cores[rank::count])  # the worker inherits it
        workers.append(_start(rank, command, addresses))
    interrupted = False

    def interrupt(number: int, _: object) -> None:
        nonlocal interrupted
        interrupted = True
        _signal(workers, number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    first, ends_at = 0, float("inf")
    while None in (codes := [worker.poll() for worker in workers]):
        time.sleep(_POLL_SECONDS)
        failed = [code for code in codes if code]
        if failed and not first and not interrupted:  # or the chief may still save what there is
            first, ends_at = failed[0], time.monotonic() + _END_SECONDS
            _signal(workers, signal.SIGTERM)
        if time.monotonic() > ends_at:
            _signal(workers, signal.SIGKILL)
    return first or next(filter(None, codes), 0)


def free_addresses(count: int) -> list[str]:
    """Return addresses of this machine that nothing listens to."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


def _start(rank: int, command: Sequence[str], addresses: Sequence[str]) -> subprocess.Popen[str]:
    """Start a worker, in a session of its own: Ctrl-C reaches it through this process alone."""
    task = {"type": "worker", "index": rank}
    environment = os.environ | {"TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task})}
    worker = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    threading.Thread(target=_pass_on, args=(rank, worker.stdout)).start()
    return worker


def _pass_on(rank: int, lines: Any) -> None:
    for line in lines:
        print(f"[{rank}] {line}", end="", flush=True)


def _signal(workers: Sequence[subprocess.Popen[str]], number: int) -> None:
    for worker in workers:
        if worker.poll() is None:
            worker.send_signal(number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
