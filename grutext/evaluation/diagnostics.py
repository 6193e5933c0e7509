"""Where a model is right and where it is wrong: the numbers behind `evaluate --json`, reports and model cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from grutext.evaluation.abstention import CoveragePoint, coverage_curve
from grutext.evaluation.calibration import ConfidenceBin, reliability_bins
from grutext.evaluation.decisions import Decisions
from grutext.evaluation.intervals import Interval, bootstrap_intervals, wilson_interval
from grutext.evaluation.metrics import build_report
from grutext.evaluation.out_of_scope import OutOfScope, measure_out_of_scope
from grutext.evaluation.ranking import Ranking, rank
from grutext.evaluation.report import Report

HISTOGRAM_BINS = 20
_LENGTH_BINS, _FEWEST_TEXTS = 10, 20
_MOST_DECISIONS = 20_000_000  # to be ranked together
_MOST_CURVES, _WORST_CURVES = 10, 5


class Confusion(NamedTuple):
    """The texts of one label that were given another."""

    actual: str
    predicted: str
    texts: int


class LengthBin(NamedTuple):
    """The texts of similar length.

    Attributes:
        shortest: Characters of the shortest of them.
        longest: Characters of the longest.
        texts: The number of texts.
        accuracy: The share of them that is right.
        interval: Its 95 % interval.
    """

    shortest: int
    longest: int
    texts: int
    accuracy: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Everything that is measured of a model on labelled texts.

    Attributes:
        report: The metrics.
        intervals: The 95 % interval of metrics of the report, by their names.
        majority: The share of texts that have the most frequent label; None where a text may have several.
        rankings: How well each label of the report is ranked; its curves are left out where there are more than ten labels and it is
            not one of the five worst.
        micro: The same over all decisions together; None where these are too many.
        reliability: The bins of the reliability diagram: of texts, or of all decisions where a text may have several labels.
        histogram: Texts by confidence. It is empty where a text may have several labels, as are `coverage` and `confusions`.
        coverage: Errors against coverage.
        lengths: Accuracy against length, from short to long.
        confusions: All pairs of labels that were confused, most frequent first.
        out_of_scope: The figures on out-of-scope texts; None where the data hold none.
    """

    report: Report
    intervals: Mapping[str, Interval]
    majority: float | None
    rankings: Mapping[str, Ranking] = field(repr=False)
    micro: Ranking | None = field(repr=False)
    reliability: Sequence[ConfidenceBin] = field(repr=False)
    histogram: Sequence[ConfidenceBin] = field(repr=False)
    coverage: Sequence[CoveragePoint] = field(repr=False)
    lengths: Sequence[LengthBin] = field(repr=False)
    confusions: Sequence[Confusion] = field(repr=False)
    out_of_scope: OutOfScope | None

    def to_dict(self) -> dict[str, Any]:
        """Return what is not in the report as plain values, for JSON."""
        return {
            "intervals": {name: list(interval) for name, interval in self.intervals.items()},
            "majority": self.majority,
            "rankings": {label: ranking.to_dict() for label, ranking in self.rankings.items()},
            "micro": None if self.micro is None else self.micro.to_dict(),
            "reliability": [bin_._asdict() for bin_ in self.reliability],
            "histogram": [bin_._asdict() for bin_ in self.histogram],
            "coverage": [point._asdict() for point in self.coverage],
            "lengths": [bin_._asdict() | {"interval": list(bin_.interval)} for bin_ in self.lengths],
            "confusions": [pair._asdict() for pair in self.confusions],
            "out_of_scope": None if self.out_of_scope is None else self.out_of_scope.to_dict(),
        }


def diagnose(
    decisions: Decisions, lengths: npt.ArrayLike, familiarity: npt.NDArray[np.floating] | None = None
) -> Diagnostics:
    """Measure everything that can be said of decisions.

    Args:
        decisions: What the model decided about N texts.
        lengths: `(N,)`, the characters of each text.
        familiarity: `(N,)`, of each text, for the figures on out-of-scope texts; None leaves it out of them.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    report, correct, several = build_report(decisions), decisions.correct, decisions.multilabel
    columns = zip(decisions.labels, decisions.probabilities.T, decisions.actual.T, strict=True)
    few = decisions.probabilities.size <= _MOST_DECISIONS
    confidence = decisions.confidence
    return Diagnostics(
        report=report,
        intervals=bootstrap_intervals(decisions),
        majority=None if several else float(decisions.actual.mean(axis=0).max()),
        rankings=_leave_out_curves({label: rank(scores, hits) for label, scores, hits in columns}),
        micro=rank(decisions.probabilities.ravel(), decisions.actual.ravel()) if few else None,
        reliability=reliability_bins(*decisions.calibration_pairs()),
        histogram=[] if several else reliability_bins(confidence, correct, HISTOGRAM_BINS),
        coverage=[] if several else coverage_curve(confidence, correct),
        lengths=_accuracy_by_length(np.asarray(lengths, np.int64), correct),
        confusions=list_confusions(report.labels, report.confusion or ()),
        out_of_scope=measure_out_of_scope(decisions, familiarity),
    )


def _accuracy_by_length(lengths: npt.NDArray[np.int64], correct: npt.NDArray[np.bool_]) -> list[LengthBin]:
    """Return the accuracy of at most ten groups of about equal size, from short to long; texts of one length are in one group."""
    groups = int(np.clip(len(lengths) // _FEWEST_TEXTS, 1, _LENGTH_BINS))
    edges = np.unique(np.quantile(lengths, np.arange(1, groups + 1) / groups, method="inverted_cdf"))
    place = np.searchsorted(edges, lengths)
    found = []
    for group in range(len(edges)):
        own = place == group
        count, right = int(own.sum()), int(correct[own].sum())
        low, high = wilson_interval(right, count)
        interval = Interval(float(low), float(high))
        found.append(
            LengthBin(int(lengths[own].min()), int(lengths[own].max()), count, right / count, interval)
        )
    return found


def _leave_out_curves(rankings: dict[str, Ranking]) -> dict[str, Ranking]:
    if len(rankings) <= _MOST_CURVES:
        return rankings
    known = [label for label, ranking in rankings.items() if ranking.average_precision is not None]
    worst = sorted(known, key=lambda label: rankings[label].average_precision or 0.0)[:_WORST_CURVES]
    return {
        label: ranking if label in worst else Ranking(ranking.average_precision, ranking.roc_auc)
        for label, ranking in rankings.items()
    }


def list_confusions(labels: Sequence[str], confusion: Sequence[Sequence[int]]) -> list[Confusion]:
    """Return the pairs of labels that were confused, the most frequent first.

    Args:
        labels: The names of the rows and columns.
        confusion: Rows are true labels, columns predicted ones.
    """
    pairs = [
        Confusion(labels[row], labels[column], count)
        for row, counts in enumerate(confusion)
        for column, count in enumerate(counts)
        if count and row != column
    ]
    return sorted(pairs, key=lambda pair: -pair.texts)
