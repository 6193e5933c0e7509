"""`grutext check`: what is wrong with data, before a training or a prediction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.options import (
    Command,
    check_report,
    check_table_file,
    complete_file,
    complete_folder,
    json_option,
    print_json,
    quiet_option,
    reading_options,
    weight_column_option,
)

if TYPE_CHECKING:
    from grutext.data import ReadOptions
    from grutext.data_quality.check import DataCheck
    from grutext.data_quality.findings import Finding


@click.command(
    "check",
    cls=Command,
    short_help="Look data over before a training.",
    epilog="\b\nExample:\n  grutext check train.csv --against test.csv\n  grutext check new.csv --unlabelled --against train.csv -m reviews",
)
@click.argument("data", shell_complete=complete_file, nargs=-1, required=True, metavar="DATA...")
@click.option(
    "--against",
    metavar="OTHER",
    multiple=True,
    shell_complete=complete_file,
    help="Other data, such as the test set of DATA or the training data of new texts; repeated for several files.",
)
@click.option(
    "-m",
    "--model",
    "folder",
    type=click.Path(path_type=Path, readable=False),
    metavar="DIR",
    shell_complete=complete_folder,
    help="A model, whose words and labels the data are compared with.",
)
@click.option("--unlabelled", is_flag=True, help="Read texts without labels, as grutext predict does.")
@weight_column_option
@reading_options
@click.option(
    "--report",
    "report_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    help="File for the findings as one page for a browser.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File for the rows of DATA without the copies of earlier ones.",
)
@click.option("--strict", is_flag=True, help="Exit with code 1 if something was found.")
@json_option
@quiet_option
def check_command(
    data: tuple[str, ...],
    against: tuple[str, ...],
    folder: Path | None,
    unlabelled: bool,
    weight_column: str | None,
    reading: dict[str, Any],
    report_file: Path | None,
    output: Path | None,
    strict: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Look over DATA before a training: encoding, copies, labels, lengths and scripts.

    DATA is read as by grutext train. Each thing that is wrong is printed with the first rows that have it and what
    to do about it; DATA is not changed.
    """
    from grutext.console import open_listener
    from grutext.data import ReadOptions
    from grutext.data_quality.check import check_data

    if report_file is not None:
        check_report(report_file, [*data, *against])
    if output is not None:
        _check_output(data, output)
    listener, options = open_listener(quiet), ReadOptions(**reading, weight_column=weight_column)
    found = check_data(
        data,
        against=against or None,
        model=folder,
        reading=options,
        labelled=not unlabelled,
        listener=listener,
    )
    if report_file is not None:
        from grutext.report import render_check, write_page

        write_page(render_check(found), report_file)
        listener.note(f"report: {report_file}")
    if output is not None:
        listener.note(_write_distinct(data, options, folder, output, labelled=not unlabelled))
    if as_json:
        print_json(found.to_dict())
    else:
        for line in _describe(found):
            click.echo(line)
    if strict and found.findings:
        click.get_current_context().exit(1)


def _check_output(sources: tuple[str, ...], target: Path) -> None:
    """Check the name of the file before anything is read.

    Raises:
        UsageError: It is stdout, or stdin would have to be read twice.
        DataError: It is an input, its folder does not exist, or it has a format that cannot be written.
    """
    if str(target) == "-":
        raise click.UsageError("-o needs the name of a file: stdout has the findings.")
    if "-" in sources:
        raise click.UsageError("-o reads DATA again; stdin cannot be read twice.")
    check_table_file(sources, target)


def _write_distinct(
    data: tuple[str, ...], options: ReadOptions, folder: Path | None, target: Path, *, labelled: bool
) -> str:
    """Write the rows of the data without copies; return a line about it."""
    from grutext.data import Columns, open_writer, remember_options, remembered_columns
    from grutext.data_quality.distinct import open_distinct
    from grutext.messages import count
    from grutext.model.bundle import Bundle

    known, written = Columns(None, None), 0
    if folder is not None:
        trained = Bundle.load(folder).data
        options, known = remember_options(options, trained), remembered_columns(trained)
    with (
        open_distinct(data, options, known, labelled=labelled) as rows,
        open_writer(str(target), None, rows.reader) as writer,
    ):
        for written, row in enumerate(rows, start=1):  # noqa: B007 (the last number is used)
            writer.write(row.fields, number=row.number)
    return f"{target}: {count(written, 'row')}; left out as copies: {rows.copies:,}"


def _describe(found: DataCheck) -> Iterator[str]:
    """Yield the lines about a check."""
    from grutext.messages import count, escape

    statistics = found.statistics
    labels = f", {count(len(statistics.label_counts), 'label')}" if found.labelled else ""
    yield f"{escape(found.source)}: {count(statistics.texts, 'text')}{labels}"
    _, low, _, median, _, high, longest = found.quantiles()
    yield f"characters: median {median:,}, 90 % of the texts between {low:,} and {high:,}, longest {longest:,}"
    scripts = [
        f"{name} {number / statistics.texts:.1%}" for name, number in statistics.scripts.most_common(10)
    ]
    if scripts:
        yield f"scripts: {', '.join(scripts)}"
    measures = found.measures
    if measures is not None and statistics.texts:
        familiarity = (
            "" if measures.familiarity is None else f", mean familiarity {measures.familiarity.mean():+.2f}"
        )
        yield f"model: {measures.unknown.mean():.1%} of a text's words are unknown to it{familiarity}"
    for shift in found.shifts:
        yield f"against the other data: {shift.measure.replace('_', ' ')}: {shift.describe()}"
    yield ""
    if not found.findings:
        yield "nothing wrong was found"
        return
    yield f"{count(len(found.findings), 'finding')}:"
    for number, finding in enumerate(found.findings, start=1):
        yield from _describe_finding(number, finding, found.source)


def _describe_finding(number: int, finding: Finding, source: str) -> Iterator[str]:
    """Yield the lines about a finding: what, where, what to do."""
    from grutext.data_quality.findings import SHOWN
    from grutext.messages import escape

    yield f"{number}. {escape(finding.message)}"
    if finding.places:
        shown = finding.places[:SHOWN]
        lines = [f"{line}" if name == source else f"{escape(name)}:{line}" for name, line in shown]
        more = ", …" if len(finding.places) > len(shown) else ""
        yield f"   {'line' if len(lines) == 1 and not more else 'lines'} {', '.join(lines)}{more}"
    yield f"   {escape(finding.remedy[0].upper() + finding.remedy[1:])}."
