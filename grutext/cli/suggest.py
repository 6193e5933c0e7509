"""`grutext suggest`: which texts without labels to label next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.options import (
    Command,
    check_folder,
    check_is_new,
    check_not_the_input,
    complete_file,
    dialect_options,
    encoding_option,
    format_option,
    json_option,
    model_option,
    print_json,
    print_notes,
    quiet_option,
    text_column_option,
    threads_option,
)

if TYPE_CHECKING:
    from grutext.data import Columns, Dialect, ReadOptions, RowReader
    from grutext.data_quality.active_learning import Selection


@click.command(
    "suggest",
    cls=Command,
    short_help="Choose which texts to label next.",
    epilog="\b\nExample:\n  grutext suggest mails.csv -m reviews -n 100 --labelled reviews.csv -o to-label.csv",
)
@click.argument("sources", shell_complete=complete_file, nargs=-1, required=True, metavar="UNLABELLED...")
@model_option("The model that is to learn from them.")
@click.option(
    "-n",
    "--count",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="How many texts to suggest.",
)
@click.option(
    "--labelled",
    shell_complete=complete_file,
    multiple=True,
    metavar="FILE",
    help="Texts that are labelled already, and are not suggested; may be repeated.",
)
@click.option(
    "-o", "--output", type=click.Path(readable=False), metavar="FILE", help="File to write [default: stdout]."
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is already there.")
@text_column_option
@encoding_option
@format_option
@dialect_options
@threads_option
@json_option
@quiet_option
def suggest_command(
    sources: tuple[str, ...],
    folder: Path,
    count: int,
    labelled: tuple[str, ...],
    output: str | None,
    overwrite: bool,
    text_column: tuple[str, ...],
    encoding: str | None,
    form: str | None,
    dialect: Dialect,
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Choose the texts of UNLABELLED from which the model would learn most, to be labelled next.

    UNLABELLED is what `grutext predict` reads. Chosen are texts of which the model is unsure and that differ from one
    another, in the order in which to label them; rows that have a label are left out. The rows get an empty column for the label, called as in the
    training data, the model's guess as `predicted_label`, and how sure it is as `margin`, from 0 to 1.
    """
    from grutext.data import (
        ReadOptions,
        choose_format,
        join_columns,
        list_columns,
        read_rows,
        remember_options,
        remembered_columns,
    )
    from grutext.data_quality.active_learning import suggest
    from grutext.inference import Classifier

    if as_json and output == "-":
        raise click.UsageError("--json and -o - would both write to stdout; leave one of them out.")
    for read in (sources, labelled):
        check_not_the_input(read, output)
    if output not in (None, "-"):
        check_folder(Path(output))
        check_is_new(Path(output), overwrite)
    model = Classifier.load(folder, threads)
    options = ReadOptions(join_columns(text_column), encoding=encoding, format=form, dialect=dialect)
    options, known = remember_options(options, model.bundle.data), remembered_columns(model.bundle.data)
    with read_rows(sources, options, known=known) as reader:
        print_notes(reader.notes, quiet)
        choose_format(output, None, reader)  # a wrong name is an error now, and not after the work
        selection = suggest(
            model,
            reader,
            count,
            labelled=_read_texts(labelled, options, known, quiet),
            label_columns=list_columns(known.label),
        )
        print_notes(_summarize(" ".join(sources), selection), quiet)
        if output is not None or not as_json:
            _write(selection, output, reader, known.label)
    if output not in (None, "-"):
        print_notes([f"{output}: {len(selection.suggestions):,} rows to label"], quiet)
    if as_json:
        print_json(_as_json(selection))


def _read_texts(sources: Sequence[str], options: ReadOptions, known: Columns, quiet: bool) -> Iterator[str]:
    """Yield the texts of files."""
    from dataclasses import replace

    from grutext.data import Dialect, read_rows

    own = replace(options, format=None, dialect=Dialect())  # those of UNLABELLED may differ
    for source in sources:
        with read_rows(source, own, known=known) as rows:
            print_notes(rows.notes, quiet)
            for row in rows:
                yield row.text


def _summarize(source: str, selection: Selection) -> list[str]:
    """Return the line on what was read and left out."""
    from grutext.messages import count

    left_out = [
        f"{number:,} {why}"
        for number, why in (
            (selection.empty, "empty"),
            (selection.labelled, "labelled already"),
            (selection.copies, "copies" if selection.copies > 1 else "copy"),
        )
        if number
    ]
    listed = f"; left out: {', '.join(left_out)}" if left_out else ""
    return [f"{source}: {count(selection.texts, 'text')}{listed}"]


def _write(selection: Selection, output: str | None, reader: RowReader, label: Any) -> None:
    """Write the rows; a column for the label is added unless they have it."""
    from grutext.data import open_writer

    name = label if isinstance(label, str) else "label"
    with open_writer(output, None, reader) as writer:
        for one in selection.suggestions:
            added = {} if name in reader.columns else {name: None}
            guess = list(one.label) if isinstance(one.label, tuple) else one.label
            writer.write(one.fields, added | {"predicted_label": guess, "margin": _round(one.margin)})


def _as_json(selection: Selection) -> dict[str, Any]:
    return {
        "texts": selection.texts,
        "left_out": {
            "empty": selection.empty,
            "labelled": selection.labelled,
            "copies": selection.copies,
        },
        "suggestions": [
            {
                "position": one.position,
                "text": one.text,
                "predicted_label": list(one.label) if isinstance(one.label, tuple) else one.label,
                "margin": _round(one.margin),
            }
            for one in selection.suggestions
        ],
    }


def _round(margin: float) -> float:
    from grutext.inference.answers import DECIMALS

    return round(margin, DECIMALS)
