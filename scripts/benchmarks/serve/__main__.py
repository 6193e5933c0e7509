"""`scripts/bench serve`: measure `grutext serve` beside servers that one would write oneself."""

from __future__ import annotations

import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from benchmarks.serve.load import Load, closed_loop, open_loop, write_bodies
from benchmarks.serve.servers import PEERS, RunningServer, start_grutext
from grutext.data import ReadOptions, read_dataset

_WORDS = (20, 200)
_CONNECTIONS = (1, 16, 256)
_TEXTS = 200


@click.command()
@click.option("--model", type=click.Path(path_type=Path), help="Our model [default: trained on the sample].")
@click.option("--peers", default=",".join(PEERS), show_default=True, help="The other servers.")
@click.option("--seconds", default=10.0, show_default=True, help="Seconds of each measurement.")
@click.option(
    "--rounds", default=3, show_default=True, help="Measurements of each kind; medians are printed."
)
@click.option("--soak", default=0.0, show_default=True, help="Seconds at saturation, at the end.")
def main(model: Path | None, peers: str, seconds: float, rounds: int, soak: float) -> None:
    """Load the servers in turn, on the loopback, and print a table."""
    if shutil.which("wrk") is None:
        raise click.UsageError("wrk is not installed: apt-get install wrk")
    examples = read_dataset("sample", ReadOptions()).examples
    names = [name for name in peers.split(",") if name]
    if unknown := set(names) - set(PEERS):
        raise click.UsageError(
            f"--peers: {', '.join(sorted(unknown))} is unknown; there are {', '.join(PEERS)}"
        )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if model is None:
            model = folder / "model"
            command = [sys.executable, "-m", "grutext", "train", "sample", "-m", str(model), "--quiet"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        servers = {"grutext": start_grutext(model)}
        stack.callback(servers["grutext"].end)
        for name in names:
            servers[name] = PEERS[name](examples, folder)
            stack.callback(servers[name].end)
        scripts = {
            words: write_bodies(_texts([e.text for e in examples], words), folder, str(words))
            for words in _WORDS
        }
        saturation = _closed(servers, scripts, seconds, rounds)
        _open(servers["grutext"], scripts[20].with_suffix(".jsonl"), saturation / 2, seconds, rounds)
        if soak:
            _soak(servers["grutext"], scripts[20], soak)


def _texts(sources: Sequence[str], words: int) -> list[str]:
    """Return texts with a number of words, from the words of some texts in a row."""
    draw = random.Random(1)
    texts = []
    for _ in range(_TEXTS):
        pieces: list[str] = []
        while len(pieces) < words:
            pieces += draw.choice(sources).split()
        texts.append(" ".join(pieces[:words]))
    return texts


def _closed(
    servers: dict[str, RunningServer], scripts: dict[int, Path], seconds: float, rounds: int
) -> float:
    """Print a row for each server and kind of load; return the rate of our server at saturation with short texts."""
    click.echo("| words | connections | server | requests/s | p50 ms | p99 ms | CPU ms/request | failures |")
    click.echo("|---|---|---|---|---|---|---|---|")
    saturation = 0.0
    for words, script in scripts.items():
        for connections in _CONNECTIONS:
            seen: dict[str, list[tuple[Load, float]]] = {name: [] for name in servers}
            for _ in range(rounds):
                for name, server in servers.items():
                    before = server.cpu_seconds()
                    load = closed_loop(server.url, script, connections, seconds)
                    used = server.cpu_seconds() - before
                    seen[name].append((load, 1e3 * used / max(1.0, load.rate * seconds)))
            for name, loads in seen.items():
                rate, p50, p99 = (statistics.median(load[part] for load, _ in loads) for part in range(3))
                cpu = statistics.median(used for _, used in loads)
                failures = sum(load.failures for load, _ in loads)
                click.echo(
                    f"| {words} | {connections} | {name} | {rate:,.0f} | {p50:.1f} | {p99:.1f} | {cpu:.2f} | {failures} |"
                )
                if name == "grutext" and words == min(scripts):
                    saturation = max(saturation, rate)
    return saturation


def _open(server: RunningServer, bodies: Path, rate: float, seconds: float, rounds: int) -> None:
    loads = [open_loop(server.port, bodies, rate, seconds) for _ in range(rounds)]
    p50, p99 = (statistics.median(load[part] for load in loads) for part in (1, 2))
    click.echo(
        f"open loop, 20 words, {rate:,.0f} requests/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms, "
        f"{sum(load.failures for load in loads)} failures"
    )


def _soak(server: RunningServer, script: Path, seconds: float) -> None:
    began, part, failures, answers = time.monotonic(), max(5.0, seconds / 10), 0, 0.0
    while time.monotonic() - began < seconds:
        load = closed_loop(server.url, script, 256, part)
        failures, answers = failures + load.failures, answers + load.rate * part
        click.echo(
            f"{time.monotonic() - began:5.0f} s  {server.megabytes():7.1f} MB  {load.rate:,.0f} requests/s"
        )
    click.echo(f"soak: {answers:,.0f} requests, {failures} failures")


if __name__ == "__main__":
    main()
