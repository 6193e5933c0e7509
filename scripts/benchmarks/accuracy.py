"""`scripts/bench accuracy`: train and test grutext and its peers, and write the tables of the results."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from benchmarks.results import AccuracyJob, read_results
from benchmarks.runs import job_command, run_pending
from benchmarks.sets import BenchSet, find_sets
from benchmarks.tables import render_tables, replace_tables

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "accuracy.jsonl"
PAGE = ROOT / "docs" / "research" / "benchmarks.md"
SYSTEMS = ("svm", "fasttext", "grutext")
_SMALL = 20_000  # training rows below which grutext is trained with three seeds


@click.command()
@click.argument("names", metavar="[SET]...", nargs=-1)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The folder of the sets [default: ../shared/data beside the repository].",
)
@click.option("--seeds", help="Seeds of grutext [default: 1,2,3 below 20,000 training rows, else 1].")
@click.option("--systems", default="grutext,svm,fasttext", show_default=True, help="What to measure.")
@click.option("--preset", help="The preset of grutext; left out, its default settings.")
@click.option(
    "--jobs",
    "at_once",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many run side by side; they share the cores.",
)
@click.option("--table-only", is_flag=True, help="Writes the tables from the results that are there.")
def main(
    names: tuple[str, ...],
    data: Path | None,
    seeds: str | None,
    systems: str,
    preset: str | None,
    at_once: int,
    table_only: bool,
) -> None:
    """Measure systems on data sets, by default on all sets of the folder.

    Each result is written to benchmarks/accuracy.jsonl at once and is not measured again; delete its line to repeat
    the measurement. At the end, or when interrupted, the tables of docs/research/benchmarks.md are written from that
    file.
    """
    if table_only:
        return write_tables()
    chosen = systems.split(",")
    if unknown := set(chosen) - set(SYSTEMS):
        raise click.UsageError(
            f"--systems: there is no {', '.join(sorted(unknown))}; choose from {', '.join(SYSTEMS)}"
        )
    folder = data or ROOT.parent / "shared" / "data"
    jobs = plan_jobs(choose_sets(folder, names), chosen, parse_seeds(seeds), preset)
    sys.exit(run_pending(jobs, at_once, RESULTS, job_command("benchmarks.job", folder), write_tables) > 0)


def write_tables() -> None:
    """Write the tables of all results into the page."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(replace_tables(page, render_tables(read_results(RESULTS))), encoding="utf-8")


def parse_seeds(seeds: str | None) -> tuple[int, ...] | None:
    """Parse a comma-separated list of seeds."""
    try:
        return tuple(int(seed) for seed in seeds.split(",")) if seeds else None
    except ValueError:
        raise click.UsageError(
            f'--seeds takes whole numbers with commas between them, not "{seeds}"'
        ) from None


def choose_sets(folder: Path, names: tuple[str, ...]) -> list[BenchSet]:
    """Return the data sets with these names, or all sets of the folder."""
    there = {one.name: one for one in find_sets(folder)}
    if not there:
        raise click.UsageError(
            f"{folder}: there are no sets; --data takes a folder with NAME/train.jsonl.gz and NAME/test.jsonl.gz"
        )
    if unknown := [name for name in names if name not in there]:
        raise click.UsageError(
            f"{folder}: there is no set {', '.join(unknown)}; it has {', '.join(sorted(there))}"
        )
    return [there[name] for name in names] or list(there.values())


def plan_jobs(
    sets: list[BenchSet], systems: list[str], seeds: tuple[int, ...] | None, preset: str | None
) -> list[AccuracyJob]:
    """Return all jobs, set after set; the peers have one seed, and fastText no set with several labels."""
    jobs = []
    for one in sets:
        for system in SYSTEMS:
            if system not in systems or (system == "fasttext" and one.multilabel):
                continue
            if system != "grutext":
                jobs.append(AccuracyJob(one.name, system, 1))
                continue
            own = seeds or ((1, 2, 3) if one.count_training_rows() < _SMALL else (1,))
            jobs += [AccuracyJob(one.name, system, seed, preset) for seed in own]
    return jobs


if __name__ == "__main__":
    main(prog_name="scripts/bench accuracy")
