"""`grutext tune`: search settings by trial trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from grutext.cli.options import (
    complete_file,
    json_option,
    model_option,
    print_json,
    quiet_option,
    read_time,
    reading_options,
    vectors_option,
    weight_column_option,
)
from grutext.cli.settings import SettingsCommand, build_config, settings_options


@click.command(
    "tune",
    cls=SettingsCommand,
    epilog="\b\nExample:\n  grutext tune reviews.csv -m best --trials 30 --time 2h",
)
@click.argument("data", shell_complete=complete_file, nargs=-1, required=True, metavar="DATA...")
@model_option("The folder of the best model; the journal of the search is written beside it.")
@click.option(
    "--trials", type=click.IntRange(min=1), default=20, metavar="N", help="Trials in all [default: 20]."
)
@click.option(
    "--time",
    "seconds",
    type=read_time,
    metavar="TIME",
    help="How long to search: 90s, 10m, 2h [default: no limit].",
)
@click.option(
    "--dev", shell_complete=complete_file, metavar="DATA", help="Dev data, on which trials are compared."
)
@weight_column_option
@reading_options
@settings_options
@vectors_option
@json_option
@quiet_option
def tune_command(
    data: tuple[str, ...],
    folder: Path,
    trials: int,
    seconds: float | None,
    dev: str | None,
    weight_column: str | None,
    reading: dict[str, Any],
    settings: dict[str, Any],
    vectors: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Search settings for DATA, and keep the best model.

    Each trial is a training as `grutext train` does it. The first has the settings of the options; the others vary sizes,
    rates, dropout and regularisation, but no setting that an option names. Trials that fall behind are stopped early. The
    same command continues a search that was stopped or killed; started several times at once, the processes
    share the search.
    """
    from grutext.console import open_listener
    from grutext.data import ReadOptions
    from grutext.training.splits import TrainingData
    from grutext.training.tune import Search, tune

    sources = TrainingData(
        list(data) if len(data) > 1 else data[0],
        dev=dev,
        reading=ReadOptions(**reading, weight_column=weight_column),
    )
    outcome = tune(
        sources,
        Search(folder, trials, seconds),
        settings=build_config(settings),
        vectors=vectors,
        listener=open_listener(quiet),
    )
    if as_json:
        print_json(
            {
                "model": str(folder),
                "trials": outcome.trials,
                "value": outcome.value,
                "settings": outcome.settings,
                "dev": outcome.bundle.metrics["dev"],
            }
        )
        return
    from grutext.console import summary

    click.echo(f"dev  {summary(outcome.bundle.metrics['dev'])}")
    click.echo(f"best of {outcome.trials} trials: {_describe(outcome.settings)}")
    click.echo(f"model: {folder}" + (f", plot of the search: {outcome.plot}" if outcome.plot else ""))


def _describe(settings: dict[str, Any]) -> str:
    """Return settings as the options of `grutext train`."""
    if not settings:
        return "the settings as given"
    return " ".join(
        f"--set {name}={value:.3g}" if isinstance(value, float) else f"--set {name}={value}"
        for name, value in settings.items()
    )
