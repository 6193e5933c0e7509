"""Plot of the loss over the epochs of a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any


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
