"""Options that mean the same in every command that has them."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator = Callable[[Function], Function]


# The groups of options in a help text, in their order, by the longest name of each option. Options that are in none, or
# that a command requires, stand first, under "Options": they are the command's own.
GROUPS = {
    "Input": (
        "--text-column", "--label-column", "--label-separator", "--format", "--encoding", "--weight-column", "--unlabelled",
        "--min-class-size", "--skip-empty", "--keep-missing",
    ),
    "CSV and TSV": ("--delimiter", "--quotes", "--escape", "--header", "--columns"),
    "Settings": (
        "--config", "--set", "--dev-fraction", "--epochs", "--seed", "--class-weight", "--optimize", "--engine", "--no-linear",
        "--no-gru", "--vectors", "--from",
    ),
    "Answers": (
        "--top-k", "--abstain-below", "--familiar-above", "--familiarity", "--early", "--proba", "--explain", "--explain-label",
    ),
    "Cluster": ("--on", "--master", "--remote", "--model-on-workers"),
    "Access": ("--allow-host", "--token-file", "--allow-reload"),
    "Limits": ("--max-body", "--max-texts", "--max-characters", "--max-waiting", "--max-sessions", "--timeout"),
    "Output": ("--safe-csv", "--tensorboard", "--log", "--json", "--quiet"),
    "Running": ("--resume", "--overwrite", "--threads"),
}  # fmt: skip
_FEW = 8  # options that are listed without groups


class Command(click.Command):
    """A command whose help groups its options, and which refuses an option that is given twice unless it may be repeated.

    click keeps the last value and says nothing, so that half of what was asked for would be lost in silence.
    """

    def grouped_options(self, ctx: click.Context) -> dict[str, list[click.Option]]:
        """Return the options by the title of their group, as the help lists them."""
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        if len(options) <= _FEW:
            return {"Options": options}
        own = {_name(option): option for option in options}
        grouped = {
            title: [own.pop(name) for name in names if name in own and not own[name].required]
            for title, names in GROUPS.items()
        }
        return {"Options": list(own.values())} | {title: some for title, some in grouped.items() if some}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under the titles of their groups."""
        for title, options in self.grouped_options(ctx).items():
            records = [record for option in options if (record := option.get_help_record(ctx)) is not None]
            with formatter.section(title):
                formatter.write_dl(records)

    def make_parser(self, ctx: click.Context) -> Any:
        """Return click's parser, which in addition checks how often each option is given."""
        parser = super().make_parser(ctx)
        parse = parser.parse_args

        def parse_once(args: list[str]) -> Any:
            values, rest, order = parse(args)
            if not ctx.resilient_parsing:
                _check_given_once(order, ctx)
            return values, rest, order

        parser.parse_args = parse_once  # type: ignore[method-assign]
        return parser


def _name(option: click.Option) -> str:
    return max(option.opts, key=len)


def _check_given_once(order: Sequence[click.Parameter], ctx: click.Context) -> None:
    """Raise a UsageError if an option that may not be repeated occurs twice on the command line."""
    for parameter, times in Counter(order).items():
        if not isinstance(parameter, click.Option) or parameter.is_eager:
            continue
        if times > 1 and not (parameter.multiple or parameter.count):
            raise click.UsageError(f"{_name(parameter)} is given {times} times, but may be given once.", ctx)


class LazyChoice(click.Choice[str]):
    """A choice whose values are loaded when they are needed, so that `grutext --help` does not import them.

    Args:
        load: Returns the values.
    """

    def __init__(self, load: Callable[[], Sequence[str]]) -> None:
        self.case_sensitive = True
        self._load = load

    @functools.cached_property
    def choices(self) -> Sequence[str]:  # type: ignore[override]
        """The values."""
        return self._load()


def _load_formats() -> Sequence[str]:
    from grutext.data import format_names

    return format_names()


