"""The folds of the training texts, where texts are few.

A small dev set chooses badly and takes labels away from the training. Instead each part of the model is trained once without
each fold, and scores the texts of the fold. These out-of-fold scores of all texts choose the epoch, the weight of the parts,
the calibration and the thresholds; the parts that are kept are trained on all texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grutext.data import Example, fold_examples

FOLDS = 5
MOST_TEXTS = 2_000  # with more, a dev set is large enough


@dataclass(frozen=True, slots=True)
class Folds:
    """The fold of each training text.

    Attributes:
        of_text: `(N,) int64`, from 0; -1 for a text in no fold, on which the parts are always trained.
    """

    of_text: NDArray[np.int64]

    @classmethod
    def deal(cls, examples: Sequence[Example], seed: int, keys: Sequence[int]) -> Folds:
        """Deal texts out to stratified folds, as `grutext.data.fold_examples` does.

        Raises:
            DataError: Every class has only one text.
        """
        return cls(np.array(fold_examples(examples, FOLDS, seed, keys), np.int64))

    @property
    def held_out(self) -> NDArray[np.int64]:
        """The positions of the texts that are in a fold, ascending."""
        return np.flatnonzero(self.of_text >= 0)

    @property
    def count(self) -> int:
        """The number of folds that have texts."""
        return len(np.unique(self.of_text[self.held_out]))

    def __iter__(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield, for each fold, the positions of the texts outside it and of the texts in it."""
        for fold in np.unique(self.of_text[self.held_out]):
            yield np.flatnonzero(self.of_text != fold), np.flatnonzero(self.of_text == fold)
