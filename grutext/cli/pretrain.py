"""`grutext pretrain`: from texts without labels to a base that trainings start from."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.options import (
    complete_file,
    complete_folder,
    dialect_options,
    encoding_option,
    format_option,
    json_option,
    print_json,
    quiet_option,
    text_column_option,
)
from grutext.cli.settings import SettingsCommand, build_config, pretraining_options
from grutext.cli.train import interruptible
from grutext.progress import epochs_in_words

if TYPE_CHECKING:
    from grutext.data import Dialect


@click.command(
    "pretrain",
    cls=SettingsCommand,
    short_help="Learn words and vectors from unlabelled texts.",
    epilog="\b\nExample:\n  grutext pretrain archive.csv -o base\n  grutext train few.csv --from base -m model",
)
@click.argument("texts", shell_complete=complete_file, nargs=-1, required=True, metavar="TEXTS...")
@click.option(
    "-o",
    "--output",
    "-m",
    "folder",
    type=click.Path(path_type=Path, readable=False),
    default="base",
    show_default=True,
    metavar="DIR",
    help="The folder that the base is written to.",
    shell_complete=complete_folder,
)
@text_column_option
@encoding_option
@format_option
@dialect_options
@pretraining_options
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of passes over the texts [default: depends on their size].",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue the interrupted pretraining of this base; start it if none was saved.",
)
@click.option("--overwrite", is_flag=True, help="Replace the base that is already in the folder.")
@json_option
@quiet_option
def pretrain_command(
    texts: tuple[str, ...],
    folder: Path,
    text_column: tuple[str, ...],
    encoding: str | None,
    form: str | None,
    dialect: Dialect,
    settings: dict[str, Any],
    epochs: int | None,
    resume: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Learn words and their vectors from TEXTS, and write them to a folder.

    TEXTS are files with texts without labels, in any form that `grutext predict` reads, or `-` for stdin. The result is a
    base: it predicts nothing, but `grutext train --from` starts from it, as often as wanted.
    """
    started = time.monotonic()
    if texts.count("-") > 1:
        raise click.UsageError("Only one of TEXTS can be stdin.")
    from grutext.console import clock, open_listener
    from grutext.data import ReadOptions, join_columns
    from grutext.training.pretrain import pretrain
    from grutext.training.target import TrainingTarget

    config = build_config(settings)
    if epochs is not None:
        config = config.override({"training.pretraining_epochs": epochs})
    reading = ReadOptions(join_columns(text_column), encoding=encoding, format=form, dialect=dialect)
    with interruptible():
        outcome = pretrain(
            [Path(source) for source in texts],
            TrainingTarget(folder, overwrite=overwrite, resume=resume),
            settings=config,
            reading=reading,
            listener=open_listener(quiet),
            started=started,
        )
    data = outcome.bundle.data
    if as_json:
        print_json(
            {
                "base": str(outcome.folder),
                "texts": data["unlabelled_texts"],
                "vocabulary": len(outcome.bundle.vocabulary),
                "epochs": data["epochs"],
                "loss": data["loss"],
                "seconds": round(outcome.seconds, 3),
                "left_out": data.get("left_out", []),
            }
        )
        return
    took = "pretrained before" if outcome.was_finished else f"pretrained in {clock(outcome.seconds)}"
    click.echo(f"{took}, {epochs_in_words(data['epochs'])}, {len(outcome.bundle.vocabulary):,} words")
    if data.get("left_out"):
        click.echo(f"left out for the time budget: {'; '.join(data['left_out'])}")
    click.echo(f"base: {outcome.folder}")
    if not quiet:
        click.echo(f"try: grutext train DATA --from {outcome.folder}")
