"""`grutext classify`: answers for a person who has a few texts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.options import Source, encoding_option, json_option, model_option, print_json, top_k_option
from grutext.errors import DataError

if TYPE_CHECKING:
    from grutext.runtime import Classifier

BAR = 20  # characters
LISTED = 3  # labels in the JSON's `top` when nobody says how many


@click.command(
    epilog="\b\nExample:\n  grutext classify letter.txt -m reviews\n"
    "  echo 'where is my parcel' | grutext classify --json"
)
@click.argument("files", nargs=-1, type=Source(), metavar="[FILE…|-]")
@model_option("The model that answers.")
@click.option("--lines", is_flag=True, help="Each line is a text of its own, not each file.")
@top_k_option
@encoding_option
@json_option
@click.pass_context
def classify(
    ctx: click.Context,
    files: tuple[str, ...],
    folder: Path,
    lines: bool,
    top_k: int | None,
    encoding: str,
    as_json: bool,
) -> None:
    """Says which label each file has; `-`, or no FILE, reads stdin.

    On a terminal a bar shows the confidence. Into a pipe goes one line for each text: source, label and
    confidence, with tabs between them, and with --top-k the likeliest labels as a JSON list.
    """
    if not files and sys.stdin.isatty():
        raise click.UsageError("Name a FILE, or pipe a text into the command.", ctx)
    documents = [document for name in files or ("-",) for document in _read(name, encoding, lines)]
    from grutext.runtime import Classifier

    answers = _answers(Classifier.load(folder), documents, top_k or LISTED)
    if as_json:
        print_json(answers)
    elif sys.stdout.isatty():
        _draw(answers, top_k or 1)
    else:
        for answer in answers:
            click.echo("\t".join(_cells(answer, with_top=top_k is not None)))


def _read(name: str, encoding: str, lines: bool) -> Iterator[tuple[str, str]]:
    """Gives the source and text of each document in a file, or in stdin if it is called `-`."""
    from grutext.data import read_text

    text = read_text(name, encoding)
    if not lines:
        yield name, text
        return
    rows = text.split("\n")
    if not rows[-1]:
        rows.pop()  # what follows the last line break is a line only if something stands there
    for number, row in enumerate(rows, start=1):
        yield f"{name}:{number}", row


def _answers(model: Classifier, documents: list[tuple[str, str]], count: int) -> list[dict[str, Any]]:
    """Gives the answer for each document, in the form that `--json` prints."""
    if not documents:
        raise DataError("there is no text to classify")
    from grutext.cli.answer import answer

    texts = [text for _, text in documents]
    probabilities = model.predict_proba(texts)
    return [
        {"source": source, **answer(model, row, count)}
        for (source, _), row in zip(documents, probabilities, strict=True)
    ]
