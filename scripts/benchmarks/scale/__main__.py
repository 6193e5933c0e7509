"""`scripts/bench scale`: measure the constants of the cost model and check it, and time one core against two."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import click

from benchmarks.accuracy import ROOT
from benchmarks.bulk import iterate_rows, render_row
from benchmarks.ours import describe_source
from benchmarks.results import read_results
from benchmarks.scale.tables import BEGIN, END, PAGE, render_tables
from benchmarks.speed.__main__ import find_versions
from benchmarks.speed.job import Bench
from benchmarks.speed.models import open_model
from benchmarks.speed.rows import keep_row
from benchmarks.tables import replace_tables
from grutext.config import Config
from grutext.text import TOKENIZERS, normalize

RESULTS = ROOT / "benchmarks" / "scale.jsonl"
GRUTEXT = (sys.executable, "-m", "grutext")
SETS = {"short": "sst2", "long": "imdb"}
PARTS = ("predict", "train", "cores")
# The last one of each kind checks what the two before it predict.
PREDICTED = {"short": (10_000, 100_000, 300_000, 1_000_000), "long": (3_000, 10_000, 30_000, 100_000)}
TRAINED = {"short": (10_000, 30_000, 100_000), "long": (1_000, 3_000, 10_000)}
_ONE_EPOCH = {"training.epochs": 1, "training.pretraining_epochs": 1}
_CORES_TEXTS = {"short": 5_000, "long": 2_500}
_SAMPLE = 2_000  # texts whose tokens are counted
Row = tuple[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where files and models are.

    Attributes:
        data: The folder of the data sets.
        models: The folder of the models.
        files: A folder for files of texts.
    """

    data: Path
    models: Path
    files: Path

    def texts(self, kind: str, count: int) -> Path:
        """Return a file of so many texts like those of a set, which is written if it is not there."""
        path = self.files / f"{kind}-{count}.jsonl"
        if not path.exists():
            sources = sorted((self.data / SETS[kind]).glob("t*.jsonl.gz"))
            # In a process of its own: the memory of this one would count as that of the processes that it starts.
            writer = get_context("spawn").Process(target=write_texts, args=(path, sources, count))
            writer.start()
            writer.join()
        return path

    def model(self, kind: str) -> Path:
        """Return the folder of a model of default size."""
        return open_model(Bench(self.data, (SETS[kind],), self.models, 1), SETS[kind])


@click.command()
@click.argument("parts", metavar="[PART]...", nargs=-1, type=click.Choice(PARTS))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The folder of the sets [default: ../shared/data beside the repository].",
)
@click.option(
    "--most", type=click.IntRange(1), default=10**6, show_default=True, help="Texts in the largest file."
)
@click.option(
    "--models",
    type=click.Path(path_type=Path),
    help="A folder for the models and files [default: none is kept].",
)
@click.option("--table-only", is_flag=True, help="Writes the tables from the results that are there.")
def main(parts: tuple[str, ...], data: Path | None, most: int, models: Path | None, table_only: bool) -> None:
    """Measure on one core what a text costs in prediction and training, and how much sooner two cores are done.

    Costs are processor time, so that other processes do not count, though they slow the memory down. Each result is written to
    benchmarks/scale.jsonl at once and replaces an earlier one; then the tables of docs/research/scale.md are written.
    """
    origin = {"versions": find_versions(), "commit": describe_source()}
    with tempfile.TemporaryDirectory() as temporary:
        folder = models or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        place = Place(data or ROOT.parent / "shared" / "data", folder, folder)
        measures = {"predict": measure_prediction, "train": measure_training, "cores": measure_cores}
        for part in () if table_only else parts or PARTS:
            for name, values in measures[part](place, most):
                rounded = {key: float(f"{value:.6g}") for key, value in values.items()}
                keep_row(RESULTS, {"part": part, "name": name, "values": rounded} | origin)
                click.echo(f"{part}: {name}: {rounded}", err=True)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(replace_tables(page, render_tables(read_results(RESULTS)), BEGIN, END), encoding="utf-8")


