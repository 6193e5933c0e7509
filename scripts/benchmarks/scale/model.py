"""The cost model: core-seconds, bytes and memory for any number of texts, from a few measured sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grutext.training.defaults import CorpusStatistics, epochs_for, pretraining_epochs_for

Values = Mapping[str, float]
# What a training on texts in files reads at most, whatever their number; see grutext.training.corpus and linear.out_of_core.
_WORDS_CHARACTERS = 64_000_000  # for the vocabulary
_CHOICE_CHARACTERS = 8_000_000  # for choosing n-grams
_TEXTS_FITTED = 2_000_000  # by the linear part, in at most five passes
_MOST_PASSES = 5
_DEV_SHARE, _MOST_DEV = 0.05, 10_000
STAGES = ("read", "words", "choice", "linear", "pretraining", "epochs", "rest")


@dataclass(frozen=True, slots=True)
class PredictionCost:
    """What predicting costs on one core: a start, and the same for each text.

    Attributes:
        start: Core-seconds before the first text.
        text: Core-seconds for each text.
        read: Bytes of the input for each text.
        written: Bytes of the output for each text.
        megabytes: Peak memory, which does not grow with the number of texts.
    """

    start: float
    text: float
    read: float
    written: float
    megabytes: float

    @staticmethod
    def fit(small: Values, large: Values) -> PredictionCost:
        """Return the costs that go through two measurements of different sizes."""
        text = (large["cpu"] - small["cpu"]) / (large["texts"] - small["texts"])
        return PredictionCost(
            start=small["cpu"] - text * small["texts"],
            text=text,
            read=large["read"] / large["texts"],
            written=large["written"] / large["texts"],
            megabytes=large["mb"],
        )

    def core_seconds(self, texts: float) -> float:
        """Return the core-seconds of predicting so many texts."""
        return self.start + self.text * texts


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts in files that a model is trained on.

    Attributes:
        texts: Their number.
        characters: Of a text.
        tokens: Of a text, at most as many as an epoch reads.
        epochs: Epochs of training; None takes those that grutext chooses.
        pretraining: Epochs of pretraining; None takes those that grutext chooses.
        labels: Labels.
    """

    texts: float
    characters: float
    tokens: float
    epochs: int | None = None
    pretraining: int | None = None
    labels: int = 2

    @staticmethod
    def measured(values: Values) -> Corpus:
        """Return the texts of a measured training, which had one epoch of each kind."""
        return Corpus(values["texts"], values["characters"], values["tokens"], epochs=1, pretraining=1)

    @property
    def chosen_epochs(self) -> tuple[int, int]:
        """Return the epochs of training and of pretraining."""
        statistics = CorpusStatistics(
            int(self.texts), int(self.tokens), int(self.texts * self.tokens), self.labels
        )
        epochs = epochs_for(statistics) if self.epochs is None else self.epochs
        return epochs, pretraining_epochs_for(statistics) if self.pretraining is None else self.pretraining

    def amounts(self) -> dict[str, float]:
        """Return how much each stage of a training has to do, in a unit of its own."""
        epochs, pretraining = self.chosen_epochs
        passes = min(_MOST_PASSES, max(1, _TEXTS_FITTED // self.texts))
        return {
            "read": self.texts,
            "words": min(self.texts * self.characters, _WORDS_CHARACTERS),
            "choice": min(self.texts * self.characters, _CHOICE_CHARACTERS),
            "linear": self.texts * passes,
            "pretraining": self.texts * self.tokens * pretraining,
            "epochs": self.texts * self.tokens * epochs,
            "rest": min(self.texts * _DEV_SHARE, _MOST_DEV),
        }


@dataclass(frozen=True, slots=True)
class TrainingCost:
    """What training on texts in files costs on one core.

    Attributes:
        start: Core-seconds of each stage however few the texts; a stage that has nothing to do costs nothing.
        each: Core-seconds of each stage for one unit of `Corpus.amounts`.
        disk: Bytes of the files for each text.
        megabytes: Peak memory.
    """

    start: Mapping[str, float]
    each: Mapping[str, float]
    disk: float
    megabytes: float

    @staticmethod
    def fit(small: Values, large: Values) -> TrainingCost:
        """Return the costs that go through two measurements of different sizes."""
        few, many = Corpus.measured(small).amounts(), Corpus.measured(large).amounts()
        each = {stage: (large[stage] - small[stage]) / (many[stage] - few[stage]) for stage in STAGES}
        return TrainingCost(
            start={stage: large[stage] - each[stage] * many[stage] for stage in STAGES},
            each=each,
            disk=(large["disk"] - small["disk"]) / (large["texts"] - small["texts"]),
            megabytes=large["mb"],
        )

    def stages(self, corpus: Corpus) -> dict[str, float]:
        """Return the core-seconds of each stage."""
        amounts = corpus.amounts()
        return {
            stage: self.start[stage] + self.each[stage] * amount if amount else 0.0
            for stage, amount in amounts.items()
        }

    def core_seconds(self, corpus: Corpus) -> float:
        """Return the core-seconds of a training."""
        return sum(self.stages(corpus).values())


def serial_share(one: float, two: float) -> float:
    """Return the share of the work on one core that a second core does not share, by Amdahl's law.

    With a serial share s, two cores take s + (1 - s) / 2 of the time of one.
    """
    return min(1.0, max(0.0, 2 * two / one - 1))
