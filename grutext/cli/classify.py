"""`grutext classify`: labels for a few texts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Literal

import click

from grutext.cli.abstention import abstain_option, check_supported, familiar_above_option, familiarity_option
from grutext.cli.documents import read_documents
from grutext.cli.options import (
    Command,
    complete_file,
    early_option,
    encoding_option,
    json_option,
    model_option,
    print_json,
    threads_option,
    top_k_option,
)
from grutext.cli.reasons import STRONGEST, print_reasons, reasons_fields
from grutext.cli.stream import check_stream_options, classify_stream
from grutext.errors import DataError
from grutext.messages import CONTROLS, pad, width

BAR = 20  # characters
LISTED = 3  # labels in the `top` of the JSON, by default


@click.command(
    "classify",
    cls=Command,
    epilog="\b\nExample:\n  grutext classify letter.txt -m reviews\n"
    "  echo 'where is my parcel' | grutext classify --json\n"
    "  tail -f app.log | grutext classify --stream --lines -",
)
@click.argument("files", nargs=-1, shell_complete=complete_file, metavar="[FILE...|-]")
@model_option("The model that answers.")
@click.option("--lines", is_flag=True, help="Treat each line as a text, instead of each file.")
@click.option("--stream", is_flag=True, help="Answer while stdin, or a FILE, is still coming.")
@early_option("With --stream, stop")
@top_k_option
@abstain_option
@familiar_above_option
@familiarity_option
@click.option("--explain", is_flag=True, help="Show what each word adds to the score of the label.")
@click.option("--explain-label", metavar="LABEL", help="Explain this label, instead of the answer's.")
@encoding_option
@threads_option
@json_option
@click.pass_context
def classify_command(
    ctx: click.Context,
    files: tuple[str, ...],
    folder: Path,
    lines: bool,
    stream: bool,
    early: float | None,
    top_k: int | None,
    abstain_below: float | None,
    familiar_above: float | None,
    familiarity: bool,
    explain: bool,
    explain_label: str | None,
    encoding: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Label texts: each FILE is one; `-`, or no FILE, reads stdin.

    On a terminal a bar shows the confidence. Into a pipe it prints one line for each text: source, label and
    confidence, then the familiarity with --familiarity, and the likeliest labels as a JSON list with --top-k,
    separated by tabs. The label of a text that is left to a person is empty. Use `grutext predict` for the rows of a table.

    With --stream it prints a line of JSON whenever the answer about the text so far changes or, with --early, is decided;
    with --lines about each line. It then reads one FILE or stdin, in UTF-8, and takes -m, --lines and --early only.
    """
    check_stream_options(ctx)
    if not files and _is_terminal("stdin"):
        raise click.UsageError("Name a FILE, or pipe a text into the command.", ctx)
    if stream:
        classify_stream(folder, files[0] if files else "-", early, lines=lines)
        return
    documents = [document for name in files or ("-",) for document in read_documents(name, encoding, lines)]
    if not documents:
        raise DataError("there is no line to classify", " ".join(files) or "-")
    from grutext.inference import Classifier

    # A few texts are answered before compiled kernels are loaded.
    model = Classifier.load(folder, threads, compiled=False)
    check_supported(model, abstain_below, familiarity or familiar_above is not None)
    given = model.answer(
        [text for _, text in documents],
        top_k=top_k or LISTED,
        abstain_below=abstain_below,
        familiar_above=familiar_above,
    )
    abstains = abstain_below is not None or familiar_above is not None
    answers = [
        {"source": source} | answer.fields(abstains, familiarity) | {"top": answer.top_field()}
        for (source, _), answer in zip(documents, given, strict=True)
    ]
    reasons = []
    explain = explain or explain_label is not None
    if explain:
        explanations = [model.explain(text, explain_label) for _, text in documents]
        reasons = [(explanation, model.leave_out(explanation, STRONGEST)) for explanation in explanations]
    if as_json:
        for answer, reason in zip(answers, reasons, strict=False):
            answer.update(reasons_fields(*reason))
        print_json(answers)
        return
    # With reasons each answer stands above its own.
    for shown in [[answer] for answer in answers] if explain else [answers]:
        if _is_terminal("stdout"):
            _draw(shown, top_k or 1)
        else:
            for answer in shown:
                click.echo(_tab_separated(answer, with_top=top_k is not None))
        if explain:
            print_reasons(*reasons.pop(0), _is_terminal("stdout"))


def _is_terminal(name: Literal["stdin", "stdout"]) -> bool:
    stream = getattr(sys, name)
    return stream is not None and bool(stream.isatty())  # it may be closed


def _draw(answers: list[dict[str, Any]], count: int) -> None:
    """Print the answers for a person: aligned, with bars.

    rich would take longer to load than the model takes to answer.
    """
    rows: list[tuple[str, str, float, str]] = []
    for answer in answers:
        decided = _words(answer["label"]).translate(CONTROLS)
        familiar = f"  familiarity {answer['familiarity']:.2f}" if "familiarity" in answer else ""
        rows.append((answer["source"].translate(CONTROLS), decided, answer["confidence"], familiar))
        if count > 1:
            rows += [("", top["label"].translate(CONTROLS), top["probability"], "") for top in answer["top"]]
    widths = [max(width(source) for source, *_ in rows), max(width(label) for _, label, *_ in rows)]
    for source, label, probability, familiar in rows:
        full = round(probability * BAR)
        bar = click.style("█" * full, fg="cyan") + click.style("░" * (BAR - full), dim=True)
        name = click.style(pad(label, widths[1]), bold=bool(source))
        click.echo(f"{pad(source, widths[0])}  {name}  {probability:.4f}  {bar}{familiar}")


def _words(label: str | list[str] | None) -> str:
    if label is None:
        return "(ask a person)"
    return label if isinstance(label, str) else ", ".join(label) or "(no label)"


def _tab_separated(answer: dict[str, Any], with_top: bool) -> str:
    label = answer["label"]
    cells = [
        answer["source"],
        json.dumps(label, ensure_ascii=False) if isinstance(label, list) else label or "",
        f"{answer['confidence']:.6f}",
    ]
    if "familiarity" in answer:
        cells.append(f"{answer['familiarity']:g}")
    if with_top:
        cells.append(json.dumps(answer["top"], ensure_ascii=False))
    return "\t".join(cell.translate(CONTROLS) for cell in cells)
