"""`grutext curve`: the score of a training against its number of texts, and a forecast for more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.options import (
    check_folder,
    complete_file,
    json_option,
    min_class_size_option,
    print_json,
    quiet_option,
    reading_options,
    vectors_option,
    weight_column_option,
)
from grutext.cli.settings import SettingsCommand, build_config, settings_options
from grutext.requirements import check_installed

if TYPE_CHECKING:
    from grutext.training.learning_curve import LearningCurve

_METRICS = ("accuracy", "macro_f1", "weighted_f1", "micro_f1")  # those of grutext.training.learning_curve
_PLOTS = (".svg", ".png", ".pdf")


@click.command(
    "curve",
    cls=SettingsCommand,
    short_help="Forecast the score with more labelled texts.",
    epilog="\b\nExample:\n  grutext curve reviews.csv -o curve.svg\n  grutext curve reviews.csv --no-gru --folds 5",
)
@click.argument("data", shell_complete=complete_file, nargs=-1, required=True, metavar="DATA...")
@click.option(
    "--dev",
    shell_complete=complete_file,
    metavar="DATA",
    help="Texts on which all models are scored [default: a fifth of DATA].",
)
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    metavar="K",
    help="Hold out each of K folds once, instead of the same fifth in all trainings.",
)
@click.option(
    "--metric",
    type=click.Choice(_METRICS),
    help="The score [default: accuracy; micro_f1 for several labels].",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File for a plot: .svg, .png or .pdf.",
)
@min_class_size_option
@weight_column_option
@reading_options
@settings_options
@vectors_option
@json_option
@quiet_option
def curve_command(
    data: tuple[str, ...],
    dev: str | None,
    folds: int | None,
    metric: str | None,
    output: Path | None,
    min_class_size: int,
    weight_column: str | None,
    reading: dict[str, Any],
    settings: dict[str, Any],
    vectors: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train on a sixteenth, an eighth, a quarter, half and all of DATA, and forecast the score with more texts.

    The forecast is a power law that is fitted to the scores, for twice and for four times as many texts, with an interval that
    holds nine of ten such trainings. No model is kept. With --no-gru it takes seconds to minutes.
    """
    from grutext.console import open_listener
    from grutext.data import ReadOptions
    from grutext.training.learning_curve import learning_curve
    from grutext.training.splits import TrainingData

    if output is not None:
        if output.suffix.lower() not in _PLOTS:
            raise click.UsageError(f"-o needs a file name that ends in {', '.join(_PLOTS)}.")
        check_folder(output)
        check_installed("grutext curve -o", "matplotlib")
    sources = TrainingData(
        list(data) if len(data) > 1 else data[0],
        dev=dev,
        reading=ReadOptions(**reading, weight_column=weight_column),
        min_class_size=min_class_size,
    )
    listener = open_listener(quiet)
    curve = learning_curve(
        sources,
        folds=folds or 1,
        metric=metric,
        settings=build_config(settings),
        vectors=vectors,
        listener=listener,
    )
    if output is not None:
        from grutext.training.plot import plot_learning_curve

        plot_learning_curve(curve.to_dict(), output)
        listener.note(f"{output}: plot of the learning curve")
    if as_json:
        print_json(curve.to_dict())
    else:
        _render(curve)


def _render(curve: LearningCurve) -> None:
    """Print the scores, the forecasts, and what they mean."""
    from grutext.console import render_rows

    name = curve.metric.replace("_", " ")
    rows = [
        (f"{point.texts:,}", f"{point.mean:.4f}", _deviation(point.scores), f"{len(point.scores)}")
        for point in curve.points
    ]
    render_rows(("texts", name, "± deviation", "trainings"), rows, texts=0)
    forecasts = [
        (f"{one.texts:,}", f"{one.score:.4f}", f"{one.low:.4f} to {one.high:.4f}") for one in curve.forecasts
    ]
    render_rows(("texts", "forecast", "90 % interval"), forecasts, texts=0)
    last, more = curve.points[-1], curve.forecasts[0]
    gain = 100 * (more.score - last.mean)
    low, high = (100 * (end - last.mean) for end in (more.low, more.high))
    click.echo(
        f"\nTraining on {more.texts:,} texts instead of {last.texts:,} is forecast to change {name} by {gain:+.1f} points "
        f"({low:+.1f} to {high:+.1f}). That takes {more.texts - curve.labelled:,} more labels: {curve.labelled:,} texts are "
        f"labelled, and {curve.held_out:,} were held out."
    )


def _deviation(scores: tuple[float, ...]) -> str:
    from statistics import stdev

    return f"{stdev(scores):.4f}" if len(scores) > 1 else "-"
