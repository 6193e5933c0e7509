"""The pictures of an evaluation. Words in them are ours; names of labels stand beside them, in the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from grutext.evaluation.abstention import CoveragePoint
from grutext.evaluation.calibration import ConfidenceBin
from grutext.evaluation.diagnostics import LengthBin
from grutext.evaluation.intervals import wilson_interval
from grutext.evaluation.ranking import Ranking
from grutext.report.figures import ACCENT, INK, MUTED, SERIES, VARIABLES, WRONG, draw
from grutext.training.plot import draw_losses, draw_scores, mark_best

_DASHES = ("-", (0, (4, 2)))
_DOTTED = (0, (1, 2))


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve among others.

    Attributes:
        name: The label that it is of.
        ranking: Its points.
        colour: Its colour, as in `figures.VARIABLES`.
        dashes: Its line style, as matplotlib has it.
        width: Its width in points.
    """

    name: str
    ranking: Ranking
    colour: str
    dashes: Any = "-"
    width: float = 1.4

    @property
    def variable(self) -> str:
        """The CSS variable of its colour."""
        return VARIABLES[self.colour]

    @property
    def is_dashed(self) -> bool:
        """Whether its line is dashed."""
        return bool(self.dashes != "-")


def style_curves(rankings: Mapping[str, Ranking], micro: Ranking | None) -> list[Curve]:
    """Return the curves that a report shows, each with a style of its own: of labels, and of all decisions together."""
    named = [(label, ranking) for label, ranking in rankings.items() if ranking.recall]
    curves = [
        Curve(label, ranking, SERIES[n % len(SERIES)], _DASHES[n // len(SERIES) % 2])
        for n, (label, ranking) in enumerate(named)
    ]
    if micro is not None and len(rankings) > 2:
        curves.append(Curve("all decisions together", micro, INK, width=2.2))
    return curves


def plot_precision_recall(curves: Sequence[Curve]) -> Markup:
    """Return precision against recall."""

    def plot(axes: Any) -> None:
        for curve in curves:
            axes.plot(
                curve.ranking.recall,
                curve.ranking.precision,
                color=curve.colour,
                ls=curve.dashes,
                lw=curve.width,
            )
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.02))

    return draw("precision-recall", "Precision against recall", plot)


def plot_roc(curves: Sequence[Curve]) -> Markup:
    """Return the true against the false positive rate."""

    def plot(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, ls=_DOTTED, lw=1)
        for curve in curves:
            points = curve.ranking.false_positive_rate, curve.ranking.true_positive_rate
            axes.plot(*points, color=curve.colour, ls=curve.dashes, lw=curve.width)
        axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 1), ylim=(0, 1.02))

    return draw("roc", "True positive rate against false positive rate", plot)


def plot_reliability(bins: Sequence[ConfidenceBin]) -> Markup:
    """Return the share of right decisions against their confidence, with 95 % intervals."""
    filled = [own for own in bins if own.confidence is not None]
    shares = [own.right / own.number for own in filled]
    low, high = wilson_interval([own.right for own in filled], [own.number for own in filled])

    def plot(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, ls=_DOTTED, lw=1)
        places = [own.confidence for own in filled]
        axes.vlines(places, low, high, color=ACCENT, lw=1.2, alpha=0.6)
        axes.plot(places, shares, "o-", color=ACCENT, ms=4)
        axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1.01), ylim=(0, 1.02))

    return draw("reliability", "Share of right decisions against confidence", plot)


def plot_histogram(bins: Sequence[ConfidenceBin]) -> Markup:
    """Return how many texts have which confidence, right and wrong ones."""

    def plot(axes: Any) -> None:
        places = [(own.low + own.high) / 2 for own in bins]
        right, wrong = [own.right for own in bins], [own.number - own.right for own in bins]
        width = 0.86 / len(bins)
        axes.bar(places, right, width, color=ACCENT)
        axes.bar(places, wrong, width, bottom=right, color=WRONG)
        axes.set(xlabel="confidence", ylabel="texts", xlim=(0, 1))
        axes.xaxis.grid(False)

    return draw("histogram", "Number of texts against confidence", plot)


def plot_coverage(points: Sequence[CoveragePoint]) -> Markup:
    """Return the share of wrong answers against the share of texts that are answered."""

    def plot(axes: Any) -> None:
        coverage, errors = [point.coverage for point in points], [point.errors for point in points]
        axes.plot(coverage, errors, color=ACCENT)
        axes.fill_between(coverage, errors, color=ACCENT, alpha=0.12, lw=0)
        top = max(*errors, 0.01) * 1.15
        axes.set(xlabel="coverage", ylabel="share wrong", xlim=(0, 1.01), ylim=(0, top))
        _percentages(axes.yaxis)

    return draw("coverage", "Share of wrong answers against coverage", plot)


def plot_lengths(bins: Sequence[LengthBin]) -> Markup:
    """Return the accuracy of texts of similar length, from short to long, with 95 % intervals."""

    def plot(axes: Any) -> None:
        places = range(len(bins))
        axes.vlines(
            places,
            [own.interval.low for own in bins],
            [own.interval.high for own in bins],
            color=ACCENT,
            lw=1.2,
            alpha=0.6,
        )
        axes.plot(places, [own.accuracy for own in bins], "o-", color=ACCENT, ms=4)
        names = [
            f"{own.shortest:,}" if own.shortest == own.longest else f"{own.shortest:,}–{own.longest:,}"  # noqa: RUF001
            for own in bins
        ]
        axes.set_xticks(places, names, rotation=30, ha="right", rotation_mode="anchor", fontsize=8)
        lowest = min(own.interval.low for own in bins)
        axes.set(xlabel="characters", ylabel="share right", ylim=(max(0, lowest - 0.1), 1.02))
        axes.xaxis.grid(False)

    return draw("lengths", "Accuracy against length of the text", plot)


def plot_loss(history: Sequence[Mapping[str, Any]]) -> Markup:
    """Return training and dev loss against the epoch."""

    def plot(axes: Any) -> None:
        draw_losses(axes, history, (SERIES[0], SERIES[1]))
        mark_best(axes, history, MUTED)

    return draw("loss", "Training and dev loss against the epoch", plot)


def plot_dev_score(history: Sequence[Mapping[str, Any]]) -> Markup:
    """Return the dev score against the epoch."""

    def plot(axes: Any) -> None:
        draw_scores(axes, history, ACCENT)
        mark_best(axes, history, MUTED)
        _percentages(axes.yaxis)

    return draw("dev-score", "Dev score against the epoch", plot)


def _percentages(axis: Any) -> None:
    from matplotlib.ticker import PercentFormatter

    low, high = axis.get_view_interval()
    axis.set_major_formatter(PercentFormatter(1.0, decimals=0 if high - low > 0.05 else 1, symbol=" %"))
