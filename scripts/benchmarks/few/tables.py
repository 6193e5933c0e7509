"""Render results as the tables of `docs/research/benchmarks.md`: accuracies in per cent, a table for each number of rows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from benchmarks.results import Result
from benchmarks.tables import markdown, mean, number, with_error

BEGIN, END = "<!-- few:begin -->", "<!-- few:end -->"
COLUMNS = {
    "SVM": "svm",
    "logistic": "logreg",
    "fastText": "fasttext",
    "linear part": "linear",
    "grutext": "grutext",
    "logistic + skip-gram": "logreg+skipgram",
    "grutext + unlabelled": "grutext+unlabelled",
    "static alone": "static",
    "logistic + static": "logreg+static",
    "grutext + static": "grutext+vectors",
}
MARGINS = (
    ("grutext", "SVM"),
    ("grutext", "linear part"),
    ("grutext + unlabelled", "grutext"),
    ("grutext + unlabelled", "logistic + skip-gram"),
    ("grutext + static", "grutext"),
    ("grutext + static", "logistic + static"),
)
_OURS = ("grutext", "grutext + unlabelled", "grutext + static")
Accuracies = dict[int, float]  # by cut, in per cent


class Table:
    """The results with one number of labelled rows."""

    def __init__(self, results: Sequence[Result], rows: int) -> None:
        self.rows = rows
        self._results = [one for one in results if one["rows"] == rows and "failure" not in one]
        self.sets = sorted({one["set"] for one in self._results})

    def results(self, column: str) -> list[Result]:
        """Return the results of a column on all sets and cuts."""
        return [one for one in self._results if one["system"] == COLUMNS[column]]

    def accuracies(self, name: str, column: str) -> Accuracies:
        """Return the accuracies of a system, or of the linear part in grutext's models without help, on a set."""
        if column == "linear part":
            own = [one for one in self.results("grutext") if one["set"] == name]
            return {one["cut"]: 100 * one["parts"]["linear"]["accuracy"] for one in own}
        return {one["cut"]: 100 * one["accuracy"] for one in self.results(column) if one["set"] == name}

    def complete(self) -> list[str]:
        """Return the sets on which each column with results has some."""
        measured = [[bool(self.accuracies(name, column)) for name in self.sets] for column in COLUMNS]
        rows = [row for row in measured if any(row)]
        return [name for name, *found in zip(self.sets, *rows, strict=True) if all(found)]

    def mean(self, column: str) -> float | None:
        """Return the mean over the complete sets, None if the column has no results."""
        means = [mean(list(self.accuracies(name, column).values())) for name in self.complete()]
        return mean([one for one in means if one is not None])

    def differences(self, name: str, better: str, worse: str) -> list[float]:
        """Return the differences of two columns on a set, one for each cut that has both."""
        ours, theirs = self.accuracies(name, better), self.accuracies(name, worse)
        return [ours[cut] - theirs[cut] for cut in sorted(ours) if cut in theirs]


def render_tables(results: Sequence[Result]) -> str:
    """Return all tables as Markdown."""
    tables = [Table(results, rows) for rows in sorted({one["rows"] for one in results})]
    groups = [part for table in tables for part in (f"**{table.rows:,} labelled rows**", _accuracies(table))]
    groups += [_margins(tables), _qualities(tables), _versions(results)]
    return "\n\n".join(group for group in groups if group)


def is_below(differences: Sequence[float]) -> bool:
    """Return whether the mean of the differences is below zero by more than its standard error."""
    if len(differences) < 2:
        return False
    error = statistics.stdev(differences) / math.sqrt(len(differences))
    return statistics.fmean(differences) < -error


def _accuracies(table: Table) -> str:
    lines = [
        [name, *(with_error(list(table.accuracies(name, column).values()), ".1f") for column in COLUMNS)]
        for name in table.sets
    ]
    sets = len(table.complete())
    lines.append([f"**mean of {sets}**", *(number(table.mean(column), ".1f") for column in COLUMNS)])
    return markdown(" | ".join(["data", *COLUMNS]), lines)


def _margins(tables: Sequence[Table]) -> str:
    lines = []
    for better, worse in MARGINS:
        for table in tables:
            by_set = {name: table.differences(name, better, worse) for name in table.sets}
            found = {name: values for name, values in by_set.items() if values}
            if found:
                value = statistics.fmean(statistics.fmean(values) for values in found.values())
                below = [name for name, values in found.items() if is_below(values)]
                lines.append(
                    [
                        f"{better} over {worse}",
                        f"{table.rows:,}",
                        f"{value:+.1f}",
                        str(len(found)),
                        ", ".join(below) or "none",
                    ]
                )
    return markdown("mean over the sets | rows | points | sets | below by more than a standard error", lines)


def _qualities(tables: Sequence[Table]) -> str:
    lines = []
    for table in tables:
        for column in COLUMNS:
            found = table.results(column)
            if not found:
                continue
            offered = [one["abstention"] for one in found if one.get("abstention")]
            kept = sum((one["errors"] or 0) <= 0.05 for one in offered)
            lines.append(
                [
                    f"{table.rows:,}",
                    column,
                    number(mean([one["ece"] for one in found if one["ece"] is not None]), ".3f"),
                    f"{kept} of {len(offered)}" if column in _OURS else number(None),
                    number(mean([one["coverage"] for one in offered]), ".2f"),
                    number(mean([one["cpu_seconds"] for one in found]), ".0f"),
                    number(mean([one["seconds"] for one in found]), ".0f"),
                    number(mean([one["mb"] for one in found]), ".1f"),
                ]
            )
    return markdown("rows | system | ECE | promise kept | answered | CPU s | s | MB", lines)


def _versions(results: Sequence[Result]) -> str:
    versions = {" at ".join(filter(None, (one["version"], one.get("commit")))) for one in results}
    return f"Measured: {', '.join(sorted(versions))}." if versions else ""
