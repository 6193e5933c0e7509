"""The metrics of an evaluation that a result contains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt

from grutext.data import Dataset
from grutext.evaluation import evaluate

_KEPT = ("accuracy", "macro_f1", "micro_f1", "ece", "log_loss")


def score(
    test: Dataset,
    probabilities: npt.ArrayLike,
    labels: Sequence[str],
    thresholds: npt.ArrayLike | None = None,
) -> dict[str, Any]:
    """Return the metrics of probabilities, `(N, C)`, on the examples of a part."""
    truth = [example.labels for example in test.examples]
    report = evaluate(truth, probabilities, labels, multilabel=test.multilabel, thresholds=thresholds)
    return {"multilabel": test.multilabel, "n_test": report.n} | keep(report.to_dict())


def keep(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics that a result contains from a report of `train --json`."""
    return {key: report[key] for key in _KEPT}
