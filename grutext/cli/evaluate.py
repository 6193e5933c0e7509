"""`grutext evaluate`: the metrics of a model on labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from grutext.cli.abstention import abstain_option, check_supported, familiar_above_option, outcome_line
from grutext.cli.options import (
    Command,
    check_report,
    complete_file,
    json_option,
    model_option,
    print_json,
    quiet_option,
    reading_options,
    report_option,
    safe_csv_option,
    threads_option,
)
from grutext.cli.predictions import (
    check_prediction_files,
    errors_option,
    output_option,
    write_predictions,
)
from grutext.requirements import check_installed


@click.command(
    "evaluate",
    cls=Command,
    epilog="\b\nExample:\n  grutext evaluate test.csv -m reviews\n"
    "  grutext evaluate test.csv -m reviews --json > report.json\n"
    "  grutext evaluate test.csv -m reviews --errors mistakes.csv",
)
@click.argument("data", shell_complete=complete_file, nargs=-1, required=True, metavar="DATA...")
@model_option("The model to evaluate.")
@reading_options
@output_option
@errors_option
@safe_csv_option
@report_option
@abstain_option
@familiar_above_option
@threads_option
@json_option
@quiet_option
def evaluate_command(
    data: tuple[str, ...],
    folder: Path,
    reading: dict[str, Any],
    output: Path | None,
    errors: Path | None,
    safe_csv: bool,
    report_file: Path | None,
    abstain_below: float | None,
    familiar_above: float | None,
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare a model's labels with those of DATA.

    DATA is a file in one of the formats that --format lists, also .gz, a folder of class folders,
    tfds:NAME[/CONFIG][:SPLIT], `sample`, or `-` for stdin; several files with the same columns are read together. The columns of the training data are used if
    DATA has them, otherwise they are guessed from their names; `sample` is the sample's test set. A label that the model does not know counts as an error.
    """
    check_installed("grutext evaluate", "scikit-learn")
    from grutext.console import open_listener, render_report
    from grutext.data import ReadOptions, remember_options, remembered_columns
    from grutext.evaluation import Predictions
    from grutext.inference import Classifier
    from grutext.messages import count, list_names
    from grutext.model.bundle import Bundle
    from grutext.progress import Notes
    from grutext.training.splits import KnownModel, note_unknown, read_split

    check_prediction_files(data, output, errors, safe_csv=safe_csv)
    if report_file is not None:
        check_report(report_file, data)
    listener = Notes(open_listener(quiet))
    bundle = Bundle.load(folder)
    classifier = Classifier(bundle, threads)
    check_supported(classifier, abstain_below, familiar_above is not None)
    options = remember_options(ReadOptions(**reading), bundle.data)
    model = KnownModel(remembered_columns(bundle.data), bundle.multilabel, bundle.labels)
    examples = read_split(list(data) if len(data) > 1 else data[0], options, model, listener)
    predictions = Predictions.of(classifier, examples)
    report = predictions.report.to_dict()
    if as_json or report_file is not None:
        diagnostics = predictions.diagnose()
        report["diagnostics"] = diagnostics.to_dict()
    if abstain_below is not None or familiar_above is not None:
        report["abstention"] = predictions.abstain(abstain_below, familiar_above)
    note_unknown(list_names(data), report["unknown"], listener)
    if report_file is not None:
        from grutext.report import EvaluationReport, render_evaluation, write_page

        page = EvaluationReport(
            folder.resolve().name,
            list_names([Path(name).name for name in data]),
            predictions,
            diagnostics,
            notes=listener.lines,
        )
        write_page(render_evaluation(page), report_file)
        listener.note(f"report: {report_file}")
    for target, only_wrong in ((output, False), (errors, True)):
        if target is not None:
            rows = write_predictions(predictions, target, only_wrong=only_wrong, safe=safe_csv)
            listener.note(f"{target}: {count(rows, 'row')}")
    if as_json:
        print_json(report)
    else:
        render_report(report)
        if "abstention" in report:
            click.echo(f"\n{outcome_line(report['abstention'], report['n'])}")
