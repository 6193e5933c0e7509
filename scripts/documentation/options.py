"""The options of a command as definition lists, one for each group of its help."""

from __future__ import annotations

import re

import click

from grutext.cli import main
from grutext.cli.options import Command


def render_options(name: str) -> str:
    """Return the usage and the options of a command as Markdown, in the words of its help.

    Raises:
        KeyError: There is no such command.
    """
    command = main.commands[name]
    assert isinstance(command, Command)
    context = click.Context(command, info_name=f"grutext {name}")
    parts = [f"```text\ngrutext {name} {' '.join(command.collect_usage_pieces(context))}\n```"]
    for title, options in command.grouped_options(context).items():
        parts.append(f"**{title}**")
        parts += [_define(*record) for option in options if (record := option.get_help_record(context))]
    return "\n\n".join(parts)


def _define(names: str, text: str) -> str:
    """Return an entry of a definition list."""
    shown = ", ".join(f"`{name}`" for name in names.split(", "))
    # Neither HTML nor links.
    words = re.sub(r"([\[\]])", r"\\\1", " ".join(text.split()).replace("<", "&lt;"))
    marked = re.sub(r"`[^`]*`|--[a-z][a-z-]*", lambda match: f"`{match[0].strip('`')}`", words)
    return f"{shown}\n:   {marked}"
