"""Clients that load a server: closed loops by wrk, and open ones."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
_SCRIPT = """
local bodies, next_one = {}, 0
for line in io.lines("BODIES") do bodies[#bodies + 1] = line end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
  next_one = next_one % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[next_one])
end
"""


class Load(NamedTuple):
    """What clients have seen.

    Attributes:
        rate: Answers in a second.
        p50: The median latency, milliseconds.
        p99: The latency that 99 % do not exceed, milliseconds.
        failures: Answers that were errors, and connections that broke.
    """

    rate: float
    p50: float
    p99: float
    failures: int


def write_bodies(texts: Sequence[str], folder: Path, name: str) -> Path:
    """Write a body with each of the texts to a file, and return a script of wrk that sends them in turn."""
    bodies, script = folder / f"{name}.jsonl", folder / f"{name}.lua"
    bodies.write_text("".join(json.dumps({"texts": [text]}) + "\n" for text in texts), encoding="utf-8")
    script.write_text(_SCRIPT.replace("BODIES", str(bodies)), encoding="utf-8")
    return script


def closed_loop(url: str, script: Path, connections: int, seconds: float) -> Load:
    """Let each connection send a request as soon as it has the answer to the one before."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "20s", "--latency", "-s"]
    printed = subprocess.run([*command, str(script), url], capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    shares = {
        share: _milliseconds(value)
        for share, value in re.findall(r"^\s+(50|99)%\s+(\S+)", printed, re.MULTILINE)
    }
    errors = re.findall(r"(?:connect|read|write|timeout) (\d+)|Non-2xx or 3xx responses: (\d+)", printed)
    assert rate is not None
    return Load(
        float(rate[1]),
        shares["50"],
        shares["99"],
        sum(int(number or 0) for pair in errors for number in pair),
    )


def open_loop(port: int, bodies: Path, rate: float, seconds: float) -> Load:
    """Send requests at a fixed rate whatever the server does; latency counts from when a request was due."""
    return asyncio.run(_open_loop(port, bodies.read_bytes().splitlines(), rate, seconds))


async def _open_loop(port: int, bodies: Sequence[bytes], rate: float, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    times: list[float] = []
    failures = 0

    async def ask(body: bytes, due: float) -> None:
        nonlocal failures
        reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", answer)
        assert length is not None
        await reader.readexactly(int(length[1]))
        times.append(loop.time() - due)
        failures += not answer.startswith(b"HTTP/1.1 200")
        idle.append((reader, writer))

    began, tasks = loop.time(), []
    for n in range(int(rate * seconds)):
        due = began + n / rate
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
        tasks.append(asyncio.create_task(ask(bodies[n % len(bodies)], due)))
    await asyncio.gather(*tasks)
    for _, writer in idle:
        writer.close()
    times.sort()
    spent = loop.time() - began
    return Load(
        len(times) / spent, 1e3 * times[len(times) // 2], 1e3 * times[int(0.99 * len(times))], failures
    )


def _milliseconds(value: str) -> float:
    number = re.fullmatch(r"([\d.]+)([a-z]+)", value)
    assert number is not None
    return float(number[1]) * _UNITS[number[2]]
