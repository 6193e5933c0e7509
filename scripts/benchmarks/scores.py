"""The numbers that a result keeps of an evaluation."""

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
    """Gives the metrics of probabilities `(N, C)` on the examples of a part."""
    truth = [example.labels for example in test.examples]
    report = evaluate(truth, probabilities, labels, multilabel=test.multilabel, thresholds=thresholds)
    return {"multilabel": test.multilabel, "n_test": report.n} | keep(report.to_dict())


def keep(report: Mapping[str, Any]) -> dict[str, float]:
    """Gives the numbers of a report, as `train --json` prints it, that a result keeps."""
    return {key: report[key] for key in _KEPT}
