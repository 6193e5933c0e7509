"""`grutext train`: from labelled texts to a model."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.abstention import familiar_line, offer_line
from grutext.cli.options import (
    check_report,
    complete_file,
    complete_folder,
    json_option,
    min_class_size_option,
    model_option,
    print_json,
    quiet_option,
    reading_options,
    report_option,
    vectors_option,
    weight_column_option,
)
from grutext.cli.settings import SettingsCommand, build_config, settings_options
from grutext.progress import Listener, Notes, epochs_in_words

if TYPE_CHECKING:
    from grutext.training.train import TrainingOutcome

_NOTABLE = 5  # percent; a GRU that counts less hardly changes an answer


@click.command(
    "train",
    cls=SettingsCommand,
    epilog="\b\nExample:\n  grutext train\n  grutext train reviews.csv -m reviews --test test.csv --time-budget 10m",
)
@click.argument("data", shell_complete=complete_file, nargs=-1)
@model_option("The folder that the model is written to.")
@click.option(
    "--dev",
    shell_complete=complete_file,
    metavar="DATA",
    help="Dev data, for choosing the best epoch and for calibration.",
)
@click.option(
    "--dev-fraction",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="F",
    help="Share of DATA set aside as dev data if there is no --dev [default: 0.05 to 0.1; few texts are cross-validated].",
)
@click.option(
    "--test", shell_complete=complete_file, metavar="DATA", help="Data to evaluate the finished model on."
)
@click.option(
    "--unlabelled",
    shell_complete=complete_file,
    multiple=True,
    metavar="FILE",
    help="Texts without labels to learn words from, in any form that predict reads; may be repeated.",
)
@min_class_size_option
@weight_column_option
@reading_options
@settings_options
@vectors_option
@click.option(
    "--from",
    "base",
    type=click.Path(path_type=Path, readable=False),
    shell_complete=complete_folder,
    metavar="DIR",
    help="Base to start from, as `grutext pretrain` makes it.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue the interrupted training of this model; start it if none was saved.",
)
@click.option("--overwrite", is_flag=True, help="Replace the model that is already in the folder.")
@click.option(
    "--tensorboard",
    type=click.Path(path_type=Path, file_okay=False),
    shell_complete=complete_folder,
    metavar="DIR",
    help="Folder for loss and dev score of each epoch, for TensorBoard.",
)
@report_option
@json_option
@quiet_option
@click.pass_context
def train_command(
    ctx: click.Context,
    data: tuple[str, ...],
    folder: Path,
    dev: str | None,
    dev_fraction: float | None,
    test: str | None,
    unlabelled: tuple[str, ...],
    min_class_size: int,
    weight_column: str | None,
    reading: dict[str, Any],
    settings: dict[str, Any],
    vectors: Path | None,
    base: Path | None,
    resume: bool,
    overwrite: bool,
    tensorboard: Path | None,
    report_file: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a model on DATA and write it to a folder.

    DATA is a file in one of the formats that --format lists, also .gz, a folder of class folders,
    tfds:NAME[/CONFIG][:SPLIT], or `-` for stdin; several files with the same columns are read together. Left out, it is the embedded `sample`, which brings dev
    and test data of its own. A plot of the loss is written beside the model, DIR-loss.png.
    """
    started = time.monotonic()
    if dev is not None and dev_fraction is not None:
        raise click.UsageError("--dev and --dev-fraction cannot be combined; leave one of them out.", ctx)
    if [*data, dev, test, *unlabelled].count("-") > 1:
        raise click.UsageError("Only one of DATA, --dev, --test and --unlabelled can be stdin.", ctx)
    if tensorboard is not None and settings["no_gru"]:
        raise click.UsageError("--tensorboard shows the epochs of the GRU part; leave out --no-gru.", ctx)
    if base is not None and settings["no_gru"]:
        raise click.UsageError("--from and --no-gru cannot be combined; leave one of them out.", ctx)
    if base is not None and vectors is not None:
        raise click.UsageError("--from and --vectors cannot be combined; leave one of them out.", ctx)
    from grutext.console import open_listener
    from grutext.data import ReadOptions
    from grutext.engines.workers import read_task
    from grutext.training.splits import TrainingData
    from grutext.training.target import TrainingTarget
    from grutext.training.tensorboard import TensorBoardListener
    from grutext.training.train import train

    task = read_task(os.environ)
    target = TrainingTarget(folder, overwrite=overwrite, resume=resume)
    if task is None:
        target.check()
    is_chief = task is None or task.rank == 0
    config = build_config(settings)
    sources = TrainingData(
        list(data) if len(data) > 1 else "".join(data) or "sample",
        dev,
        dev_fraction,
        test,
        ReadOptions(**reading, weight_column=weight_column),
        min_class_size,
        [Path(file) for file in unlabelled] or None,
        base=base,
    )
    if report_file is not None:
        check_report(report_file, [*data, *filter(None, (dev, test)), *unlabelled], here=is_chief)
    if not is_chief:  # of several workers, the chief alone writes and reports
        tensorboard, report_file, quiet = None, None, True
    notes = Notes(open_listener(quiet))
    listener: Listener = notes
    with contextlib.ExitStack() as stack:
        stack.enter_context(interruptible())
        if tensorboard is not None:
            listener = stack.enter_context(TensorBoardListener(tensorboard, listener, resume=resume))
        outcome = train(sources, target, settings=config, vectors=vectors, listener=listener, started=started)
    if outcome.folder is None:
        return
    if report_file is not None:
        _write_report(outcome, test, report_file, notes)
    _print_outcome(outcome, as_json, quiet)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Treat SIGTERM, which service managers send, like Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _write_report(outcome: TrainingOutcome, test: str | None, file: Path, listener: Notes) -> None:
    """Write the report on the test texts; without any, on the dev texts."""
    from grutext.report import EvaluationReport, render_evaluation, write_page

    predictions, folder = outcome.test or outcome.dev, outcome.folder
    if predictions is None or folder is None:
        listener.note(
            f"no report, since nothing was trained; write one: grutext evaluate DATA -m {folder} --report {file}"
        )
        return
    name, how = "the test texts" if test is None else test, ""
    if outcome.test is None:
        folds = outcome.bundle.data.get("folds")
        name = "the dev texts"
        how = (
            f"Each was labelled by models that were trained without it: {folds}-fold cross-validation."
            if folds
            else "They were not trained on, but chose the best epoch and the calibration, which flatters the figures a little."
        )
    page = EvaluationReport(
        folder.resolve().name, name, predictions, predictions.diagnose(), how, tuple(listener.lines)
    )
    write_page(render_evaluation(page), file)
    listener.note(f"report: {file}")


