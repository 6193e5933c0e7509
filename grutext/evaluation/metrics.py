"""From true labels and probabilities to a `Report`, computed by scikit-learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from grutext.errors import DataError, MissingExtraError
from grutext.evaluation.calibration import expected_calibration_error
from grutext.evaluation.report import LabelScore, Report
from grutext.inference.decisions import decide

# Probabilities are float32. In the log loss they are clipped to at least this distance from 0 and 1,
# so that one certain mistake (or one unknown label) costs 15.9 nats instead of infinitely many.
NEAREST = float(np.finfo(np.float32).eps)

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


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
    values = np.asarray(probabilities, dtype=np.float64)
    if not truth:
        raise DataError("there are no texts to evaluate on")
    if values.shape != (len(truth), len(labels)):
        expected = (len(truth), len(labels))
        raise ValueError(f"probabilities have the shape {values.shape}, but texts and labels say {expected}")
    unknown = _count_unknown(truth, labels)
    columns = (*labels, *unknown)
    # A label that the model does not know has a probability of 0 and is never predicted.
    values = np.pad(values, ((0, 0), (0, len(unknown))))
    actual = _indicator(truth, columns)
    limits = ((0.5,) * len(labels) if multilabel else ()) if thresholds is None else thresholds
    predicted = np.zeros_like(actual)
    chosen = decide(values[:, : len(labels)], limits, multilabel) if decided is None else decided
    predicted[:, : len(labels)] = chosen
    if multilabel:
        return _report_several(actual, predicted, values, columns, unknown)
    if any(len(set(names)) != 1 for names in truth):
        raise DataError(
            "the model gives one label to a text, but a text of this data has none or several; give each text one label"
        )
    return _report_single(actual.argmax(axis=1), predicted.argmax(axis=1), values, columns, unknown)


def text_losses(
    truth: Sequence[tuple[str, ...]],
    probabilities: npt.ArrayLike,
    labels: Sequence[str],
    *,
    multilabel: bool = False,
) -> FloatArray:
    """Return the negative log-likelihood of each text's true labels in nats, shape (N,); their mean is the report's log loss.

    Args:
        truth: As in `evaluate`.
        probabilities: As in `evaluate`.
        labels: As in `evaluate`.
        multilabel: As in `evaluate`; the loss of a text then is the mean over its decisions for or against each label.
    """
    columns = (*labels, *_count_unknown(truth, labels))
    actual = _indicator(truth, columns)
    values = np.pad(np.asarray(probabilities, np.float64), ((0, 0), (0, len(columns) - len(labels))))
    losses = -np.log(np.clip(np.where(actual, values, 1.0 - values), NEAREST, 1.0))
    return np.asarray(losses.mean(axis=1) if multilabel else losses.sum(axis=1, where=actual))


def _report_single(
    actual: npt.NDArray[np.intp],
    predicted: npt.NDArray[np.intp],
    values: FloatArray,
    columns: tuple[str, ...],
    unknown: dict[str, int],
) -> Report:
    """Build the report where a text has one label; `actual` and `predicted` are `(N,)`, positions in `columns`."""
    metrics = _scikit_metrics()
    places, rows = np.arange(len(columns)), np.arange(len(actual))
    likelihood = np.clip(values[rows, actual], NEAREST, 1.0)
    confusion = metrics.confusion_matrix(actual, predicted, labels=places)
    return Report(
        n=len(actual),
        multilabel=False,
        accuracy=float(metrics.accuracy_score(actual, predicted)),
        **_f1_scores(metrics, actual, predicted, np.union1d(actual, predicted)),
        log_loss=float(-np.log(likelihood).mean()),
        ece=expected_calibration_error(values[rows, predicted], actual == predicted),
        labels=columns,
        per_label=_label_scores(metrics, actual, predicted, columns),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        unknown=unknown,
    )


def _report_several(
    actual: BoolArray,
    predicted: BoolArray,
    values: FloatArray,
    columns: tuple[str, ...],
    unknown: dict[str, int],
) -> Report:
    """Build the report where a text may have several labels; all arrays are `(N, len(columns))`."""
    metrics = _scikit_metrics()
    likelihood = np.clip(np.where(actual, values, 1.0 - values), NEAREST, 1.0)
    occurring = np.flatnonzero((actual | predicted).any(axis=0))
    return Report(
        n=len(actual),
        multilabel=True,
        accuracy=float(metrics.accuracy_score(actual, predicted)),
        **_f1_scores(metrics, actual, predicted, occurring),
        log_loss=float(-np.log(likelihood).mean()),
        ece=expected_calibration_error(values.ravel(), actual.ravel()),
        labels=columns,
        per_label=_label_scores(metrics, actual, predicted, columns),
        confusion=None,
        unknown=unknown,
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


def _count_unknown(truth: Sequence[tuple[str, ...]], labels: Sequence[str]) -> dict[str, int]:
    known = set(labels)
    counts = Counter(label for names in truth for label in set(names) if label not in known)
    return dict(sorted(counts.items()))


def _indicator(truth: Sequence[tuple[str, ...]], columns: tuple[str, ...]) -> BoolArray:
    """Return whether each text has each label, shape (N, len(columns)), bool."""
    place = {label: index for index, label in enumerate(columns)}
    marks = np.zeros((len(truth), len(columns)), dtype=bool)
    for row, names in enumerate(truth):
        for label in names:
            marks[row, place[label]] = True
    return marks


def _scikit_metrics() -> Any:
    try:
        from sklearn import metrics
    except ImportError as error:
        raise MissingExtraError("evaluation", "scikit-learn", "train") from error
    return metrics
