"""The learning curve of a training: its score on held-out texts against the number of texts that it learns from."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from grutext.config import Config
from grutext.data import Columns, Example, deal_examples, fold_examples
from grutext.errors import ConfigError, DataError
from grutext.evaluation import evaluate
from grutext.evaluation.learning_curve import FEWEST_SIZES, Forecast, PowerLaw, forecast
from grutext.messages import count
from grutext.progress import Listener, Silent
from grutext.requirements import check_installed
from grutext.text import text_key
from grutext.training.part import train_part
from grutext.training.splits import KnownModel, Source, TrainingData, read_split, read_training_texts

METRICS = ("accuracy", "macro_f1", "weighted_f1", "micro_f1")
MORE = (2, 4)  # times as many texts
_MOST_HALVINGS = 4  # of the smallest size, which is a sixteenth of the texts
_FEWEST_TEXTS = 30  # of the smallest size
_PIECES = 5  # trainings of a size at most
_HELD_OUT = 5  # of this many folds, one is held out if there are no dev data


@dataclass(frozen=True, slots=True)
class Point:
    """The scores of the trainings on one number of texts.

    Attributes:
        texts: The number of texts that each of them learned from.
        scores: The score of each, in 0..1.
    """

    texts: int
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean of the scores."""
        return float(np.mean(self.scores))


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Scores against the number of training texts, and what more texts promise.

    Attributes:
        metric: The name of the score, as in a report.
        points: The scores that were measured, by the number of texts.
        law: The power law of the error, 1 minus the score.
        forecasts: The scores that the law forecasts for twice and four times as many texts.
        held_out: The number of texts on which each model was scored; with folds, of all of them together.
        folds: The number of folds; 1 if the same texts were held out in all trainings.
        labelled: The number of labelled texts: those of the last point and, without dev data, the held-out ones.
    """

    metric: str
    points: tuple[Point, ...]
    law: PowerLaw
    forecasts: tuple[Forecast, ...]
    held_out: int
    folds: int
    labelled: int

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as plain values for JSON."""
        return {
            "metric": self.metric,
            "points": [
                {"texts": point.texts, "mean": point.mean, "scores": list(point.scores)}
                for point in self.points
            ],
            "law": asdict(self.law),
            "forecasts": [one._asdict() for one in self.forecasts],
            "held_out": self.held_out,
            "folds": self.folds,
            "labelled": self.labelled,
        }


def learning_curve(
    data: Source | TrainingData,
    *,
    folds: int = 1,
    metric: str | None = None,
    settings: Config | Mapping[str, Any] | None = None,
    vectors: str | Path | None = None,
    listener: Listener | None = None,
) -> LearningCurve:
    """Train on a sixteenth, an eighth, a quarter, half and all of the texts, and forecast the score with more.

    The texts are dealt out to sixteen shares, which are joined to eighths, quarters and halves; up to five pieces of a size are
    trained on, each alone. Small data have fewer sizes, as have data with few texts of each label. Every model is scored on the
    same held-out texts: those of `data.dev`, or else a fifth of the texts. With folds, each fold is held out once, and there is one training of each size for each.

    Args:
        data: The labelled texts, as for `grutext.train`; test data are not used.
        folds: Number of folds; 1 holds out the same texts in all trainings. More are better for few texts, and take longer.
        metric: The score, one of `METRICS`; None is accuracy, or micro-F1 where a text may have several labels.
        settings: The settings of every training, as for `grutext.train`.
        vectors: Word vectors, as for `grutext.train`.
        listener: Receives the notes on the data, and one for each size.

    Raises:
        ConfigError: The number of folds, the metric or a setting is wrong, or folds are combined with dev data.
        DataError: The data cannot be read, or there are too few texts for a curve.
        MissingExtraError: A package that training needs is not installed.
    """
    check_installed("grutext curve", "scikit-learn")
    listener = listener or Silent()
    sources = data if isinstance(data, TrainingData) else TrainingData(data)
    config = settings if isinstance(settings, Config) else Config().override(settings or {})
    if folds < 1:
        raise ConfigError(f"folds is {folds}; it must be 1 or more")
    if folds > 1 and sources.dev is not None:
        raise ConfigError("folds and dev data cannot be combined; leave one of them out")
    dataset, index = read_training_texts(sources, listener)
    metric = _choose_metric(metric, dataset.multilabel)
    if sources.dev is None:
        parts = _split(dataset.examples, folds, config.training.seed, index.keys)
    else:
        columns = Columns(dataset.text_column, dataset.label_column)
        known = KnownModel(columns, dataset.multilabel, tuple(dataset.label_counts))
        parts = [(dataset.examples, read_split(sources.dev, sources.reading, known, listener))]
    dealt = _deal_parts([rest for rest, _ in parts], config.training.seed, dataset.source)
    trainer = _Trainer(sources, config, vectors, dataset.multilabel, metric)
    points = []
    for halving in range(len(dealt[0]).bit_length() - 1, -1, -1):
        began = time.monotonic()
        texts, scores, lone = [], [], 0
        for fold, (shares, (_, held_out)) in enumerate(zip(dealt, parts, strict=True)):
            for piece in _join(shares, 1 << halving, fold, len(parts)):
                texts.append(len(piece))
                lone += trainer.lone_label(piece) is not None
                scores.append(trainer.score(piece, held_out))
        points.append(Point(round(float(np.mean(texts))), tuple(scores)))
        took = time.monotonic() - began
        trained = count(len(scores), "training")
        if lone:
            trained += f", {lone:,} of them on texts of one label, which is then always the answer"
        listener.note(f"{points[-1].texts:,} texts: {metric} {points[-1].mean:.4f} ({trained}, {took:.0f} s)")
    errors = _without_fold_effect([[1 - score for score in point.scores] for point in points], folds)
    law, forecasts = forecast(
        [point.texts for point in points], errors, [times * points[-1].texts for times in MORE]
    )
    held = sum(len(held_out) for _, held_out in parts)
    return LearningCurve(
        metric, tuple(points), law, tuple(forecasts), held, folds, labelled=len(dataset.examples)
    )


