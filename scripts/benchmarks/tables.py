"""Render results as the tables of `docs/research/benchmarks.md`, in per cent; one group of tables for each preset."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.results import Result

BEGIN, END = "<!-- accuracy:begin -->", "<!-- accuracy:end -->"
_MISSING = "–"
_SEVERAL = " †"


@dataclass(frozen=True)
class Row:
    """All results on one set: one of each peer, and grutext's by seed with one preset."""

    name: str
    svm: Result | None
    fasttext: Result | None
    runs: tuple[Result, ...]

    @property
    def results(self) -> list[Result]:
        """All results that have numbers."""
        return [one for one in (*self.runs, self.svm, self.fasttext) if one and "failure" not in one]

    @property
    def multilabel(self) -> bool:
        """Whether a text may have several labels, so that micro-F1 stands for the accuracy."""
        return any(one["multilabel"] for one in self.results)

    @property
    def key(self) -> str:
        """The metric that the accuracy columns show."""
        return "micro_f1" if self.multilabel else "accuracy"

    def ours(self, part: str | None = None) -> list[float]:
        """Return the metric of each seed, of grutext or of one of its parts, in points.

        A part alone has none on a multi-label set, because the thresholds belong to the mixture.
        """
        if part and self.multilabel:
            return []
        found = [run["parts"].get(part) if part else run for run in self.runs]
        return [100 * one[self.key] for one in found if one]

    def peer(self, result: Result | None) -> list[float]:
        """Return the metric of a peer in points; an empty list if it is missing or failed."""
        return [100 * result[self.key]] if result and "failure" not in result else []

    def standard_error(self) -> float | None:
        """Return the standard error of an accuracy on this test set; None for micro-F1."""
        accuracy = mean(self.ours() or self.peer(self.svm) or self.peer(self.fasttext))
        if accuracy is None or self.multilabel:
            return None
        return math.sqrt(accuracy * (100 - accuracy) / self.results[0]["n_test"])


MARGINS: dict[str, Callable[[Row], float | None]] = {
    "grutext over SVM": lambda row: difference(row.ours(), row.peer(row.svm)),
    "grutext over its linear part": lambda row: difference(row.ours(), row.ours("linear")),
    "GRU alone over SVM": lambda row: difference(row.ours("gru"), row.peer(row.svm)),
    "grutext over fastText": lambda row: difference(row.ours(), row.peer(row.fasttext)),
}


def replace_tables(page: str, tables: str, begin: str = BEGIN, end: str = END) -> str:
    """Return the page with everything between the two markers replaced."""
    before, has_begin, rest = page.partition(begin)
    _, has_end, after = rest.partition(end)
    if not (has_begin and has_end):
        raise ValueError(f"the page lacks the lines {begin} and {end}")
    return f"{before}{begin}\n{tables}\n{end}{after}"


def render_tables(results: Sequence[Result]) -> str:
    """Return all tables as Markdown."""
    presets = {one["preset"] for one in results if one["system"] == "grutext"} | {None}
    groups = []
    for preset in sorted(presets, key=lambda name: name or ""):
        rows = group_rows(results, preset)
        heading = [f"### With `--preset {preset}`"] if preset else []
        groups += [*heading, _accuracy_table(rows), _means_table(rows), _cost_table(rows), *_notes(rows)]
    return "\n\n".join(group for group in groups if group)


def group_rows(results: Sequence[Result], preset: str | None) -> list[Row]:
    """Return a row for each data set, by name; with a preset, only for sets with a result of that preset."""
    rows = []
    for name in sorted({one["set"] for one in results}):
        here = [one for one in results if one["set"] == name]
        peers = {one["system"]: one for one in here}
        runs = tuple(one for one in here if one["system"] == "grutext" and one["preset"] == preset)
        if runs or preset is None:
            rows.append(Row(name, peers.get("svm"), peers.get("fasttext"), runs))
    return rows


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, or None for an empty sequence."""
    return statistics.fmean(values) if values else None


def difference(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Return the difference of two means, or None if one is missing."""
    return statistics.fmean(ours) - statistics.fmean(theirs) if ours and theirs else None


