"""Plots of trainings: the loss over the epochs, and the learning curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grutext.progress import kept_epoch

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

    figure = Figure(figsize=(7, 4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    losses = figure.subplots()
    draw_losses(losses, history, ("tab:blue", "tab:orange"))
    mark_best(losses, history, "gray")
    losses.set_title("Training of the GRU part")
    scores = losses.twinx()
    draw_scores(scores, history, "tab:green")
    scores.set_ylim(0, 1)
    handles = [h for axes in (losses, scores) for h in axes.get_legend_handles_labels()[0]]
    losses.legend(handles=handles, loc="center right")
    figure.savefig(path)


def draw_losses(axes: Any, history: Sequence[Mapping[str, Any]], colours: tuple[str, str]) -> None:
    """Draw the training loss and, dashed, the dev loss against the epoch into axes of matplotlib."""
    epochs = [record["epoch"] for record in history]
    for name, key, style, colour in zip(
        ("training loss", "dev loss"), ("loss", "dev_loss"), ("o-", "o--"), colours, strict=True
    ):
        axes.plot(epochs, [record[key] for record in history], style, ms=3, color=colour, label=name)
    axes.set(xlabel="epoch", ylabel="loss (nats per text)", ylim=(0, None))


def draw_scores(axes: Any, history: Sequence[Mapping[str, Any]], colour: str) -> None:
    """Draw the dev score against the epoch into axes of matplotlib."""
    epochs = [record["epoch"] for record in history]
    axes.plot(
        epochs, [record["dev_score"] for record in history], "s-", ms=3, color=colour, label="dev score"
    )
    axes.set(xlabel="epoch", ylabel="dev score")


def mark_best(axes: Any, history: Sequence[Mapping[str, Any]], colour: str) -> None:
    """Draw a dotted line at the epoch that was kept, and label whole epochs only."""
    from matplotlib.ticker import MaxNLocator

    kept = kept_epoch(history)
    if kept is not None:
        axes.axvline(kept, color=colour, lw=1, ls=":", label=f"the epoch that was kept ({kept})")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


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
