"""`grutext audit`: likely label errors, with suggestions, as a file to edit and to train on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.options import (
    check_is_new,
    check_table_file,
    complete_file,
    json_option,
    min_class_size_option,
    print_json,
    quiet_option,
    reading_options,
    safe_csv_option,
    vectors_option,
    weight_column_option,
)
from grutext.cli.settings import SettingsCommand, build_config, settings_options

if TYPE_CHECKING:
    from grutext.data import ReadOptions
    from grutext.training.audit import Audit

_SHOWN = 10  # texts, and pairs of labels
_Fields = dict[tuple[str, int], Mapping[str, Any]]  # the columns of each row, by file and line


@click.command(
    "audit",
    cls=SettingsCommand,
    short_help="List texts whose label is likely wrong.",
    epilog="\b\nExample:\n  grutext audit reviews.csv --no-gru -o audited.csv",
)
@click.argument("data", shell_complete=complete_file, nargs=-1, required=True, metavar="DATA...")
@click.option(
    "--folds", type=click.IntRange(min=2), default=5, metavar="K", help="Number of folds [default: 5]."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File for all rows with their columns and the suggestions, the likely errors first.",
)
@click.option(
    "--errors",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File for the rows whose label is likely wrong.",
)
@safe_csv_option
@click.option("--overwrite", is_flag=True, help="Replace files that are already there.")
@min_class_size_option
@weight_column_option
@reading_options
@settings_options
@vectors_option
@json_option
@quiet_option
def audit_command(
    data: tuple[str, ...],
    folds: int,
    output: Path | None,
    errors: Path | None,
    safe_csv: bool,
    overwrite: bool,
    min_class_size: int,
    weight_column: str | None,
    reading: dict[str, Any],
    settings: dict[str, Any],
    vectors: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """List the texts of DATA whose label is likely wrong, and suggest another.

    Each text is labelled by models that have not seen it: K trainings without a fold of DATA, and K more without the
    labels that the first round doubts. Edit the file of --output and train on it. No model is kept.
    """
    from grutext.console import open_listener
    from grutext.data import ReadOptions
    from grutext.training.audit import audit
    from grutext.training.splits import TrainingData

    for target in filter(None, (output, errors)):
        _check_target(data, target, safe_csv, overwrite)
    if output is not None and output == errors:
        raise click.UsageError("-o and --errors name the same file; they need two.")
    if safe_csv and output is None and errors is None:
        raise click.UsageError("--safe-csv is for the files of -o and --errors.")
    options = ReadOptions(**reading, weight_column=weight_column)
    sources = TrainingData(
        list(data) if len(data) > 1 else data[0], reading=options, min_class_size=min_class_size
    )
    listener = open_listener(quiet)
    found = audit(sources, folds, settings=build_config(settings), vectors=vectors, listener=listener)
    targets = list(filter(None, (output, errors)))
    fields = _read_fields(data, options) if targets else {}
    for target in targets:
        rows = _write(found, fields, target, only_errors=target == errors, safe=safe_csv)
        listener.note(f"{target}: {rows:,} rows")
    if as_json:
        print_json(found.to_dict())
    else:
        for line in _describe(found):
            click.echo(line)


def _check_target(sources: tuple[str, ...], target: Path, safe_csv: bool, overwrite: bool) -> None:
    """Check the name of a file before anything is trained.

    Raises:
        UsageError: It is stdout, stdin would have to be read twice, or `safe_csv` is given and it is no table.
        DataError: It is an input, its folder does not exist, it has a format that cannot be written, or it exists, with labels
            that were perhaps corrected by hand, and `overwrite` is false.
    """
    if str(target) == "-":
        raise click.UsageError("-o and --errors need the name of a file: stdout has the list.")
    if "-" in sources:
        raise click.UsageError(
            "-o and --errors read DATA again for its other columns; stdin cannot be read twice."
        )
    check_table_file(sources, target, safe_csv)
    check_is_new(target, overwrite)


def _describe(found: Audit) -> Iterator[str]:
    """Yield the lines about an audit."""
    from grutext.messages import count, escape, quote

    share = len(found.errors) / max(1, found.texts)
    are = "has" if len(found.errors) == 1 else "have"
    yield f"{len(found.errors):,} of {count(found.texts, 'text')} ({share:.1%}) {are} a label that is likely wrong"
    if not found.errors:
        return
    order = (
        "by the least likely decision"
        if found.multilabel
        else "by the probability of the given one less 2 % of its mean over the texts with that label"
    )
    yield f"\nthe {min(_SHOWN, len(found.errors))} worst labels, {order}:"
    for error in found.errors[:_SHOWN]:
        example = found.examples[error.position]
        given, suggested = ", ".join(example.labels) or "none", ", ".join(error.suggested) or "none"
        place = f"{escape(example.source)}, line {example.row:,}"
        chances = f"{error.given_probability:.3f} → {error.suggested_probability:.3f}"
        yield f"  {place}: {quote(example.text)}: {escape(given)} → {escape(suggested)} ({chances})"
    yield "\nmost frequent changes:"
    for given, suggested, number in found.confusions()[:_SHOWN]:
        yield f"  {escape(given) or 'none'} → {escape(suggested) or 'none'}: {number:,}"


def _write(found: Audit, fields: _Fields, target: Path, *, only_errors: bool, safe: bool) -> int:
    """Write rows with the columns of the data, what the audit adds, and where they are in the data; return their number.

    The likely errors come first, the worst of them at the top, then the rows that could not be audited, such as those without a
    label, and then all others. The file is told only if there are several; a column of the data keeps its name and values.

    Args:
        found: The audit.
        fields: The columns of each row of the data.
        target: The file.
        only_errors: Whether the other rows are left out.
        safe: Whether spreadsheets must not read cells as formulas.
    """
    from grutext.data import NewTable, open_writer

    suspected = {error.position: found.added(error) for error in found.errors}
    nothing = dict.fromkeys(("suggested", "given_probability", "suggested_probability"))
    places = [(example.source, example.row) for example in found.examples]
    audited = set(places)
    written = [(places[position], added) for position, added in suspected.items()]
    if not only_errors:
        written += [(place, nothing) for place in fields if place not in audited]
        written += [(place, nothing) for n, place in enumerate(places) if n not in suspected]
    columns = tuple(dict.fromkeys(name for own in fields.values() for name in own))
    where = ("source", "line") if len({source for source, _ in fields}) > 1 else ("line",)
    told = [name for name in where if name not in columns]
    with open_writer(str(target), None, NewTable((*columns, *nothing, *told)), safe=safe) as writer:
        for place, added in written:
            known = {"source": place[0], "line": place[1]}
            writer.write({**fields[place], **added, **{name: known[name] for name in told}}, {}, place[1])
    return len(written)


def _read_fields(data: tuple[str, ...], options: ReadOptions) -> _Fields:
    """Return all columns of each row of the data, by file and line."""
    from grutext.data import open_labelled

    with open_labelled(list(data), options) as reading:
        return {(record.source, record.number): record.fields for record in reading.table}
