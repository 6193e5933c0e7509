"""The command line: `grutext COMMAND …`.

Only click and the standard library are imported at the top of these modules; the body of a command imports
what it needs, so that `grutext --help` starts at once and `grutext classify` never loads TensorFlow.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import IO, Any, TextIO

import click

from grutext.cli.audit import audit_command
from grutext.cli.check import check_command
from grutext.cli.classify import classify_command
from grutext.cli.compare import compare_command
from grutext.cli.completion import completion_command
from grutext.cli.crossval import crossval_command
from grutext.cli.curve import curve_command
from grutext.cli.evaluate import evaluate_command
from grutext.cli.export import export_command
from grutext.cli.predict import predict_command
from grutext.cli.pretrain import pretrain_command
from grutext.cli.serve import serve_command
from grutext.cli.show import show_command
from grutext.cli.suggest import suggest_command
from grutext.cli.train import train_command
from grutext.cli.tune import tune_command
from grutext.cli.verify import verify_command
from grutext.cli.warmup import warmup_command
from grutext.errors import GrutextError

START = """\
grutext train                            train a model on an embedded sample
grutext train reviews.csv -m reviews     train one on a table of texts and labels
grutext classify letter.txt -m reviews   label a text with it
grutext --help                           all commands; grutext COMMAND --help: its options"""
EXIT_INTERRUPTED = 130
EXIT_UNREAD = 141  # as in a shell, for a command that SIGPIPE ends


class Failure(click.ClickException):
    """An error that the user can do something about: one line on stderr, exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        click.echo(f"grutext: error: {self.message}", file=file, err=file is None)


class CommandLine(click.Group):
    """The group of all commands, and the one place where errors become exit codes."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Parse the command line and run the command that it names."""
        if sys.stderr is None:  # closed; messages are discarded
            sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (for good)
        try:
            return super().main(*args, **kwargs)
        except OSError as error:  # while help was printed
            if error.errno is None:
                raise
            _discard_unwritten(sys.stdout)
            _explain(error).show()
            sys.exit(1)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the options of the group, and print its help or version if that is asked for."""
        try:
            return super().make_context(*args, **kwargs)
        except BrokenPipeError:
            _discard_unwritten(sys.stdout)
            sys.exit(EXIT_UNREAD)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the name of the command, the command, and its arguments.

        Raises:
            click.UsageError: There is no such command; the error names the nearest.
        """
        name = args[0]
        if name in self.commands or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        near = get_close_matches(name, self.commands, n=1)
        raise click.UsageError(
            f"No such command '{name}'." + "".join(f" Did you mean '{one}'?" for one in near), ctx
        )

    def invoke(self, ctx: click.Context) -> None:
        """Run a command, and turn its errors into lines and exit codes."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A label that the terminal's encoding lacks, or a file name that is not valid text, is shown escaped.
            sys.stdout.reconfigure(errors="backslashreplace")
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()  # a closed pipe shows here, and not while Python shuts down
        except BrokenPipeError:
            ctx.exit(EXIT_UNREAD)
        except GrutextError as error:
            raise Failure(_one_line(str(error))) from error
        except KeyboardInterrupt as stop:
            click.echo(f"grutext: {stop.args[0] if stop.args else 'interrupted'}", err=True)
            ctx.exit(EXIT_INTERRUPTED)
        except OSError as error:
            if error.errno is None:
                raise
            raise _explain(error) from error
        finally:
            _discard_unwritten(sys.stdout)
            _discard_unwritten(sys.stderr)


def _discard_unwritten(stream: TextIO | None) -> None:
    """Discard what could not be written to a stream; Python would try again at its shutdown, and complain."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except ValueError:  # it is closed
        pass


def _one_line(message: str) -> str:
    from grutext.messages import escape

    return escape("; ".join(line.strip() for line in message.splitlines() if line.strip()))


def _explain(error: OSError) -> Failure:
    place = "" if error.filename is None else f"{error.filename}: "
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "; make room and run the command again" if full else ""
    return Failure(_one_line(f"{place}{error.strerror}{remedy}"))


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from grutext import __version__

        click.echo(f"grutext {__version__}")
        ctx.exit()


@click.group(
    cls=CommandLine,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  grutext train reviews.csv -m reviews\n  grutext classify letter.txt -m reviews",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and exit.",
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Train a text classifier on labelled texts, and label new texts with it.

    Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 an error, explained in one
    line, 2 a wrong command line, 130 interrupted, 141 stdout was closed by its reader.
    """
    if ctx.invoked_subcommand is None:
        click.echo(START)


for _command in (
    check_command, audit_command, train_command, pretrain_command, crossval_command, tune_command, evaluate_command, compare_command, predict_command, classify_command, show_command, verify_command,
    suggest_command, curve_command,
    export_command, serve_command, warmup_command, completion_command,
):  # fmt: skip
    main.add_command(_command)
