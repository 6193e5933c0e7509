"""`scripts/bench few`: train on few labelled rows of a data set, test, and write the tables of the results."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.accuracy import PAGE, ROOT, choose_sets
from benchmarks.few.cuts import can_cut
from benchmarks.few.job import SYSTEMS, FewJob
from benchmarks.few.tables import BEGIN, END, render_tables
from benchmarks.results import read_results
from benchmarks.runs import job_command, run_pending
from benchmarks.sets import BenchSet
from benchmarks.tables import replace_tables

RESULTS = ROOT / "benchmarks" / "few.jsonl"
SETS = (
    "cr", "trec6", "tweeteval_emotion", "sst2", "mr", "subj", "banking77", "clinc150", "r8", "chnsenticorp",
    "ag_news_partial", "20ng_noheaders",
)  # fmt: skip


@click.command()
@click.argument("names", metavar="[SET]...", nargs=-1)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The folder of the sets [default: ../shared/data beside the repository].",
)
@click.option(
    "--rows", default="100,300,1000,3000", show_default=True, help="How many rows keep their labels."
)
@click.option("--cuts", default="1,2,3,4,5", show_default=True, help="Which random cuts of each size.")
@click.option("--systems", default=",".join(SYSTEMS), show_default=True, help="What to measure.")
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
    rows: str,
    cuts: str,
    systems: str,
    at_once: int,
    table_only: bool,
) -> None:
    """Measure systems that know the labels of few training rows, by default on twelve sets of the folder.

    Each result is written to benchmarks/few.jsonl at once and is not measured again; delete its line to repeat the
    measurement. At the end, or when interrupted, the tables of docs/research/benchmarks.md are written from that file.
    """
    if table_only:
        return write_tables()
    chosen = systems.split(",")
    if unknown := set(chosen) - set(SYSTEMS):
        raise click.UsageError(
            f"--systems: there is no {', '.join(sorted(unknown))}; choose from {', '.join(SYSTEMS)}"
        )
    folder = data or ROOT.parent / "shared" / "data"
    sets = choose_sets(folder, names or SETS)
    if several := [one.name for one in sets if one.multilabel]:
        raise click.UsageError(f"{', '.join(several)}: texts have several labels; this command measures one")
    jobs = plan_jobs(sets, chosen, parse_numbers("--rows", rows), parse_numbers("--cuts", cuts))
    sys.exit(run_pending(jobs, at_once, RESULTS, job_command("benchmarks.few.job", folder), write_tables) > 0)


def write_tables() -> None:
    """Write the tables of all results into the page."""
    page, tables = PAGE.read_text(encoding="utf-8"), render_tables(read_results(RESULTS))
    PAGE.write_text(replace_tables(page, tables, BEGIN, END), encoding="utf-8")


def parse_numbers(option: str, numbers: str) -> tuple[int, ...]:
    """Parse a comma-separated list of positive numbers."""
    try:
        parsed = tuple(int(number) for number in numbers.split(","))
    except ValueError:
        parsed = ()
    if not parsed or min(parsed) < 1:
        raise click.UsageError(f'{option} takes numbers from 1 with commas between them, not "{numbers}"')
    return parsed


def plan_jobs(
    sets: Sequence[BenchSet], systems: Sequence[str], rows: Sequence[int], cuts: Sequence[int]
) -> list[FewJob]:
    """Return all jobs: for each size and cut, all sets, all systems on one set after another.

    A size is left out for a set that has no cut of it: too few rows, or more labels than rows in a balanced cut.
    """
    labels = {one.name: [example.labels[0] for example in one.read("train").examples] for one in sets}
    return [
        FewJob(one.name, system, count, cut)
        for count in rows
        for cut in cuts
        for one in sets
        if can_cut(labels[one.name], count)
        for system in SYSTEMS
        if system in systems
    ]


if __name__ == "__main__":
    main(prog_name="scripts/bench few")
