"""`grutext train`: from labelled texts to a model."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.abstention import offer_line
from grutext.cli.options import (
    complete_file,
    json_option,
    model_option,
    print_json,
    quiet_option,
    reading_options,
)
from grutext.cli.settings import build_config, settings_options
from grutext.engines.tensorflow_settings import prepare_tensorflow
from grutext.errors import GrutextError, TrainingError
from grutext.progress import epochs_in_words
from grutext.requirements import check_installed, is_installed
from grutext.training.target import (
    TEXTS,
    check_target,
    discard_states,
    how_to_go_on,
    interruptible,
    is_kept,
    lock_target,
    remove_leftovers,
    save_unfinished,
)

if TYPE_CHECKING:
    from grutext.config import Config
    from grutext.model.bundle import Bundle
    from grutext.progress import Listener
    from grutext.training.splits import Splits


@click.command(
    "train",
    epilog="\b\nExample:\n  grutext train\n  grutext train reviews.csv -m reviews --test test.csv --time-budget 10m",
)
@click.argument("data", shell_complete=complete_file, default="sample")
@model_option("The folder that the model is written to.")
@click.option("--dev", shell_complete=complete_file, metavar="DATA", help="Data that choose the best epoch.")
@click.option(
    "--dev-fraction",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="F",
    help="Share of DATA set aside for that, if there is no --dev [default: by its size, 0.05 to 0.1].",
)
@click.option(
    "--test", shell_complete=complete_file, metavar="DATA", help="Data to evaluate the finished model on."
)
@reading_options
@settings_options
@click.option(
    "--vectors",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Word vectors that the embedding starts from: GloVe, word2vec or fastText as text, also .gz.",
)
@click.option("--resume", is_flag=True, help="Go on with the interrupted training of this model.")
@click.option("--overwrite", is_flag=True, help="Replace the model that is already in the folder.")
@json_option
@quiet_option
@click.pass_context
def train_command(
    ctx: click.Context,
    data: str,
    folder: Path,
    dev: str | None,
    dev_fraction: float | None,
    test: str | None,
    reading: dict[str, Any],
    settings: dict[str, Any],
    vectors: Path | None,
    resume: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Trains a model on DATA and writes it to a folder.

    DATA is a file in one of the formats that --format lists, also .gz, a folder of class folders,
    tfds:NAME[/CONFIG][:SPLIT], or `-` for stdin. Left out, it is the embedded `sample`, which brings dev
    and test parts of its own. A picture of the loss is written beside the model, DIR-loss.png.
    """
    started = time.monotonic()
    if dev is not None and dev_fraction is not None:
        raise click.UsageError("--dev and --dev-fraction exclude each other.", ctx)
    if [data, dev, test].count("-") > 1:
        raise click.UsageError("Only one of DATA, --dev and --test can be stdin.", ctx)
    if vectors is not None and settings["no_gru"]:
        raise click.UsageError("--vectors and --no-gru exclude each other.", ctx)
    if folder.name in ("", ".."):  # such as `.`, which has no name to put siblings beside
        folder = folder.resolve()
    place = Path(os.path.realpath(folder)) if folder.is_symlink() else folder  # two names, but one lock
    checkpoint = place.parent / f"{place.name}.checkpoint"
    check_target(folder, checkpoint, resume, overwrite)
    check_installed("grutext train", "scikit-learn")
    config = build_config(settings, None if vectors is None else _width(vectors))
    if config.gru.enabled:
        from grutext.engines.choose import check_engine

        check_engine(config)
    prepare_tensorflow()

    from grutext.console import open_listener
    from grutext.training.splits import read_splits

    listener = open_listener(quiet)
    with interruptible(), lock_target(folder, checkpoint):
        parts = read_splits(
            data, reading, listener, dev=dev, dev_fraction=dev_fraction, test=test, seed=config.training.seed,
            folder=checkpoint / TEXTS, in_memory=config.training.in_memory_megabytes,
        )  # fmt: skip
        if is_kept(checkpoint) and not resume:
            listener.note(
                f"{checkpoint}, left by an interrupted training, is thrown away; --resume would go on"
            )
            discard_states(checkpoint)
        bundle = _fit(parts, config, listener, checkpoint, resume, started, vectors, folder)
        _save(bundle, folder, checkpoint, overwrite=resume or overwrite)
        discard_states(checkpoint)
        remove_leftovers(folder)
    picture = _draw_loss(bundle, folder, listener)
    _print_outcome(bundle, folder, picture, time.monotonic() - started, as_json)


