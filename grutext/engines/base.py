"""The interface of every engine that trains, and the constants that all of them use in a training step.

A step is the same in every engine, up to rounding and to the random choices of dropout:

1. Embed the tokens of the batch, and drop some of the values (`training.embedding_dropout`).
2. Run encoder and head, with dropout of the pooled values; compute the mean loss and its gradients.
3. Train on shifted embeddings as well, if `training.adversarial_radius` is not 0 (Miyato et al. 2017, arXiv
   1605.07725): every `ADVERSARIAL_INTERVAL`-th step runs again with the shift along its own gradient, and both gradients
   are added; or, with shared directions, each step runs once, with the shift along stored directions.
4. Clip the global norm of the gradients to `training.clip_norm`, and update with Adam (Kingma and Ba 2015, arXiv
   1412.6980). Of the embedding tables and of their moments, only the rows that the batch uses are updated.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from grutext.config import TrainingConfig
from grutext.model.initial import Arrays

Batch = dict[str, NDArray[Any]]
"""The arrays of N texts, at most T tokens long, with M distinct types of tokens; all `int32` but `targets` and `weights`.

Tokens: `ids` `(N, T)`, the type of each token, M in the padding; `lengths` `(N,)`.
Types: `word_rows` `(W,)` and `bucket_rows` `(B,)`, the distinct rows of the tables that the batch uses, ascending;
`type_words` `(M,)`, the index in `word_rows` of each type's word; `type_buckets` `(K,)`, the indices in `bucket_rows` of the
types' subwords; `type_of_bucket` `(K,)`, the type that each of these belongs to, ascending.
For a `Network`: `targets` `(N, C) float32`, 1 where a text has a label, or the probability that it has it; `weights` `(N,)
float32`, the factor on each text's loss.
"""

ADAM_BETA1, ADAM_BETA2, ADAM_EPSILON = 0.9, 0.999, 1e-7
TABLE_BETA2 = 0.99  # a table row is updated in few steps, so its second moment decays faster
ADVERSARIAL_INTERVAL = 2  # one in this many steps has a second, adversarial pass
DIRECTION_RATE = 0.3  # weight of the newest gradient in a shared adversarial direction
_DIRECTION_ROWS = 65_536  # at most; if there are more pairs of word and label, some share a row

# The entry of a batch that says which rows of a table it uses.
ROWS_OF_TABLE = {"embedding/words": "word_rows", "embedding/subwords": "bucket_rows"}


def has_shared_directions(options: TrainingConfig) -> bool:
    """Return whether adversarial shifts use directions that are stored for each word and label."""
    return options.adversarial_radius > 0 and options.adversarial_direction == "shared"


def has_adversarial_pass(options: TrainingConfig, step: int) -> bool:
    """Return whether this step runs a second time, with embeddings shifted along its own gradient."""
    is_adversarial = options.adversarial_radius > 0 and not has_shared_directions(options)
    return is_adversarial and step % ADVERSARIAL_INTERVAL == 0


def direction_rows(rows: int, classes: int) -> int:
    """Return the number of rows in the table of shared directions, for V `rows` of words and C `classes`."""
    return min(rows * classes, _DIRECTION_ROWS)


class Trainable(ABC):
    """Weights with their optimizer, as a training loop sees them.

    Attributes:
        is_thread_safe: Whether several networks can be trained at once, each by a thread of its own.
    """

    is_thread_safe: ClassVar[bool] = False

    @property
    @abstractmethod
    def steps(self) -> int:
        """Number of updates so far."""

    @abstractmethod
    def train_step(self, batch: Batch, step: int, rate: float) -> float:
        """Update the weights with one batch.

        Args:
            batch: The arrays of the batch, by name.
            step: Number of the step, from which dropout draws its random numbers, together with the seed.
            rate: Learning rate of the dense weights; that of the tables is `training.table_rate` times as high.

        Returns:
            The mean loss in nats before the update. With shared adversarial directions it is the loss of the
            shifted embeddings; a second pass is not included.
        """

    @abstractmethod
    def arrays(self) -> Arrays:
        """Return a copy of the weights, `float32`, by the names of `grutext.model.spec.weight_spec`."""

    @abstractmethod
    def assign(self, arrays: Arrays) -> None:
        """Set the weights from arrays by the same names."""

    @abstractmethod
    def state(self) -> Arrays:
        """Return a copy of all that a training needs besides the weights: moments, directions, the number of updates."""

    @abstractmethod
    def resume(self, state: Arrays) -> None:
        """Set what `state` returned.

        Raises:
            KeyError: An array is missing.
            ValueError: An array has another shape.
        """


class Network(Trainable):
    """Embedding, encoder and head, trained to predict the labels of texts."""

    @abstractmethod
    def logits(self, batch: Batch) -> NDArray[np.float32]:
        """Return the outputs of the head without dropout, `(N, C) float32`."""
