"""`grutext evaluate`: the metrics of a model on labelled data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.abstention import abstain_option, check_supported, familiar_above_option, outcome_line
from grutext.cli.options import (
    Command,
    complete_file,
    json_option,
    model_option,
    print_json,
    quiet_option,
    reading_options,
    threads_option,
)
from grutext.requirements import check_installed

if TYPE_CHECKING:
    from grutext.data import Example
    from grutext.model.bundle import Bundle


@click.command(
    "evaluate",
    cls=Command,
    epilog="\b\nExample:\n  grutext evaluate test.csv -m reviews\n"
    "  grutext evaluate test.csv -m reviews --json > report.json",
)
@click.argument("data", shell_complete=complete_file, nargs=-1, required=True, metavar="DATA...")
@model_option("The model to evaluate.")
@reading_options
@abstain_option
@familiar_above_option
@threads_option
@json_option
@quiet_option
def evaluate_command(
    data: tuple[str, ...],
    folder: Path,
    reading: dict[str, Any],
    abstain_below: float | None,
    familiar_above: float | None,
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare a model's labels with those of DATA.

    DATA is a file in one of the formats that --format lists, also .gz, a folder of class folders,
    tfds:NAME[/CONFIG][:SPLIT], `sample`, or `-` for stdin; several files with the same columns are read together. The columns of the training data are used if
    DATA has them, otherwise they are guessed; `sample` is the sample's test set. A label that the model does not know counts as an error.
    """
    check_installed("grutext evaluate", "scikit-learn")
    from grutext.console import open_listener, render_report
    from grutext.data import ReadOptions, remember_options, remembered_columns
    from grutext.messages import list_names
    from grutext.model.bundle import Bundle
    from grutext.training.splits import KnownModel, note_unknown, read_split

    listener = open_listener(quiet)
    bundle = Bundle.load(folder)
    options = remember_options(ReadOptions(**reading), bundle.data)
    model = KnownModel(remembered_columns(bundle.data), bundle.multilabel, bundle.labels)
    examples = read_split(list(data) if len(data) > 1 else data[0], options, model, listener)
    report = evaluate_bundle(bundle, examples, abstain_below, familiar_above, threads)
    note_unknown(list_names(data), report["unknown"], listener)
    if as_json:
        print_json(report)
    else:
        render_report(report)
        if "abstention" in report:
            click.echo(f"\n{outcome_line(report['abstention'], report['n'])}")


def evaluate_bundle(
    bundle: Bundle,
    examples: Sequence[Example],
    below: float | None = None,
    familiar_above: float | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Return a model's report on examples as plain values; with a threshold also the outcome of abstaining."""
    from grutext.evaluation import evaluate, is_right, selective_risk
    from grutext.inference import Classifier
    from grutext.inference.answers import FAMILIARITY_DECIMALS, round_numbers

    model = Classifier(bundle, threads)
    check_supported(model, below, familiar_above is not None)
    texts = [example.text for example in examples]
    probabilities = model.predict_proba(texts)
    truth = [example.labels for example in examples]
    report = evaluate(
        truth,
        probabilities,
        model.labels,
        multilabel=model.multilabel,
        thresholds=model.thresholds,
    ).to_dict()
    if below is None and familiar_above is None:
        return report
    correct = is_right(model.decide(probabilities), truth)
    confidence = round_numbers(model.confidence(probabilities))
    familiar = None
    if familiar_above is not None:
        familiar = round_numbers(model.familiarity(texts), FAMILIARITY_DECIMALS)
    return report | {"abstention": selective_risk(confidence, correct, below, familiar, familiar_above)}
