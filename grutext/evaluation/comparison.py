"""Models compared on the same texts: are the differences between their metrics more than chance?

>>> mcnemar_exact(8, 1)
0.0390625
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from grutext.errors import DataError
from grutext.evaluation.decisions import Decisions, FloatArray
from grutext.evaluation.intervals import percentile_interval
from grutext.evaluation.predictions import Predictions
from grutext.evaluation.resampling import draw_samples, measure
from grutext.inference.decisions import decide
from grutext.messages import list_names

SAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of a metric between two models, and its 95 % interval.

    Attributes:
        difference: The metric of the second model minus that of the first.
        low: The 2.5 % quantile of the differences on the resampled texts.
        high: The 97.5 % quantile.
    """

    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Pair:
    """A model compared with another one.

    Attributes:
        model: Its name.
        against: The name of the other.
        differences: By metric; positive where the metric of `model` is higher.
        only_model_right: Texts that `model` alone labels right.
        only_against_right: Texts that the other alone labels right.
        p_value: That of McNemar's exact test: how likely two equally good models would differ in at least as many texts.
    """

    model: str
    against: str
    differences: Mapping[str, Difference]
    only_model_right: int
    only_against_right: int
    p_value: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Models compared on the same texts.

    Attributes:
        n: Texts.
        multilabel: Whether a text may have several labels.
        models: The metrics of each model by its name.
        missing: For each model, the labels that it does not know, but the data or another model; they are never predicted.
        pairs: Each other model compared with the first.
    """

    n: int
    multilabel: bool
    models: Mapping[str, Mapping[str, float]]
    missing: Mapping[str, tuple[str, ...]]
    pairs: tuple[Pair, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values, for JSON."""
        return asdict(self) | {
            "missing": {name: list(labels) for name, labels in self.missing.items()},
            "pairs": [asdict(pair) for pair in self.pairs],
        }


def compare(predictions: Mapping[str, Predictions], seed: int = 1, samples: int = SAMPLES) -> Comparison:
    """Compare models with the first of them, on the texts that all of them predicted.

    Args:
        predictions: The predictions of each model by its name, at least two, for the same texts.
        seed: Seed of the resampling.
        samples: The number of bootstrap samples of the texts, the same ones for all models.

    Raises:
        DataError: There are no texts, some models give one label to a text and others several, a text does not have exactly one
            where the models give one, or a model knows none of the texts' labels.
    """
    names, found = list(predictions), list(predictions.values())
    truth, several = found[0].truth, found[0].model.multilabel
    if not truth:
        raise DataError("there are no texts to compare the models on")
    for name, other in predictions.items():
        if other.model.multilabel != several:
            many, one = (name, names[0]) if other.model.multilabel else (names[0], name)
            raise DataError(
                f"{many} gives several labels to a text and {one} gives one; compare models of one kind"
            )
    if not several and any(len(set(labels)) != 1 for labels in truth):
        raise DataError(
            "the models give one label to a text, but a text of this data has none or several; give each text one label"
        )
    for name, own in predictions.items():
        unknown = {label for labels in truth for label in labels}
        if unknown and unknown.isdisjoint(own.model.labels):
            raise DataError(
                f"{name} knows none of the labels of the texts ({list_names(sorted(unknown))}), only {list_names(own.model.labels)}; "
                "compare models of the same labels"
            )
    labels = _all_labels(truth, found)
    decisions = [_decisions(own, labels) for own in found]
    metrics = ("accuracy", "macro_f1", *(("micro_f1",) if several else ()), "log_loss")
    values = [measure(own, [np.ones((1, len(truth)))]) for own in decisions]
    resampled = [measure(own, draw_samples(len(truth), samples, seed)) for own in decisions]
    pairs = []
    for n in range(1, len(found)):
        first, second = decisions[0].correct, decisions[n].correct
        differences = {
            metric: _difference(
                values[n][metric] - values[0][metric], resampled[n][metric] - resampled[0][metric]
            )
            for metric in metrics
        }
        alone = int((second & ~first).sum()), int((first & ~second).sum())
        pairs.append(Pair(names[n], names[0], differences, *alone, mcnemar_exact(*alone)))
    return Comparison(
        n=len(truth),
        multilabel=several,
        models={
            name: {metric: float(own[metric][0]) for metric in metrics}
            for name, own in zip(names, values, strict=True)
        },
        missing={
            name: tuple(label for label in labels if label not in own.model.labels)
            for name, own in predictions.items()
        },
        pairs=tuple(pairs),
    )


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    Of two equally good models, each is the one that is right with probability 1/2 on every text on which only one of them is
    right. The p-value is the probability of a split at least as uneven as the observed one.

    Source: McNemar, Note on the sampling error of the difference between correlated proportions or percentages,
    Psychometrika 12, 1947; with binomial probabilities instead of their approximation.

    Args:
        only_first: Texts that only the first model labels right.
        only_second: Texts that only the second model labels right.
    """
    number = only_first + only_second
    ways = total = 1  # to choose k of the texts, summed over k; exact integers, for any number of texts
    for k in range(min(only_first, only_second)):
        ways = ways * (number - k) // (k + 1)
        total += ways
    return min(1.0, 2 * total / (1 << number))


def _all_labels(truth: Sequence[tuple[str, ...]], found: Sequence[Predictions]) -> list[str]:
    """Return the labels of all models in their order, then those that only the data have, sorted."""
    known = dict.fromkeys(label for own in found for label in own.model.labels)
    return [*known, *sorted({label for labels in truth for label in labels} - known.keys())]


def _decisions(found: Predictions, labels: Sequence[str]) -> Decisions:
    """Return the decisions of a model over all labels, those included that it does not know."""
    model, columns = found.model, [labels.index(label) for label in found.model.labels]
    decided = np.zeros((len(found.examples), len(labels)), bool)
    probabilities = np.zeros(decided.shape)
    decided[:, columns] = decide(found.probabilities, model.thresholds, model.multilabel)
    probabilities[:, columns] = found.probabilities
    return Decisions.compare(found.truth, probabilities, labels, multilabel=model.multilabel, decided=decided)


def _difference(observed: FloatArray, resampled: FloatArray) -> Difference:
    interval = percentile_interval(resampled)
    return Difference(float(observed[0]), interval.low, interval.high)