def measure_prediction(place: Place, most: int) -> Iterator[Row]:
    """Yield what `grutext predict` costs on one core for files of several sizes."""
    for kind, sizes in PREDICTED.items():
        for count in (size for size in sizes if size <= most):
            path, output = place.texts(kind, count), place.files / "out.jsonl"
            used = run_on(
                [0],
                [*GRUTEXT, "predict", str(path), "-m", str(place.model(kind)), "-o", str(output), "--quiet"],
            )
            sizes_in_bytes = {"read": path.stat().st_size, "written": output.stat().st_size}
            yield f"{kind}, {count:,}", {"texts": count} | used | sizes_in_bytes


def measure_training(place: Place, most: int) -> Iterator[Row]:
    """Yield what one epoch of pretraining and one of training cost on one core, with the texts in files, and all other stages."""
    for kind, sizes in TRAINED.items():
        for count in (size for size in sizes if size <= most):
            path = place.texts(kind, count)
            command = [sys.executable, "-m", "benchmarks.scale.job", str(path), json.dumps(_ONE_EPOCH)]
            with pinned([0]):
                found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            yield f"{kind}, {count:,}", {"texts": count} | describe(path) | json.loads(found.stdout)


def measure_cores(place: Place, _: int) -> Iterator[Row]:
    """Yield the seconds of the same work on one core and on two."""
    for kind, sizes in PREDICTED.items():
        path, output = place.texts(kind, sizes[1]), place.files / "out.jsonl"
        yield (
            f"predict, {kind}",
            compare(
                [*GRUTEXT, "predict", str(path), "-m", str(place.model(kind)), "-o", str(output), "--quiet"]
            ),
        )
    for engine, kind in itertools.product(("numba", "tensorflow"), SETS):
        path = place.texts(kind, _CORES_TEXTS[kind])
        options = ["--overwrite", "--quiet", "--engine", engine, "--epochs", "2"]
        yield (
            f"train by {engine}, {kind}",
            compare([*GRUTEXT, "train", str(path), "-m", str(place.files / "trained"), *options]),
        )


def compare(command: Sequence[str]) -> dict[str, float]:
    """Return the seconds of a command on one core and on two."""
    return {name: run_on(cores, command)["seconds"] for name, cores in {"one": [0], "two": [0, 1]}.items()}


def run_on(cores: Sequence[int], command: Sequence[str]) -> dict[str, float]:
    """Run a command on some cores; return its seconds, its core-seconds and its peak memory."""
    began = time.monotonic()
    with pinned(cores):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(os.waitstatus_to_exitcode(status))
    seconds = time.monotonic() - began
    return {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "mb": used.ru_maxrss / 1e3}


@contextmanager
def pinned(cores: Sequence[int]) -> Iterator[None]:
    """Restrict the processes that are started within the context to some of the cores that this one may use, by their places."""
    before = os.sched_getaffinity(0)
    mine = sorted(before)
    os.sched_setaffinity(0, {mine[core] for core in cores})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def write_texts(path: Path, sources: list[Path], count: int) -> None:
    """Write so many texts, made from those of the sources."""
    with path.open("w", encoding="utf-8") as file:
        for row in itertools.islice(iterate_rows(sources, 10**18, 1), count):
            file.write(render_row(row))


def describe(path: Path) -> dict[str, float]:
    """Return the mean characters and tokens of a text, of the latter as many as an epoch reads."""
    with path.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in itertools.islice(lines, _SAMPLE)]
    window = Config().training.window
    tokens = [min(window, len(TOKENIZERS["word"](normalize(text)))) for text in texts]
    return {"characters": sum(map(len, texts)) / len(texts), "tokens": sum(tokens) / len(tokens)}


if __name__ == "__main__":
    main(prog_name="scripts/bench scale")
