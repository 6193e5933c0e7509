"""From true labels and probabilities to a `Report`, computed by scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from grutext.errors import MissingExtraError
from grutext.evaluation.calibration import expected_calibration_error
from grutext.evaluation.decisions import Decisions
from grutext.evaluation.report import LabelScore, Report


def evaluate(
    truth: Sequence[tuple[str, ...]],
    probabilities: npt.ArrayLike,
    labels: Sequence[str],
    *,
    multilabel: bool = False,
    thresholds: npt.ArrayLike | None = None,
    decided: npt.ArrayLike | None = None,
) -> Report:
    """Compare the probabilities of a model with the true labels.

    Args:
        truth: The labels of N texts: exactly one each, or any number where `multilabel`.
        probabilities: `(N, C)`, as `Classifier.predict_proba` returns them.
        labels: The C labels of the model.
        multilabel: Whether a text may have several labels.
        thresholds: `(C,)`, as in `grutext.inference.decisions`; by default 0.5 for several labels and the
            likeliest label for one.
        decided: `(N, C)`, the labels that were predicted, where texts were not all decided with the same thresholds.

    Raises:
        DataError: There are no texts, or a text does not have exactly one label and `multilabel` is false.
        MissingExtraError: scikit-learn is not installed.
    """
    decisions = Decisions.compare(
        truth, probabilities, labels, multilabel=multilabel, thresholds=thresholds, decided=decided
    )
    return build_report(decisions)


def build_report(decisions: Decisions) -> Report:
    """Compute the metrics of decisions.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    metrics = _scikit_metrics()
    actual: npt.NDArray[Any] = decisions.actual
    predicted: npt.NDArray[Any] = decisions.predicted
    occurring, confusion = np.flatnonzero((actual | predicted).any(axis=0)), None
    if not decisions.multilabel:
        actual, predicted = actual.argmax(axis=1), predicted.argmax(axis=1)
        counts = metrics.confusion_matrix(actual, predicted, labels=np.arange(len(decisions.labels)))
        confusion = tuple(tuple(int(count) for count in row) for row in counts)
    return Report(
        n=len(actual),
        multilabel=decisions.multilabel,
        accuracy=float(metrics.accuracy_score(actual, predicted)),
        **_f1_scores(metrics, actual, predicted, occurring),
        log_loss=float(decisions.negative_log_likelihood.mean()),
        ece=expected_calibration_error(*decisions.calibration_pairs()),
        labels=decisions.labels,
        per_label=_label_scores(metrics, actual, predicted, decisions.labels),
        confusion=confusion,
        unknown=decisions.unknown,
    )


def _f1_scores(metrics: Any, actual: Any, predicted: Any, occurring: npt.NDArray[Any]) -> dict[str, float]:
    if not len(occurring):  # several labels allowed, none in the truth and none predicted
        return {"macro_f1": 0.0, "micro_f1": 0.0, "weighted_f1": 0.0}
    return {
        f"{average}_f1": float(
            metrics.f1_score(actual, predicted, labels=occurring, average=average, zero_division=0)
        )
        for average in ("macro", "micro", "weighted")
    }


def _label_scores(
    metrics: Any, actual: Any, predicted: Any, columns: tuple[str, ...]
) -> dict[str, LabelScore]:
    table = metrics.precision_recall_fscore_support(
        actual, predicted, labels=np.arange(len(columns)), zero_division=0
    )
    return {
        label: LabelScore(float(precision), float(recall), float(f1), int(support))
        for label, precision, recall, f1, support in zip(columns, *table, strict=True)
    }


def _scikit_metrics() -> Any:
    try:
        from sklearn import metrics
    except ImportError as error:
        raise MissingExtraError("evaluation", "scikit-learn", "train") from error
    return metrics
