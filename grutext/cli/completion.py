"""`grutext completion`: the script for shell completion."""

from __future__ import annotations

import os
from pathlib import Path

import click

from grutext.cli.options import Command

SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion",
    cls=Command,
    epilog="\b\nExample:\n  grutext completion bash >> ~/.bashrc\n  grutext completion fish > "
    "~/.config/fish/completions/grutext.fish",
)
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.pass_context
def completion_command(ctx: click.Context, shell: str | None) -> None:
    """Print the script for shell completion.

    It makes the shell complete commands, options, choices and paths, from the next shell on. Without an argument, it is
    the script for the shell that $SHELL names.
    """
    from click.shell_completion import get_completion_class

    shell = shell or Path(os.environ.get("SHELL", "")).name
    complete = get_completion_class(shell) if shell in SHELLS else None
    if complete is None:
        raise click.UsageError(f"Name a shell: {', '.join(SHELLS)}.", ctx)
    root = ctx.find_root()
    click.echo(complete(root.command, {}, "grutext", "_GRUTEXT_COMPLETE").source())
