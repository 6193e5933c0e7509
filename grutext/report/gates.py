"""A picture of the gates of the GRU along a text."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from grutext.explain import TokenGates
from grutext.messages import escape

# Blue and vermilion of Okabe and Ito, which can be told apart with any colour blindness.
_COLOURS = ("#0072b2", "#d55e00")
_LINES = ("o-", "s--")
_PANELS = (("update", "update gate z"), ("reset", "reset gate r"), ("norm", "norm of the state"))
_MOST_NAMED = 80  # tokens; of more, only some have their name below the picture
_WIDTH, _WIDEST = 0.32, 24.0  # inches for each token, and of the picture


def plot_gates(gates: TokenGates, path: Path) -> None:
    """Draw the gates and the norm of the state along a text, one line for each direction. Needs matplotlib.

    In an SVG, words are text, which its viewer draws with the fonts that it has; in a PNG, scripts without a font here are boxes.

    Args:
        gates: The gates of a text with at least one token.
        path: The file, whose name ends in `.svg` or `.png`; its folder exists.

    Raises:
        OSError: The file cannot be written.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(gates.tokens)
    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": "gates",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context({**mpl.rcParamsDefault, **style}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(
            figsize=(min(_WIDEST, max(5.0, 1.5 + _WIDTH * count)), 6), dpi=120, layout="constrained"
        )
        FigureCanvasAgg(figure)
        panels = figure.subplots(3, 1, sharex=True)
        for axes, (name, title) in zip(panels, _PANELS, strict=True):
            for values, direction, colour, line in zip(
                getattr(gates, name), gates.directions, _COLOURS, _LINES, strict=False
            ):
                axes.plot(range(count), values, line, ms=3.5, color=colour, label=direction)
            axes.set_title(title, loc="left", fontsize=10)
            axes.set_ylim(0, 1 if name != "norm" else None)
            axes.grid(color="#dddddd", lw=0.6)
            axes.set_axisbelow(True)
        panels[0].legend(ncols=2, frameon=False, loc="lower right", bbox_to_anchor=(1, 1))
        _name_tokens(panels[-1], gates.tokens)
        figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)


def _name_tokens(axes: Any, tokens: tuple[str, ...]) -> None:
    """Write the tokens below the axes."""
    every = -(-len(tokens) // _MOST_NAMED)
    places = range(0, len(tokens), every)
    is_long = max(map(len, tokens)) > 2
    labels = [escape(tokens[place]) for place in places]
    axes.set_xticks(places, labels, rotation=60 if is_long else 0, ha="right" if is_long else "center")
    for label in axes.get_xticklabels():
        label.set(parse_math=False, rotation_mode="anchor")
