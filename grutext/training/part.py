"""Train on a part of labelled texts, for models that are measured on the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grutext.config import Config
from grutext.data import Example
from grutext.errors import DataError
from grutext.inference import Classifier
from grutext.messages import count
from grutext.training.in_memory import IN_MEMORY
from grutext.training.splits import TrainingData, name_source
from grutext.training.train import train


def train_part(
    sources: TrainingData,
    examples: Sequence[Example],
    multilabel: bool,
    config: Config,
    vectors: str | Path | None,
) -> Classifier:
    """Return a model that is trained on some of the texts.

    Args:
        sources: Where the texts came from, and how they were read.
        examples: The texts of the part.
        multilabel: Whether a text may have several labels.
        config: The settings.
        vectors: Word vectors, as for `grutext.train`.

    Raises:
        DataError: Nothing can be learned from the part, such as where it has a single label; names the whole.
    """
    try:
        return train(sources.with_examples(examples, multilabel), settings=config, vectors=vectors).classifier
    except DataError as error:
        if error.source != IN_MEMORY:  # such as the file of the vectors
            raise
        part = f"a part of {count(len(examples), 'text')} cannot be trained on"
        raise DataError(f"{part}: {error.problem}", name_source(sources.train)) from error
