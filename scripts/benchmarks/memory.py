"""`scripts/bench memory`: measure the memory of `grutext predict` or `train` for files of several sizes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from benchmarks.bulk import FORMS, write_bulk

ROOT = Path(__file__).parents[2]
GRUTEXT = (sys.executable, "-m", "grutext")
# A linear part over single words is the fastest model: with it, 5 GB take minutes.
QUICK = ("--no-gru", "--set", "linear.char_max=0", "--set", "linear.word_max=1", "--quiet")
_PERIOD = 0.5  # seconds between two measurements


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The folder of the sets [default: ../shared/data beside the repository].",
)
@click.option("--set", "name", default="imdb", show_default=True, help="The set whose texts are repeated.")
@click.option("--sizes", default="0.1,0.5,5", show_default=True, help="Sizes in GB.")
@click.option(
    "--form", type=click.Choice(FORMS), default="jsonl", show_default=True, help="The form of the file."
)
@click.option("--pipe", is_flag=True, help="Reads stdin and writes stdout, in place of files.")
@click.option("--train", is_flag=True, help="Trains the default model on the file, in place of predicting.")
@click.option("--budget", default="25m", show_default=True, help="The time budget of each training.")
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="The model [default: words alone, trained on the sample].",
)
def main(
    data: Path | None, name: str, sizes: str, form: str, pipe: bool, train: bool, budget: str, model: Path | None
) -> None:  # fmt: skip
    """Write files of real texts with variations, and measure `grutext predict` or `train` on them.

    Print one line of a table per file. The files are written to a temporary folder (TMPDIR), which needs twice the size of the
    largest one.
    """
    folder = (data or ROOT.parent / "shared" / "data") / name
    sources = sorted(folder.glob("t*.jsonl.gz"))  # train and test
    if not sources:
        raise click.UsageError(
            f"{folder}: there are no train.jsonl.gz and test.jsonl.gz; --data and --set name them"
        )
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        if model is None and not train:
            model = place / "model"
            subprocess.run(
                [*GRUTEXT, "train", "sample", "-m", str(model), *QUICK], check=True, stdout=subprocess.DEVNULL
            )
        click.echo("| form | GB | rows | MB/s | peak MB | MB at a tenth of the time | at half | at the end |")
        click.echo("|---|---|---|---|---|---|---|---|")
        for size in map(float, sizes.split(",")):
            path = place / f"rows.{form}"
            rows = write_bulk(path, sources, int(size * 1e9))
            megabytes = path.stat().st_size / 1e6
            if model is None:
                command = [
                    *GRUTEXT,
                    "train",
                    str(path),
                    "-m",
                    str(place / "trained"),
                    "--time-budget",
                    budget,
                ]
                seconds, peak, samples = watch([*command, "--overwrite"])
            else:
                seconds, peak, samples = predict(path, place / "out.jsonl", model, pipe)
            points = [samples[int(share * (len(samples) - 1))] for share in (0.1, 0.5, 1)]
            cells = [f"{form}{', pipe' * pipe}", f"{size:g}", f"{rows:,}", f"{megabytes / seconds:.1f}"]
            click.echo(f"| {' | '.join([*cells, *(f'{value:.0f}' for value in (peak, *points))])} |")
            path.unlink()


def predict(path: Path, output: Path, model: Path, pipe: bool) -> tuple[float, float, list[float]]:
    """Run `grutext predict`; return the same as `watch`."""
    command = [*GRUTEXT, "predict", "-m", str(model), "--quiet"]
    if not pipe:
        found = watch([*command, str(path), "-o", str(output)])
    else:
        with path.open("rb") as rows, output.open("wb") as out:
            cat = subprocess.Popen(["cat"], stdin=rows, stdout=subprocess.PIPE)
            found = watch([*command, "-", "--format", path.suffix[1:]], stdin=cat.stdout, stdout=out)
    output.unlink()
    return found


def watch(command: list[str], **streams: Any) -> tuple[float, float, list[float]]:
    """Run a command; return its seconds, its peak and its resident memory over time, in MB."""
    begin = time.monotonic()
    process = subprocess.Popen(command, **streams)
    samples: list[float] = []
    peak = 0.0
    while process.poll() is None:
        status = read_status(process.pid)
        if "VmRSS" in status:
            samples.append(status["VmRSS"])
            peak = max(peak, status["VmHWM"])
        time.sleep(_PERIOD)
    if process.returncode:
        sys.exit(process.returncode)
    return time.monotonic() - begin, peak, samples


def read_status(pid: int) -> dict[str, float]:
    """Return the sizes of /proc/PID/status in MB; {} if the process has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(size) * 1024 / 1e6 for name, size, _ in pairs}


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(ROOT)
    main(prog_name="scripts/bench memory")
