"""`scripts/bench curve`: forecast the score of a training from half of its texts, and compare."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.accuracy import PAGE, ROOT, choose_sets
from benchmarks.curve.job import SYSTEMS, CurveJob
from benchmarks.few.__main__ import parse_numbers
from benchmarks.results import Result, read_results
from benchmarks.runs import job_command, run_pending
from benchmarks.tables import markdown, replace_tables

RESULTS = ROOT / "benchmarks" / "curve.jsonl"
BEGIN, END = "<!-- curve:begin -->", "<!-- curve:end -->"
SETS = (
    "trec6", "sst2", "mr", "subj", "cr", "mpqa", "banking77", "tweeteval_emotion", "r8", "ag_news_partial",
)  # fmt: skip


@click.command()
@click.argument("names", metavar="[SET]...", nargs=-1)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The folder of the sets [default: ../shared/data beside the repository].",
)
@click.option("--seeds", default="1", show_default=True, help="Seeds of the split and of the trainings.")
@click.option(
    "--system",
    type=click.Choice(list(SYSTEMS)),
    default="linear part",
    show_default=True,
    help="What to train.",
)
@click.option("--table-only", is_flag=True, help="Writes the table from the results that are there.")
def main(names: tuple[str, ...], data: Path | None, seeds: str, system: str, table_only: bool) -> None:
    """Forecast, by default on ten sets of the folder.

    Each result is written to benchmarks/curve.jsonl at once and is not measured again; delete its line to repeat the
    measurement. At the end, or when interrupted, the table of docs/research/benchmarks.md is written from that file.
    """
    if table_only:
        return write_table()
    folder = data or ROOT.parent / "shared" / "data"
    numbers = parse_numbers("--seeds", seeds)
    jobs = [
        CurveJob(one.name, system, seed) for seed in numbers for one in choose_sets(folder, names or SETS)
    ]
    sys.exit(run_pending(jobs, 1, RESULTS, job_command("benchmarks.curve.job", folder), write_table) > 0)


def write_table() -> None:
    """Write the table of all results into the page."""
    page, table = PAGE.read_text(encoding="utf-8"), render_table(read_results(RESULTS))
    PAGE.write_text(replace_tables(page, table, BEGIN, END), encoding="utf-8")


def render_table(results: Sequence[Result]) -> str:
    """Return the forecasts and the scores as a Markdown table, in per cent."""
    rows = []
    for one in sorted(results, key=lambda one: (one["system"], one["set"], one["seed"])):
        half, forecast = one["points"][-1], one["forecasts"][0]
        rows.append(
            [
                f"{one['set']}, {one['system']}" + f", seed {one['seed']}" * (one["seed"] != 1),
                f"{half['texts']:,}",
                f"{100 * half['mean']:.2f}",
                f"{100 * forecast['score']:.2f}",
                f"{100 * forecast['low']:.2f} to {100 * forecast['high']:.2f}",
                f"{100 * one['accuracy']:.2f}",
                "yes" if one["holds"] else "no",
            ]
        )
    table = markdown(
        "data | half of the texts | their score | forecast | interval | score of all | holds", rows
    )
    held = sum(one["holds"] for one in results)
    versions = sorted({" at ".join(filter(None, (one["version"], one["commit"]))) for one in results})
    return f"{table}\n\nThe score is in the interval {held} of {len(results)} times. Measured: {', '.join(versions)}."


if __name__ == "__main__":
    main(prog_name="scripts/bench curve")
