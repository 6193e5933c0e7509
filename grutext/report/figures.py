"""Matplotlib figures as SVG that follows the colours and the font of the page around it."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from typing import Any

from markupsafe import Markup, escape

# Matplotlib draws in colours that stand for CSS variables of the page, which has values of them for light and for dark.
VARIABLES = {
    "#010001": "--ink",
    "#010002": "--muted",
    "#010003": "--line",
    "#010004": "--accent",
    "#010005": "--wrong",
}
INK, MUTED, LINE, ACCENT, WRONG = VARIABLES
SERIES = tuple(f"#01000{digit}" for digit in "6789a")  # of curves side by side
VARIABLES |= {colour: f"--series-{number}" for number, colour in enumerate(SERIES, start=1)}

_STYLE = {
    "axes.edgecolor": LINE,
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",  # text stays text, in the font of the page
    "text.color": INK,
    "xtick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.color": LINE,
    "ytick.labelcolor": MUTED,
}


def draw(name: str, description: str, plot: Callable[[Any], None]) -> Markup:
    """Return a figure as an `svg` element.

    Args:
        name: A word that no other figure of the page has.
        description: What the figure shows, for those who do not see it.
        plot: Draws on axes of matplotlib.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context({**mpl.rcParamsDefault, **_STYLE, "svg.hashsalt": name}), StringIO() as file:
        figure = Figure(figsize=(4.6, 3.0), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        axes.set_axisbelow(True)
        plot(axes)
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
        return _embed(file.getvalue(), description)


def _embed(svg: str, description: str) -> Markup:
    """Return the SVG of matplotlib as an element of a page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)  # would hold for the whole page
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box is not None, "matplotlib writes one"
    svg = re.sub(r"^<svg.*?>", "", svg, count=1, flags=re.DOTALL)
    used = set(re.findall(r"#([\w-]+)[\")]", svg))
    svg = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", svg)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r"font: [^;\"]*'[^;\"]*;?|font-family: [^;\"]*;?", _keep_size, svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    svg = re.sub(r"\s*\n\s*", "\n", svg)
    head = f'<svg class="plot" role="img" aria-label="{escape(description)}" {box[0]}>'
    return Markup(head + svg)  # noqa: S704 (drawn by us; the only text from outside is escaped)


def _keep_size(found: re.Match[str]) -> str:
    size = re.search(r"[\d.]+px", found[0])
    return f"font-size: {size[0]};" if size else ""
