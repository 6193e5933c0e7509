"""`scripts/bench speed`: time grutext and its peers, and write the tables of the results."""

from __future__ import annotations

import contextlib
import json
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from benchmarks.accuracy import PAGE, ROOT, choose_sets
from benchmarks.ours import describe_source
from benchmarks.results import read_results
from benchmarks.speed.job import PARTS, Bench
from benchmarks.speed.rows import keep_row
from benchmarks.speed.tables import BEGIN, END, render_tables
from benchmarks.tables import replace_tables

RESULTS = ROOT / "benchmarks" / "speed.jsonl"
_PACKAGES = ("numpy", "numba", "tensorflow", "keras", "onnxruntime", "fasttext-numpy2", "scikit-learn")


@click.command()
@click.argument("parts", metavar="[PART]...", nargs=-1, type=click.Choice(PARTS))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The folder of the sets [default: ../shared/data beside the repository].",
)
@click.option(
    "--sets", default="imdb,banking77,clinc150,thucnews10_partial", show_default=True,
    help="The sets whose texts are read; parts that need one set take the first.",
)  # fmt: skip
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True, help="Turns of each timing.")
@click.option(
    "--models",
    type=click.Path(path_type=Path),
    help="A folder whose models are used, and where those that it lacks are kept [default: trained anew].",
)
@click.option("--table-only", is_flag=True, help="Writes the tables from the results that are there.")
def main(
    parts: tuple[str, ...], data: Path | None, sets: str, repeats: int, models: Path | None, table_only: bool
) -> None:
    """Time the parts, by default all of them, each in a process of its own.

    Each result is written to benchmarks/speed.jsonl at once and replaces an earlier one. At the end, or when
    interrupted, the tables of docs/research/benchmarks.md are written from that file.
    """
    if table_only:
        return write_tables()
    folder = data or ROOT.parent / "shared" / "data"
    names = tuple(one.name for one in choose_sets(folder, tuple(sets.split(","))))
    origin = {"versions": find_versions(), "commit": describe_source()}
    failed = 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the tables are written
    try:
        with contextlib.ExitStack() as stack:
            place = models or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            for part in parts or PARTS:
                failed += run_part(part, Bench(folder, names, place, repeats), origin)
    finally:
        write_tables()
    sys.exit(failed > 0)


def run_part(part: str, bench: Bench, origin: Mapping[str, object]) -> bool:
    """Run a part, save its rows as they arrive, and return whether it failed."""
    click.echo(f"{part} …", err=True)
    command = [sys.executable, "-m", "benchmarks.speed.job", part, bench.to_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            for name, values in map(json.loads, process.stdout or ()):
                rounded = {key: float(f"{value:.6g}") for key, value in values.items()}
                keep_row(RESULTS, {"part": part, "name": name, "values": rounded} | dict(origin))
                click.echo(f"{part}: {name}: {rounded}", err=True)
        except BaseException:
            process.terminate()
            raise
    return process.returncode != 0


def write_tables() -> None:
    """Write the tables of all results into the page."""
    page, tables = PAGE.read_text(encoding="utf-8"), render_tables(read_results(RESULTS))
    PAGE.write_text(replace_tables(page, tables, BEGIN, END), encoding="utf-8")


def find_versions() -> dict[str, str]:
    """Return the processor and the versions of Python and of the installed packages."""
    return {"on": _processor(), "Python": platform.python_version()} | dict(_installed())


def _installed() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            yield name, version(name)


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    main(prog_name="scripts/bench speed")