def complete_file(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return an item that makes the shell complete file names."""
    return [CompletionItem(incomplete, type="file")]


def complete_folder(
    _ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return an item that makes the shell complete folder names."""
    return [CompletionItem(incomplete, type="dir")]


def read_time(text: str) -> float:
    """Return the seconds of a time such as `90s`, `10m`, `1h30m` or `600`.

    Raises:
        click.BadParameter: It is not a time, or not positive.
    """
    from grutext.errors import ConfigError
    from grutext.settings import read_seconds

    try:
        return read_seconds(text)
    except ConfigError as error:
        raise click.BadParameter(f"{error}.") from None


def read_setting(text: str) -> tuple[str, str]:
    """Return the key and the value of `KEY=VALUE`.

    Raises:
        click.BadParameter: It has no key or no equals sign.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise click.BadParameter(f'"{text}" is not KEY=VALUE, such as gru.units=96.')
    return key.strip(), value.strip()


def early_option(start: str = "Stop") -> Decorator[Any]:
    """Return the option `--early`, whose help begins with some words."""
    return click.option(
        "--early",
        type=click.FloatRange(0, 1),
        metavar="GAP",
        help=f"{start} reading a text as soon as its answer is safe: at most this share of the answers, 0.005, 0.01, 0.02 or "
        "0.05, is worse than at the end (`grutext show` lists which of these gaps the model offers).",
    )


def model_option(use: str) -> Decorator[Any]:
    """Return the option `-m/--model`; `use` says what the command does with the folder."""
    return click.option(
        "-m",
        "--model",
        "folder",
        type=click.Path(path_type=Path, readable=False),
        default="model",
        show_default=True,
        metavar="DIR",
        help=use,
        shell_complete=complete_folder,
    )


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
quiet_option = click.option(
    "--quiet", is_flag=True, help="Print no notes and no progress, only results and errors."
)
min_class_size_option = click.option(
    "--min-class-size",
    type=click.IntRange(min=1),
    metavar="N",
    default=1,
    help="Drop labels of DATA with fewer than N texts, and count them.",
)
weight_column_option = click.option(
    "--weight-column",
    metavar="C",
    help="Column with the weight of each text in training [default: each counts once].",
)
vectors_option = click.option(
    "--vectors",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Word vectors to start from: GloVe, word2vec, fastText .vec, .npz, or a folder of static embeddings.",
)
text_column_option = click.option(
    "--text-column",
    "text_column",
    metavar="C",
    multiple=True,
    help="Column with the texts [default: guessed]; if repeated, the texts are joined.",
)
encoding_option = click.option(
    "--encoding", metavar="NAME", help="Encoding of the files [default: detected, or else UTF-8]."
)
format_option = click.option(
    "--format",
    "form",
    type=LazyChoice(_load_formats),
    help="Format of the data [default: by the name of the file].",
)

safe_csv_option = click.option(
    "--safe-csv", is_flag=True, help="Keep spreadsheets from reading cells as formulas (CSV and TSV)."
)


def check_safe_csv(is_table: bool) -> None:
    """Raise a UsageError if `--safe-csv` is given for a file that is not CSV or TSV."""
    if not is_table:
        raise click.UsageError("--safe-csv is for CSV and TSV; JSON lines hold no formulas, leave it out.")


def read_finite(_ctx: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    """Return the value of an option.

    Raises:
        click.BadParameter: It is infinite or not a number.
    """
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no finite number.")
    return value


threads_option = click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Maximum number of cores to use [default: all].",
)
top_k_option = click.option(
    "--top-k", type=click.IntRange(min=1), metavar="K", help="Also print the K likeliest labels."
)

_LABELLED = (
    text_column_option,
    click.option(
        "--label-column",
        metavar="C",
        multiple=True,
        help="Column with the labels [default: guessed]; if repeated, columns of 0 and 1, or probabilities, one for each label.",
    ),
    click.option(
        "--label-separator", metavar="S", help="Separator between the labels of a cell that has several."
    ),
    encoding_option,
    click.option("--skip-empty", is_flag=True, help="Drop rows with an empty text or label, and count them."),
    click.option(
        "--keep-missing",
        is_flag=True,
        help="Keep labels such as nan, None and N/A, instead of treating them as missing.",
    ),
    format_option,
)
# Option to the field of `grutext.data.ReadOptions`.
_READING = {"form": "format"} | {
    name: name
    for name in (
        "text_column",
        "label_column",
        "label_separator",
        "encoding",
        "skip_empty",
        "keep_missing",
        "dialect",
    )
}


def _read_character(_ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    r"""Return a character that an option names; `tab` and `\t` name the tab.

    Raises:
        click.BadParameter: It is not one character.
    """
    if value is None or value.lower() in {"tab", "\\t"}:
        return None if value is None else "\t"
    if len(value) != 1 or value in '"\r\n':
        raise click.BadParameter(
            "must be one character other than a quote; write tab for a tab", param=parameter
        )
    return value


_DIALECT = (
    click.option(
        "--delimiter",
        callback=_read_character,
        metavar="CHAR",
        help="Character between the cells of CSV and TSV [default: detected].",
    ),
    click.option(
        "--quotes/--no-quotes",
        default=None,
        help="Whether quotes enclose cells of CSV and TSV, or are text [default: detected].",
    ),
    click.option(
        "--escape",
        callback=_read_character,
        metavar="CHAR",
        help="Escape character of CSV and TSV [default: none].",
    ),
    click.option(
        "--header/--no-header",
        default=None,
        help="Whether the first line of CSV and TSV names the columns, or is a row [default: as in training, or yes].",
    ),
    click.option("--columns", metavar="A,B", help="Names of the columns, for --no-header."),
)


def dialect_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of CSV and TSV files; the command gets a `Dialect` as `dialect`."""

    @functools.wraps(function)
    def collected(
        delimiter: str | None,
        quotes: bool | None,
        escape: str | None,
        header: bool | None,
        columns: str | None,
        **values: Any,
    ) -> Any:
        from grutext.data import Dialect

        if columns is not None and header is not False:
            raise click.UsageError("--columns needs --no-header: it is for files without column names.")
        names = tuple(name.strip() for name in columns.split(",")) if columns else ()
        dialect = Dialect(delimiter, quotes, escape, header, names)
        return function(dialect=dialect, **values)

    for option in reversed(_DIALECT):
        option(collected)
    return collected


def reading_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of reading labelled data; the command gets the fields of `ReadOptions` as `reading`."""

    @functools.wraps(function)
    def collected(**values: Any) -> Any:
        from grutext.data import join_columns

        reading = {field: values.pop(name) for name, field in _READING.items()}
        for field in ("text_column", "label_column"):
            reading[field] = join_columns(reading[field])
        return function(reading=reading, **values)

    command = dialect_options(collected)
    for option in reversed(_LABELLED):
        option(command)
    return command


def check_not_the_input(sources: Sequence[str], output: str | None) -> None:
    """Raise a DataError if the output would replace an input, even under another name."""
    from grutext.data import expand_sources
    from grutext.errors import DataError

    if output is None or output == "-":
        return
    for source in expand_sources(sources):
        try:
            read = os.fstat(sys.stdin.fileno()) if source == "-" else Path(source).stat()
            same = Path(output).is_file() and os.path.samestat(read, Path(output).stat())
        except (
            AttributeError,
            OSError,
            ValueError,
        ):  # one of them is missing, closed, or no file of the system
            continue
        if same:
            raise DataError("is the input, which is not replaced; name another file to write", output)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def print_notes(notes: Iterable[str], quiet: bool = False) -> None:
    """Print lines for the user on stderr."""
    from grutext.messages import escape

    for note in () if quiet else notes:
        with contextlib.suppress(BrokenPipeError):  # that nobody reads the notes must not stop the command
            click.echo(escape(note), err=True)


report_option = click.option(
    "--report",
    "report_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    help="File for a report with plots and the worst mistakes, one page for a browser.",
)


def check_report(file: Path, sources: Sequence[str], *, here: bool = True) -> None:
    """Raise an error early if a report cannot be written.

    Args:
        file: The file of the report.
        sources: The data that are read.
        here: Whether it is this process that writes it.

    Raises:
        UsageError: It is stdout, or its suffix is not `.html`.
        DataError: Its folder does not exist, or it is one of the inputs.
        MissingExtraError: A package that draws it is not installed.
    """
    from grutext.requirements import check_installed

    if str(file) == "-":
        raise click.UsageError("--report needs the name of a file: stdout has the results.")
    check_installed("--report", "jinja2", "matplotlib")
    check_not_the_input(sources, str(file))
    if file.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"--report writes HTML; name the file {file.with_suffix('.html').name}.")
    if here:
        check_folder(file)


def check_folder(file: Path) -> None:
    """Raise a DataError early if a file cannot be written because its folder does not exist."""
    from grutext.errors import DataError

    if not file.absolute().parent.is_dir():
        raise DataError("cannot be written: the folder does not exist; make it first", str(file))


def check_table_file(sources: Sequence[str], file: Path, safe_csv: bool = False) -> None:
    """Check the name of a file for rows before anything is computed.

    Raises:
        UsageError: `safe_csv` is given, and it is no table.
        DataError: It is an input, its folder does not exist, or it has a format that cannot be written.
    """
    from grutext.data import NewTable, choose_format

    check_not_the_input(sources, str(file))
    check_folder(file)
    written = choose_format(str(file), None, NewTable(()))
    if safe_csv:
        check_safe_csv(written.header)


def check_is_new(file: Path, overwrite: bool) -> None:
    """Raise a DataError if a file exists, which people may have edited, unless it may be replaced."""
    from grutext.errors import DataError

    if file.is_file() and not overwrite:
        raise DataError("already exists; replace it with --overwrite, or choose another name", str(file))
