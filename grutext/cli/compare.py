"""`grutext compare`: is one model better than another?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from grutext.cli.options import (
    Command,
    complete_file,
    complete_folder,
    json_option,
    print_json,
    quiet_option,
    reading_options,
    threads_option,
)
from grutext.requirements import check_installed


@click.command(
    "compare",
    cls=Command,
    epilog="\b\nExample:\n  grutext compare old new --on test.csv\n"
    "  grutext compare old new newest --on test.csv --json > comparison.json",
)
@click.argument(
    "folders",
    type=click.Path(path_type=Path, readable=False),
    shell_complete=complete_folder,
    nargs=-1,
    required=True,
    metavar="MODEL MODEL...",
)
@click.option(
    "--on",
    "data",
    shell_complete=complete_file,
    required=True,
    metavar="DATA",
    help="Labelled data to compare on.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, metavar="N", help="Seed of the resampling [default: 1]."
)
@reading_options
@threads_option
@json_option
@quiet_option
def compare_command(
    folders: tuple[Path, ...],
    data: str,
    seed: int,
    reading: dict[str, Any],
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare models with the first of them on labelled DATA.

    For each other model it prints the differences of the metrics with their 95 % intervals (paired bootstrap), on how many
    texts only one of the two is right, and the p-value of McNemar's exact test. DATA must be new to all models. It is
    read as the first model's training data were.
    """
    if len(folders) < 2:
        raise click.UsageError("Name at least two models.")
    if len(set(folders)) < len(folders):
        raise click.UsageError("A model is named twice.")
    check_installed("grutext compare", "scikit-learn")
    from grutext.console import open_listener, render_comparison
    from grutext.data import ReadOptions, remember_options, remembered_columns
    from grutext.evaluation import Predictions
    from grutext.evaluation.comparison import compare
    from grutext.inference import Classifier
    from grutext.messages import list_names
    from grutext.training.splits import KnownModel, read_split

    listener = open_listener(quiet)
    models = {str(folder): Classifier.load(folder, threads) for folder in folders}
    first = models[str(folders[0])]
    labels = tuple(dict.fromkeys(label for model in models.values() for label in model.labels))
    known = KnownModel(remembered_columns(first.bundle.data), first.multilabel, labels)
    examples = read_split(data, remember_options(ReadOptions(**reading), first.bundle.data), known, listener)
    found = compare({name: Predictions.of(model, examples) for name, model in models.items()}, seed)
    for name, missing in found.missing.items():
        if missing:
            listener.note(
                f"{name} does not know these labels, and never predicts them: {list_names(missing)}"
            )
    if as_json:
        print_json(found.to_dict())
    else:
        render_comparison(found.to_dict())