def calibration_line(compared: Mapping[str, Mapping[str, float]]) -> str:
    """Return what the calibration improved as one line.

    Args:
        compared: ECE and log loss, `before` and `after`, as a bundle has them.
    """
    before, after = compared["before"], compared["after"]
    line = (
        f"ECE {before['ece']:.3f} → {after['ece']:.3f}, "
        f"log loss {before['log_loss']:.3f} → {after['log_loss']:.3f}"
    )
    return line if after["ece"] <= before["ece"] else f"{line} (it is fitted to the log loss, not to the ECE)"


def parts_line(gru_weight: float) -> str:
    """Return how much each part of a model counts as one line.

    Args:
        gru_weight: The weight of the GRU part in the fusion, in 0..1.
    """
    percent = round(100 * gru_weight)
    line = f"the GRU counts {percent} %, the linear part {100 - percent} %"
    if percent >= _NOTABLE:
        return line
    return f"{line}: more texts or epochs may change that; --no-gru trains without it, in seconds"


def _print_outcome(outcome: TrainingOutcome, as_json: bool, quiet: bool) -> None:
    bundle = outcome.bundle
    if as_json:
        print_json(
            {
                "model": str(outcome.folder),
                "epochs": len(bundle.history),
                "seconds": round(outcome.seconds, 3),
                "dev": bundle.metrics.get("dev"),
                "test": bundle.metrics.get("test"),
                "calibration": bundle.metrics.get("calibration"),
                "gru_weight": round(bundle.gru_weight, 6),
                "abstention": bundle.abstention,
                "unfamiliar": bundle.unfamiliar,
                "left_out": outcome.left_out,
            }
        )
        return
    from grutext.console import clock, summary

    for split in ("dev", "test"):
        if split in bundle.metrics:
            click.echo(f"{split:<5}{summary(bundle.metrics[split])}")
    if "calibration" in bundle.metrics:
        click.echo(f"calibration on dev: {calibration_line(bundle.metrics['calibration'])}")
    if bundle.config.gru.enabled and bundle.config.linear.enabled:
        click.echo(parts_line(bundle.gru_weight))
    if bundle.abstention:
        click.echo(offer_line(bundle.abstention, bundle.metrics["dev"]["n"]))
    # A threshold that refuses no dev text is chosen from too few of them, or from texts that are all alike.
    if bundle.unfamiliar and bundle.unfamiliar[-1]["coverage"] < 1:
        click.echo(familiar_line(bundle.unfamiliar))
    took = "trained before" if outcome.was_finished else f"trained in {clock(outcome.seconds)}"
    click.echo(f"{took}, {epochs_in_words(len(bundle.history))}" if bundle.config.gru.enabled else took)
    if outcome.left_out:
        click.echo(f"left out for the time budget: {'; '.join(outcome.left_out)}")
    click.echo(f"model: {outcome.folder}" + (f", loss curve: {outcome.plot}" if outcome.plot else ""))
    if not quiet:
        click.echo(f"try: grutext classify FILE -m {outcome.folder}")
