"""`grutext crossval`: metrics of a training by cross-validation, and a prediction for every text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.options import (
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

if TYPE_CHECKING:
    from grutext.training.crossval import CrossValidation

_METRICS = ("accuracy", "macro_f1", "weighted_f1", "log_loss", "ece")


@click.command(
    "crossval",
    cls=SettingsCommand,
    short_help="Measure a training by cross-validation.",
    epilog="\b\nExample:\n  grutext crossval reviews.csv --folds 5 -o out-of-fold.csv",
)
@click.argument("data", shell_complete=complete_file, nargs=-1, required=True, metavar="DATA...")
@click.option(
    "--folds", type=click.IntRange(min=2), default=5, metavar="K", help="Number of folds [default: 5]."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File for the texts with their labels and their out-of-fold predictions.",
)
@min_class_size_option
@weight_column_option
@reading_options
@settings_options
@vectors_option
@json_option
@quiet_option
def crossval_command(
    data: tuple[str, ...],
    folds: int,
    output: Path | None,
    min_class_size: int,
    weight_column: str | None,
    reading: dict[str, Any],
    settings: dict[str, Any],
    vectors: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train K times, each time without a fold of DATA, and evaluate on that fold.

    Every text is predicted once, by a model that has not seen it. Folds are stratified by label; equal texts are in one
    fold. No model is kept.
    """
    from grutext.console import open_listener, render_report
    from grutext.data import ReadOptions
    from grutext.training.crossval import cross_validate
    from grutext.training.splits import TrainingData

    sources = TrainingData(
        list(data) if len(data) > 1 else data[0],
        reading=ReadOptions(**reading, weight_column=weight_column),
        min_class_size=min_class_size,
    )
    listener = open_listener(quiet)
    found = cross_validate(
        sources, folds, settings=build_config(settings), vectors=vectors, listener=listener
    )
    if output is not None:
        _write(found, str(output))
        listener.note(f"{output}: {len(found.examples):,} rows")
    if as_json:
        spread = {
            metric: dict(zip(("mean", "std"), found.spread(metric), strict=True)) for metric in _METRICS
        }
        print_json({"folds": found.reports, "spread": spread, "together": found.report})
        return
    render_report(found.report)
    click.echo(f"\nmean ± standard deviation over {len(found.reports)} folds")
    for metric in _METRICS:
        mean, deviation = found.spread(metric)
        click.echo(f"{metric.replace('_', ' '):<12} {mean:.4f} ± {deviation:.4f}")


def _write(found: CrossValidation, target: str) -> None:
    """Write every text with its labels, the prediction, the fold and all probabilities."""
    from grutext.data import NewTable, open_writer
    from grutext.inference.answers import round_numbers

    probabilities = round_numbers(found.probabilities)
    with open_writer(target, None, NewTable(("text", "label"))) as writer:
        for number, example in enumerate(found.examples):
            is_scored = found.folds[number] >= 0
            chosen = [label for label, own in zip(found.labels, found.decided[number], strict=True) if own]
            label: Any = list(example.labels) if found.multilabel else example.labels[0]
            predicted: Any = chosen if found.multilabel else "".join(chosen)
            confidences = [float(value) for value in probabilities[number]]
            added = {
                "predicted": predicted if is_scored else None,
                "fold": int(found.folds[number]) + 1 if is_scored else None,
                **{
                    f"p_{name}": value if is_scored else None
                    for name, value in zip(found.labels, confidences, strict=True)
                },
            }
            writer.write({"text": example.text, "label": label}, added, example.row)
