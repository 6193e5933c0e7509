"""`grutext show --gates`: the gates of the GRU along a text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grutext.cli.options import print_json, print_notes
from grutext.errors import ConfigError

if TYPE_CHECKING:
    from grutext.explain import TokenGates

_BAR = 8  # characters
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def show_gates(folder: Path, text: str, output: Path | None, as_json: bool) -> None:
    """Print the gates of a model along a text, as a table or as JSON, and draw them into a file where one is named.

    Raises:
        BundleError: The model is not there, or has no GRU part.
        ConfigError: There is nothing to draw, or the file's name ends in neither .svg nor .png.
        MissingExtraError: A picture is asked for, and matplotlib is not installed.
        OSError: The picture cannot be written.
    """
    from grutext.inference import Classifier

    if output is not None:
        check_picture(output)
    gates = Classifier.load(folder, compiled=False).gates(text)
    if not gates.tokens:
        raise ConfigError("the text has no words, so there are no gates to show")
    if output is not None:
        from grutext.report.gates import plot_gates

        plot_gates(gates, output)
        print_notes([f"{output}: picture of the gates"])
    if as_json:
        print_json(gates.to_dict())
    else:
        _draw(gates)


def check_picture(output: Path) -> None:
    """Raise unless a picture with this name can be drawn."""
    from grutext.requirements import check_installed

    if output.suffix.lower() not in (".svg", ".png"):
        raise ConfigError(f"{output} is neither .svg nor .png; name a file such as gates.svg")
    check_installed("a picture of gates", "matplotlib", "jinja2")


def _draw(gates: TokenGates) -> None:
    from grutext.console import render_rows

    heads, columns = ["token"], []
    longest = float(gates.norm.max()) or 1.0
    for direction, update, reset, norm in zip(
        gates.directions, gates.update, gates.reset, gates.norm, strict=True
    ):
        heads += [f"{direction} update z", "reset r", "state |h|"]
        columns += [[_cell(value, 1.0) for value in gate] for gate in (update, reset)]
        columns.append([_cell(value, longest) for value in norm])
    render_rows(heads, zip(gates.tokens, *columns, strict=True), texts=len(heads))
    click.echo(
        "\nz: how much of the state before stays; r: how much of it the candidate sees; means over the units"
    )


def _cell(value: float, longest: float) -> str:
    """Return a number with a bar, whose length is the number's share of the longest."""
    eighths = round(8 * _BAR * value / longest)
    bar = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    return f"{value:.2f} {bar.ljust(_BAR)}"