def _width(vectors: Path) -> int:
    from grutext.data.vectors import vector_width

    return vector_width(vectors)


def _fit(
    parts: Splits, config: Config, listener: Listener, checkpoint: Path, resume: bool, started: float,
    vectors: Path | None, folder: Path,
) -> Bundle:  # fmt: skip
    """Trains, and evaluates on the test part if there is one; what stops it leaves the model that there is."""
    from grutext.cli.evaluate import evaluate_bundle, note_unknown
    from grutext.training import DivergenceError, Interrupted
    from grutext.training import train as train_bundle

    try:
        bundle = train_bundle(
            parts.train,
            parts.dev,
            config,
            multilabel=parts.multilabel,
            listener=listener,
            data=parts.data,
            checkpoint=checkpoint,
            resume=resume,
            started=started,
            refit=parts.dev_is_cut,
            vectors=vectors,
        )
        note_unknown("dev part", bundle.metrics["dev"]["unknown"], listener)
        if parts.test is None:
            return bundle
        report = evaluate_bundle(bundle, parts.test)
        note_unknown("test part", report["unknown"], listener)
        return replace(bundle, metrics=bundle.metrics | {"test": report})
    except DivergenceError as stop:
        discard_states(checkpoint)  # it would go on to the same end
        saved = f"; {save_unfinished(stop.bundle, folder)}" if stop.bundle else ""
        raise TrainingError(f"{stop}{saved}") from None
    except Interrupted as stop:
        problem = f"interrupted; {save_unfinished(stop.bundle, folder)}"
        raise KeyboardInterrupt(how_to_go_on(problem, checkpoint)) from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(how_to_go_on("interrupted", checkpoint)) from None


def _save(bundle: Bundle, folder: Path, checkpoint: Path, overwrite: bool) -> None:
    try:
        bundle.save(folder, overwrite=overwrite)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(how_to_go_on("interrupted", checkpoint)) from None
    except OSError as error:
        if error.strerror is None:  # not of the system's making
            raise
        raise GrutextError(how_to_go_on(f"{folder}: cannot save, {error.strerror}", checkpoint)) from error


def _draw_loss(bundle: Bundle, folder: Path, listener: Listener) -> Path | None:
    """Draws the loss curve beside the model; the model is whole without it, so that its lack is a note."""
    picture = folder.parent / f"{folder.name}-loss.png"
    if not bundle.history:
        return None
    if not is_installed("matplotlib"):
        listener.note("no picture of the loss: it needs matplotlib, pip install 'grutext[train]'")
        return None
    from grutext.training import plot_history

    try:
        plot_history(bundle.history, picture)
    except OSError as error:
        listener.note(f"no picture of the loss: {picture}: {error.strerror}")
        return None
    return picture


def calibration_line(compared: Mapping[str, Mapping[str, float]]) -> str:
    """Gives what the calibration brought as one line.

    Args:
        compared: ECE and log loss, `before` and `after`, as a bundle keeps them.
    """
    before, after = compared["before"], compared["after"]
    return (
        f"ECE {before['ece']:.3f} → {after['ece']:.3f}, "
        f"log loss {before['log_loss']:.3f} → {after['log_loss']:.3f}"
    )


def _print_outcome(bundle: Bundle, folder: Path, picture: Path | None, seconds: float, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "model": str(folder),
                "epochs": len(bundle.history),
                "seconds": round(seconds, 3),
                "dev": bundle.metrics.get("dev"),
                "test": bundle.metrics.get("test"),
                "calibration": bundle.metrics.get("calibration"),
                "abstention": bundle.abstention,
            }
        )
        return
    from grutext.console import clock, summary

    for part in ("dev", "test"):
        if part in bundle.metrics:
            click.echo(f"{part:<5}{summary(bundle.metrics[part])}")
    if "calibration" in bundle.metrics:
        click.echo(f"calibration on dev: {calibration_line(bundle.metrics['calibration'])}")
    if bundle.abstention:
        click.echo(offer_line(bundle.abstention, bundle.metrics["dev"]["n"]))
    click.echo(f"trained in {clock(seconds)}, {epochs_in_words(len(bundle.history))}")
    click.echo(f"model: {folder}" + (f", loss curve: {picture}" if picture else ""))
    click.echo(f"try: grutext classify FILE -m {folder}")
