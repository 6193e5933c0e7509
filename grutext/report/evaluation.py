"""The report of an evaluation: whether a model is good, where it fails, and what is wrong with the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from grutext.config import flatten
from grutext.data import Example
from grutext.data_quality.label_errors import find_errors
from grutext.evaluation import Decisions, Diagnostics, LabelScore, Prediction, Predictions
from grutext.evaluation.ranking import Ranking
from grutext.inference import Classifier
from grutext.model.bundle import Bundle
from grutext.report import plots
from grutext.report.confusion import MOST_IN_MAP, MOST_IN_TABLE, heat_map, table_cells
from grutext.report.page import render_page
from grutext.report.shading import LONGEST, Piece, shade

_PICTURES = (
    "precision_recall",
    "roc",
    "reliability",
    "coverage",
    "histogram",
    "lengths",
    "loss",
    "dev_score",
)
MISTAKES, LABEL_ERRORS, CONFUSIONS = 50, 50, 25  # that are shown


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What the page on an evaluation shows.

    Attributes:
        name: The name of the model.
        source: The name of the data.
        predictions: The model and what it predicted.
        diagnostics: The numbers.
        how: A sentence on how the texts were scored; empty where the model as it is scored them.
        notes: What was noted about the data while they were read.
    """

    name: str
    source: str
    predictions: Predictions = field(repr=False)
    diagnostics: Diagnostics = field(repr=False)
    how: str = ""
    notes: Sequence[str] = ()


class LabelError(NamedTuple):
    """A text whose labels are likely wrong.

    Attributes:
        example: The text with its given labels.
        suggested: The labels that are likely right.
        probability: The probability of the given label; of the least likely decision where a text may have several.
    """

    example: Example
    suggested: tuple[str, ...]
    probability: float


def render_evaluation(report: EvaluationReport) -> str:
    """Return the page as HTML."""
    diagnostics, predictions = report.diagnostics, report.predictions
    metrics, decisions, bundle = diagnostics.report, predictions.decisions, predictions.model.bundle
    labels, confusion = len(metrics.labels), metrics.confusion
    curves = plots.style_curves(diagnostics.rankings, diagnostics.micro)
    label_errors = find_likely_label_errors(predictions.examples, decisions)
    mistakes = [one for one in predictions.worst_first() if not one.is_right]
    explainer = None if report.how else predictions.model  # these mistakes are not the finished model's
    return render_page(
        "evaluation.html",
        report=report,
        diagnostics=diagnostics,
        metrics=metrics,
        label_rows=_label_rows(diagnostics, decisions),
        curves=curves,
        pictures=_draw(diagnostics, curves, bundle.history),
        cells=table_cells(confusion) if confusion and labels <= MOST_IN_TABLE else [],
        heat_map=heat_map(metrics) if confusion and labels > MOST_IN_TABLE else "",
        most_in_map=MOST_IN_MAP,
        most_confusions=CONFUSIONS,
        mistakes=[(mistake, _shade(mistake, explainer)) for mistake in mistakes[:MISTAKES]],
        is_shaded=explainer is not None,
        wrong=len(mistakes),
        label_errors=label_errors[:LABEL_ERRORS],
        all_label_errors=len(label_errors),
        several_sources=len({example.source for example in predictions.examples}) > 1,
        longest=LONGEST,
        facts=dict(_list_facts(bundle)),
        settings=flatten(bundle.config.to_dict()),
    )


def find_likely_label_errors(examples: Sequence[Example], decisions: Decisions) -> list[LabelError]:
    """Return the texts whose labels are likely wrong, the worst labels first, by confident learning.

    A text with a label that the model does not know is not among them.
    """
    probabilities, actual = decisions.probabilities, decisions.actual
    found = find_errors(actual, probabilities, decisions.multilabel)
    if decisions.multilabel:
        given = np.where(actual, probabilities, 1 - probabilities).min(axis=1)
    else:
        given = probabilities[actual]
    return [
        LabelError(examples[n], tuple(decisions.labels[c] for c in np.flatnonzero(row)), float(given[n]))
        for n, row in zip(found.indices.tolist(), found.suggested, strict=True)
        if not decisions.unknown.keys() & set(examples[n].labels)
    ]


def _label_rows(diagnostics: Diagnostics, decisions: Decisions) -> list[tuple[str, LabelScore, Ranking, int]]:
    """Return each label with its scores and the number of texts that got it, worst F1 first, labels without texts last."""
    scores, counts = diagnostics.report.per_label, decisions.predicted.sum(axis=0).tolist()
    rows = [
        (label, scores[label], diagnostics.rankings[label], count)
        for label, count in zip(decisions.labels, counts, strict=True)
    ]
    return sorted(rows, key=lambda row: (not row[1].support, row[1].f1))


def _draw(
    diagnostics: Diagnostics, curves: Sequence[plots.Curve], history: Sequence[Mapping[str, Any]]
) -> dict[str, Markup]:
    """Return the pictures by their names; an empty one where there is nothing to draw."""
    pictures = dict.fromkeys(_PICTURES, Markup())
    pictures["reliability"] = plots.plot_reliability(diagnostics.reliability)
    if curves:
        pictures |= {"precision_recall": plots.plot_precision_recall(curves), "roc": plots.plot_roc(curves)}
    if diagnostics.coverage:
        pictures["coverage"] = plots.plot_coverage(diagnostics.coverage)
    if diagnostics.histogram:
        pictures["histogram"] = plots.plot_histogram(diagnostics.histogram)
    if len(diagnostics.lengths) > 1:
        pictures["lengths"] = plots.plot_lengths(diagnostics.lengths)
    if history:
        pictures |= {"loss": plots.plot_loss(history), "dev_score": plots.plot_dev_score(history)}
    return pictures


def _shade(mistake: Prediction, explainer: Classifier | None) -> list[Piece]:
    """Return the text of a mistake in pieces, shaded by how much they speak for the label that it got."""
    text = mistake.example.text
    if explainer is None or len(mistake.labels) != 1:
        return shade(text, ())
    return shade(text, explainer.explain(text, mistake.labels[0]).words)


def _list_facts(bundle: Bundle) -> Iterator[tuple[str, str]]:
    """Yield what a model was trained on and with, by names for people."""
    data = dict(bundle.data)
    reading = data.pop("reading", {})
    yield "trained", bundle.created
    if bundle.engine:
        yield "engine", bundle.engine
    yield "versions", ", ".join(f"{name} {number}" for name, number in bundle.versions.items())
    for name, value in (data | reading.get("told", {}) | reading.get("found", {})).items():
        if value not in (None, "", [], {}):
            yield name.replace("_", " ").replace("sha256", "SHA-256"), _in_words(value)


def _in_words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {item!r}" for name, item in value.items() if item)
    return f"{value:,}" if isinstance(value, int) else str(value)