@dataclass(frozen=True, slots=True)
class _Trainer:
    """Trains on some of the texts, and scores the model on others."""

    sources: TrainingData
    config: Config
    vectors: str | Path | None
    multilabel: bool
    metric: str

    def score(self, examples: Sequence[Example], held_out: Sequence[Example]) -> float:
        """Return the score on `held_out` of a model that is trained on `examples`."""
        truth = [example.labels for example in held_out]
        lone = self.lone_label(examples)
        if lone is not None:
            report = evaluate(truth, np.ones((len(held_out), 1)), [lone])
        else:
            model = train_part(self.sources, examples, self.multilabel, self.config, self.vectors)
            report = evaluate(
                truth,
                model.predict_proba([example.text for example in held_out]),
                model.labels,
                multilabel=model.multilabel,
                thresholds=model.thresholds,
            )
        return float(report.to_dict()[self.metric])

    def lone_label(self, examples: Sequence[Example]) -> str | None:
        """Return the label of all texts of a piece, from which no model can be trained; None if they have several."""
        labels = {example.labels for example in examples}
        return None if self.multilabel or len(labels) > 1 else examples[0].labels[0]


def _choose_metric(metric: str | None, multilabel: bool) -> str:
    """Return the name of the score in a report.

    Raises:
        ConfigError: There is no such score, or it is for several labels and each text has one.
    """
    if metric is None:
        return "micro_f1" if multilabel else "accuracy"
    if metric not in METRICS:
        raise ConfigError(f"metric is {metric}; it must be one of {', '.join(METRICS)}")
    if metric == "micro_f1" and not multilabel:
        raise ConfigError("micro_f1 is for texts with several labels; here it is the accuracy")
    return metric


def _split(
    examples: Sequence[Example], folds: int, seed: int, keys: Sequence[int]
) -> list[tuple[list[Example], list[Example]]]:
    """Return the rest and the held-out texts of each fold, or of the first of five."""
    of_text = fold_examples(examples, folds if folds > 1 else _HELD_OUT, seed, keys)
    dealt = list(zip(examples, of_text, strict=True))
    return [
        (
            [example for example, own in dealt if own != fold],
            [example for example, own in dealt if own == fold],
        )
        for fold in range(folds)
    ]


def _count_halvings(texts: int, source: str) -> int:
    """Return how often the texts are halved for the smallest size.

    Raises:
        DataError: There are too few texts.
    """
    halvings = _MOST_HALVINGS
    while texts >> halvings < _FEWEST_TEXTS and halvings >= FEWEST_SIZES - 1:
        halvings -= 1
    if halvings < FEWEST_SIZES - 1:
        needed = _FEWEST_TEXTS << (FEWEST_SIZES - 1)
        problem = (
            f"a learning curve needs {needed} texts to train on, and there are {texts}; label {needed - texts} more, or measure a "
            "training on what there is: grutext crossval"
        )
        raise DataError(problem, source)
    return halvings


def _deal(examples: Sequence[Example], shares: int, seed: int) -> list[list[Example]]:
    """Deal texts out to shares of the same size, in each of which every label has its part; copies are in one share."""
    of_text = deal_examples(examples, shares, seed, [text_key(example.text) for example in examples])
    dealt: list[list[Example]] = [[] for _ in range(shares)]
    for example, share in zip(examples, of_text, strict=True):
        dealt[share].append(example)
    return dealt


def _deal_parts(parts: Sequence[Sequence[Example]], seed: int, source: str) -> list[list[list[Example]]]:
    """Return the shares of each part, the smallest pieces to train on; there are fewer if the texts are few or their labels many.

    Raises:
        DataError: There are too few texts, or too few of each label.
    """
    for halvings in range(_count_halvings(min(map(len, parts)), source), FEWEST_SIZES - 2, -1):
        dealt = [_deal(part, 1 << halvings, seed) for part in parts]
        pieces = [_join(shares, len(shares), fold, len(parts)) for fold, shares in enumerate(dealt)]
        if all(map(_is_trainable, chain(*pieces))):
            return dealt
    problem = (
        "has too few texts of each label for a learning curve: a quarter of the training texts has only one of each; label more, "
        "or measure a training on what there is: grutext crossval"
    )
    raise DataError(problem, source)


def _is_trainable(piece: Sequence[Example]) -> bool:
    """Whether the texts have a label of two different texts."""
    texts = {(label, text_key(example.text)) for example in piece for label in example.labels}
    return len({label for label, _ in texts}) < len(texts)


def _join(shares: Sequence[list[Example]], parts: int, fold: int, folds: int) -> list[list[Example]]:
    """Return the pieces to train on, of which none has a text of another.

    Args:
        shares: The texts.
        parts: The number of pieces that all texts would make.
        fold: The fold that is held out. Each fold has one piece, counted round and round.
        folds: The number of folds; if there is only one, it has up to five pieces.
    """
    size = len(shares) // parts
    pieces = [list(chain(*shares[n * size : (n + 1) * size])) for n in range(parts)]
    return pieces[:_PIECES] if folds == 1 else [pieces[fold % parts]]


def _without_fold_effect(errors: list[list[float]], folds: int) -> list[list[float]]:
    """Return the errors at each size without what makes one fold easier than another, which is the same at all sizes."""
    if folds == 1:
        return errors
    table = np.array(errors)  # (S, folds)
    return (table - table.mean(axis=0) + table.mean()).tolist()