def _accuracy_table(rows: list[Row]) -> str:
    header = (
        "data | test texts | s.e. | SVM | fastText | linear part | GRU alone | grutext | over SVM | seeds"
    )
    lines = [
        [
            row.name + _SEVERAL * row.multilabel,
            f"{row.results[0]['n_test']:,}" if row.results else _MISSING,
            number(row.standard_error()),
            number(mean(row.peer(row.svm))),
            "failed" if row.fasttext and "failure" in row.fasttext else number(mean(row.peer(row.fasttext))),
            number(mean(row.ours("linear"))),
            number(mean(row.ours("gru"))),
            with_error(row.ours()),
            number(MARGINS["grutext over SVM"](row), "+.2f"),
            str(len(row.runs) or _MISSING),
        ]
        for row in rows
    ]
    return markdown(header, lines)


def _means_table(rows: list[Row]) -> str:
    lines = []
    for name, margin in MARGINS.items():
        values = [value for row in rows if not row.multilabel and (value := margin(row)) is not None]
        lines.append([name, number(mean(values), "+.2f"), str(len(values))])
    return markdown("mean over the sets with one label a text | points | sets", lines)


def _cost_table(rows: list[Row]) -> str:
    header = (
        "data | macro-F1, SVM | macro-F1 | ECE | log loss | GRU's share"
        " | CPU s, SVM | CPU s, fastText | CPU s | s | threads | MB"
    )
    lines = [
        [
            row.name + _SEVERAL * row.multilabel,
            number(100 * row.svm["macro_f1"] if row.svm else None),
            number(mean([100 * run["macro_f1"] for run in row.runs])),
            number(mean([run["ece"] for run in row.runs]), ".3f"),
            number(mean([run["log_loss"] for run in row.runs]), ".3f"),
            number(mean([run["parts"]["fusion"] for run in row.runs])),
            number(row.svm["cpu_seconds"] if row.svm else None, ".0f"),
            number(row.fasttext.get("cpu_seconds") if row.fasttext else None, ".0f"),
            number(mean([run["cpu_seconds"] for run in row.runs]), ".0f"),
            number(mean([run["seconds"] for run in row.runs]), ".0f"),
            ", ".join(sorted({str(run["threads"]) for run in row.runs})) or _MISSING,
            number(mean([run["mb"] for run in row.runs]), ".1f"),
        ]
        for row in rows
    ]
    return markdown(header, lines)


def _notes(rows: list[Row]) -> Iterable[str]:
    """Yield a line for the AUROC of texts out of scope, and one for the versions measured."""
    for row in rows:
        found = [run["oos_auroc"] for run in row.runs if "oos_auroc" in run]
        names = sorted({name for one in found for name in one})
        areas = [f"{mean([one[name] for one in found if name in one]):.3f} by {name}" for name in names]
        if areas:
            yield f"AUROC of texts out of scope against those of {row.name}: {', '.join(areas).replace('_', ' ')}."
    versions = {
        " at ".join(filter(None, (one["version"], one.get("commit")))) for row in rows for one in row.results
    }
    if versions:
        yield f"Measured: {', '.join(sorted(versions))}."


def number(value: float | None, form: str = ".2f") -> str:
    """Format a number, or a dash for None."""
    return _MISSING if value is None else format(value, form)


def with_error(values: Sequence[float], form: str = ".2f") -> str:
    """Format the mean over trainings, and with several trainings its standard error."""
    if len(values) < 2:
        return number(mean(values), form)
    return f"{statistics.fmean(values):{form}} ± {statistics.stdev(values) / math.sqrt(len(values)):{form}}"


def markdown(header: str, lines: list[list[str]]) -> str:
    """Return a table, or an empty string if it has no lines."""
    columns = header.count("|") + 1
    table = [f"| {header} |", "|" + "---|" * columns, *(f"| {' | '.join(line)} |" for line in lines)]
    return "\n".join(table) if lines else ""
