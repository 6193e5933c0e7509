"""`grutext predict`: labels for a whole file of rows, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.abstention import abstain_option, check_abstains, familiarity_option
from grutext.cli.answer import DECIMALS, build_answers
from grutext.cli.options import (
    complete_file,
    encoding_option,
    format_option,
    model_option,
    quiet_option,
    text_column_option,
    top_k_option,
)

if TYPE_CHECKING:
    from grutext.data import Row

BATCH = 1024  # rows


@click.command(
    "predict",
    epilog="\b\nExample:\n  grutext predict mails.csv -m reviews -o labelled.csv\n"
    "  cat mails.jsonl | grutext predict - --format jsonl --proba",
)
@click.argument("source", shell_complete=complete_file, metavar="INPUT")
@model_option("The model that answers.")
@click.option(
    "-o", "--output", type=click.Path(readable=False), metavar="FILE", help="File to write [default: stdout]."
)
@click.option("--proba", is_flag=True, help="Add the probability of each label, as columns p_LABEL.")
@top_k_option
@abstain_option
@familiarity_option
@text_column_option
@encoding_option
@format_option
@quiet_option
def predict_command(
    source: str,
    folder: Path,
    output: str | None,
    proba: bool,
    top_k: int | None,
    abstain_below: float | None,
    familiarity: bool,
    text_column: str | None,
    encoding: str,
    form: str | None,
    quiet: bool,
) -> None:
    """Adds a label and its confidence to each row of INPUT.

    INPUT is .csv, .tsv, .jsonl, .parquet or .txt (each line a text), each also .gz, or `-` for stdin. Rows,
    columns and their order stay as they are; `label` and `confidence` are added, or `predicted_label` and
    `predicted_confidence` where the names are taken. The output has the format of its name, or else that
    of INPUT (lines of text become TSV, parquet becomes JSON lines). With --abstain-below a text may have no
    label; the column `abstained` says which.
    """
    from grutext.data import Columns, ReadOptions, open_writer, read_rows
    from grutext.runtime import Classifier

    model = Classifier.load(folder)
    check_abstains(model, abstain_below)
    options = ReadOptions(text_column=text_column, encoding=encoding, format=form)
    known = Columns(model.bundle.data.get("text_column"), None)
    count = empty = 0
    with read_rows(source, options, known=known) as reader:
        for note in () if quiet else reader.notes:
            click.echo(note, err=True)
        with open_writer(output, None, reader) as writer:
            for rows in _batches(reader):
                answers = build_answers(
                    model, [row.text for row in rows], top_k or 1, abstain_below, familiarity
                )
                for row, answer in zip(rows, answers, strict=True):
                    added = _columns(answer, model.labels if proba else (), with_top=top_k is not None)
                    writer.write(row.fields, added, row.number)
                count += len(rows)
                empty += sum(not row.text.strip() for row in rows)
    if empty and not quiet:
        click.echo(
            f"{source}: {empty:,} {'text is' if empty == 1 else 'texts are'} empty (labelled all the same)",
            err=True,
        )
    if output not in (None, "-") and not quiet:
        click.echo(f"{output}: {count:,} {'row' if count == 1 else 'rows'}", err=True)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _columns(answer: dict[str, Any], labels: tuple[str, ...], with_top: bool) -> dict[str, Any]:
    """Gives the columns that an answer adds to its row."""
    from grutext.data.cells import JsonNumber

    added = {"label": answer["label"], "confidence": JsonNumber(f"{answer['confidence']:.{DECIMALS}f}")}
    added |= {key: answer[key] for key in ("abstained", "familiarity") if key in answer}
    for label, probability in zip(labels, answer["probabilities"] if labels else (), strict=True):
        added[f"p_{label}"] = JsonNumber(f"{probability:.{DECIMALS}f}")
    return added | {"top": answer["top"]} if with_top else added
