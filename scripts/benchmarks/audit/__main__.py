"""`scripts/bench audit`: exchange labels at random, find them again, and write the table of the results."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from benchmarks.accuracy import PAGE, ROOT, choose_sets
from benchmarks.audit.job import SYSTEMS, AuditJob
from benchmarks.few.__main__ import parse_numbers
from benchmarks.results import Result, read_results
from benchmarks.runs import job_command, run_pending
from benchmarks.tables import markdown, replace_tables

RESULTS = ROOT / "benchmarks" / "audit.jsonl"
BEGIN, END = "<!-- audit:begin -->", "<!-- audit:end -->"
SETS = ("trec6", "sst2", "banking77")


@click.command()
@click.argument("names", metavar="[SET]...", nargs=-1)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The folder of the sets [default: ../shared/data beside the repository].",
)
@click.option(
    "--percent", default="5,10", show_default=True, help="How many labels are exchanged, in per cent."
)
@click.option(
    "--seeds", default="1,2,3", show_default=True, help="Seeds of the exchange and of the trainings."
)
@click.option(
    "--systems",
    default="grutext --no-gru;cleanlab",
    show_default=True,
    help="What to measure, with semicolons between them.",
)
@click.option("--table-only", is_flag=True, help="Writes the table from the results that are there.")
def main(
    names: tuple[str, ...], data: Path | None, percent: str, seeds: str, systems: str, table_only: bool
) -> None:
    """Audit training sets with exchanged labels, by default of trec6, sst2 and banking77.

    Each result is written to benchmarks/audit.jsonl at once and is not measured again; delete its line to repeat the
    measurement. At the end, or when interrupted, the table of docs/research/benchmarks.md is written from that file.
    """
    if table_only:
        return write_table()
    chosen = systems.split(";")
    if unknown := set(chosen) - set(SYSTEMS):
        raise click.UsageError(
            f"--systems: there is no {', '.join(sorted(unknown))}; choose from {'; '.join(SYSTEMS)}"
        )
    folder = data or ROOT.parent / "shared" / "data"
    jobs = [
        AuditJob(one.name, system, share, seed)
        for seed in parse_numbers("--seeds", seeds)
        for one in choose_sets(folder, names or SETS)
        for share in parse_numbers("--percent", percent)
        for system in chosen
    ]
    sys.exit(run_pending(jobs, 1, RESULTS, job_command("benchmarks.audit.job", folder), write_table) > 0)


def write_table() -> None:
    """Write the table of all results into the page."""
    page, table = PAGE.read_text(encoding="utf-8"), render_table(read_results(RESULTS))
    PAGE.write_text(replace_tables(page, table, BEGIN, END), encoding="utf-8")


def render_table(results: Sequence[Result]) -> str:
    """Return precision, recall and the precision of the first 100 as a Markdown table, in per cent, means of the seeds."""
    if not results:
        return ""
    cells: defaultdict[tuple[str, int, str], list[Result]] = defaultdict(list)
    for one in results:
        cells[one["set"], one["percent"], one["system"]].append(one)
    rows = []
    for (name, percent, system), found in sorted(cells.items()):
        means = {
            key: np.mean([one[key] for one in found])
            for key in ("listed", "precision", "recall", "first_100")
        }
        shares = [f"{100 * means[key]:.1f}" for key in ("precision", "recall", "first_100")]
        rows.append([f"{name}, {percent} %", system, f"{len(found)}", f"{means['listed']:,.0f}", *shares])
    table = markdown("data, swapped | system | seeds | listed | precision | recall | first 100", rows)
    versions = sorted({" at ".join(filter(None, (one["version"], one["commit"]))) for one in results})
    return f"{table}\n\nMeasured: {'; '.join(versions)}."


if __name__ == "__main__":
    main(prog_name="scripts/bench audit")
