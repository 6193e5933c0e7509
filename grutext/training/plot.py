"""Plots of trainings: the loss over the epochs, and the learning curve."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NO_DATE = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}  # metadata that would differ each time


def plot_history(history: list[dict[str, Any]], path: Path) -> None:
    """Plot training loss, dev loss and dev score over the epochs into a PNG file. Needs matplotlib.

    Args:
        history: A record for each epoch, as in `grutext.progress.EpochRecord`.
        path: The file; its folder exists.

    Raises:
        OSError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs = [record["epoch"] for record in history]
    figure = Figure(figsize=(7, 4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    losses = figure.subplots()
    losses.plot(epochs, [r["loss"] for r in history], "o-", ms=3, color="tab:blue", label="training loss")
    losses.plot(epochs, [r["dev_loss"] for r in history], "o-", ms=3, color="tab:orange", label="dev loss")
    losses.set(
        xlabel="epoch", ylabel="loss (nats per text)", ylim=(0, None), title="Training of the GRU part"
    )
    losses.xaxis.set_major_locator(MaxNLocator(integer=True))
    scores = losses.twinx()
    scores.plot(epochs, [r["dev_score"] for r in history], "s--", ms=3, color="tab:green", label="dev score")
    scores.set(ylabel="dev score", ylim=(0, 1))
    best = max((record["epoch"] for record in history if record["best"]), default=None)
    if best is not None:
        losses.axvline(best, color="gray", lw=0.8, ls=":", label=f"best epoch, by dev loss ({best})")
    handles = [h for axes in (losses, scores) for h in axes.get_legend_handles_labels()[0]]
    losses.legend(handles=handles, loc="center right")
    figure.savefig(path)


def plot_learning_curve(curve: Mapping[str, Any], path: Path) -> None:
    """Plot the scores of a learning curve with the power law and its forecasts. Needs matplotlib.

    Args:
        curve: The curve as plain values, as `LearningCurve.to_dict` returns it.
        path: The file, whose name says the format: `.svg`, `.png` or `.pdf`; its folder exists.

    Raises:
        OSError: The file cannot be written.
    """
    import numpy as np
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

    points, forecasts, law = curve["points"], curve["forecasts"], curve["law"]
    measured, wanted = [point["texts"] for point in points], [one["texts"] for one in forecasts]
    figure = Figure(figsize=(7, 4.2), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for point in points:
        own = axes.plot(
            [point["texts"]] * len(point["scores"]), point["scores"], ".", color="tab:blue", alpha=0.4
        )
    own[0].set_label("one training")
    axes.plot(measured, [point["mean"] for point in points], "o", color="tab:blue", label="mean")
    line = np.geomspace(measured[0], wanted[-1], 200)
    fitted = 1 - law["a"] - law["b"] * line ** -law["c"]
    is_measured = line <= measured[-1]
    axes.plot(line[is_measured], fitted[is_measured], color="tab:blue", lw=1, label="power law")
    axes.plot(line[~is_measured], fitted[~is_measured], "--", color="tab:orange", lw=1)
    scores = [one["score"] for one in forecasts]
    ends = [
        [one["score"] - one["low"] for one in forecasts],
        [one["high"] - one["score"] for one in forecasts],
    ]
    axes.errorbar(
        wanted, scores, ends, fmt="D", capsize=4, color="tab:orange", label="forecast, 90 % interval"
    )
    axes.set_xscale("log")
    axes.set_xticks([*measured, *wanted])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda texts, _: f"{texts:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="training texts", ylabel=curve["metric"].replace("_", " "), title="Learning curve")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    with rc_context({"svg.hashsalt": "grutext", "svg.fonttype": "none"}):  # the same bytes for the same curve
        figure.savefig(path, metadata=_NO_DATE.get(path.suffix.lower()))
