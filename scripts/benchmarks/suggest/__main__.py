"""`scripts/bench suggest`: learning curves with suggested rows and with random ones."""

from __future__ import annotations

import itertools
import math
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from benchmarks.accuracy import PAGE, ROOT, choose_sets
from benchmarks.few.__main__ import parse_numbers
from benchmarks.results import Result, read_results
from benchmarks.runs import job_command, run_pending
from benchmarks.suggest.job import SYSTEMS, SuggestJob
from benchmarks.tables import markdown, replace_tables
from grutext.messages import count

RESULTS = ROOT / "benchmarks" / "suggest.jsonl"
BEGIN, END = "<!-- suggest:begin -->", "<!-- suggest:end -->"
SETS = ("trec6", "banking77", "ag_news_partial")


@click.command()
@click.argument("names", metavar="[SET]...", nargs=-1)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The folder of the sets [default: ../shared/data beside the repository].",
)
@click.option(
    "--seeds", default="1,2,3,4,5", show_default=True, help="Seeds of the first rows and the trainings."
)
@click.option("--table-only", is_flag=True, help="Writes the tables from the results that are there.")
def main(names: tuple[str, ...], data: Path | None, seeds: str, table_only: bool) -> None:
    """Measure on sets with one label a text, by default on three sets of the folder; without the GRU.

    Each result is written to benchmarks/suggest.jsonl at once and is not measured again; delete its line to repeat
    the measurement. At the end, or when interrupted, the tables of docs/research/benchmarks.md are written from that file.
    """
    if table_only:
        return write_tables()
    folder = data or ROOT.parent / "shared" / "data"
    sets = choose_sets(folder, names or SETS)
    numbers = parse_numbers("--seeds", seeds)
    jobs = [SuggestJob(one.name, system, seed) for seed in numbers for one in sets for system in SYSTEMS]
    sys.exit(run_pending(jobs, 1, RESULTS, job_command("benchmarks.suggest.job", folder), write_tables) > 0)


def write_tables() -> None:
    """Write the tables of all results into the page."""
    page, tables = PAGE.read_text(encoding="utf-8"), render_tables(read_results(RESULTS))
    PAGE.write_text(replace_tables(page, tables, BEGIN, END), encoding="utf-8")


def render_tables(results: Sequence[Result]) -> str:
    """Return the accuracies in per cent, and the labels that are saved, as Markdown."""
    tables, savings = [], []
    for name in sorted({one["set"] for one in results}):
        runs = {system: _by_seed(results, name, system) for system in SYSTEMS}
        seeds = sorted(set.intersection(*(set(run) for run in runs.values())))
        if not seeds:
            continue
        rows = runs["random"][seeds[0]]["rows"]
        tables.append(_accuracies(name, runs, seeds, rows))
        curves = {
            system: np.mean([run[seed]["accuracies"] for seed in seeds], axis=0)
            for system, run in runs.items()
        }
        needed = labels_needed(rows, curves["suggest"].tolist(), float(curves["random"][-1]))
        savings.append(
            [
                name,
                f"{100 * curves['random'][-1]:.2f}",
                f"{rows[-1]:,}",
                (needed and f"{needed:,.0f}") or "more",
            ]
        )
    header = "data | accuracy, % | random rows that reach it | suggested rows"
    versions = sorted({" at ".join(filter(None, (one["version"], one["commit"]))) for one in results})
    return "\n\n".join([*tables, markdown(header, savings), f"Measured: {', '.join(versions)}."])


def labels_needed(rows: Sequence[int], accuracies: Sequence[float], wanted: float) -> float | None:
    """Return the number of rows at which a curve first reaches an accuracy, between its points by a straight line.

    None if it does not reach it.
    """
    for n, (before, after) in enumerate(itertools.pairwise(accuracies)):
        if before >= wanted:
            return float(rows[n])
        if after >= wanted:
            return rows[n] + (wanted - before) / (after - before) * (rows[n + 1] - rows[n])
    return None


def _by_seed(results: Sequence[Result], name: str, system: str) -> dict[int, Result]:
    return {one["seed"]: one for one in results if one["set"] == name and one["system"] == system}


def _accuracies(
    name: str, runs: dict[str, dict[int, Result]], seeds: Sequence[int], rows: Sequence[int]
) -> str:
    lines = [
        [
            system,
            *(
                f"{100 * statistics.fmean(run[seed]['accuracies'][n] for seed in seeds):.2f}"
                for n in range(len(rows))
            ),
        ]
        for system, run in runs.items()
    ]
    gains = [
        [
            100 * (runs["suggest"][seed]["accuracies"][n] - runs["random"][seed]["accuracies"][n])
            for seed in seeds
        ]
        for n in range(len(rows))
    ]
    lines.append(["difference", *map(_with_error, gains)])
    return markdown(f"{name}, {count(len(seeds), 'seed')} | " + " | ".join(f"{n} rows" for n in rows), lines)


def _with_error(gains: Sequence[float]) -> str:
    """Format the mean of differences, and with several of them its standard error."""
    mean = f"{statistics.fmean(gains):+.2f}"
    if len(gains) < 2:
        return mean
    return f"{mean} ± {statistics.stdev(gains) / math.sqrt(len(gains)):.2f}"


if __name__ == "__main__":
    main(prog_name="scripts/bench suggest")
