"""What the networks that TensorFlow trains share: the weights, their embedding and encoder, dropout and Adam.

The embedding tables are never touched as a whole: a batch names its distinct word and subword rows, the loss is
differentiated with respect to those rows, and only they are updated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from grutext.config import Config
from grutext.engines.base import ROWS_OF_TABLE, Batch, Trainable
from grutext.engines.keras.adam import Adam
from grutext.engines.keras.backend import tf
from grutext.engines.keras.embedding import embed_rows
from grutext.engines.keras.weights import assign, to_arrays
from grutext.engines.keras.workers import KerasWorkers
from grutext.model.initial import Arrays

Tensor = Any
Signature = dict[str, tuple[Any, int]]

# Dtype and number of axes of the tensors of a batch; see `grutext.engines.base.Batch`.
TYPES: Signature = dict.fromkeys(
    ("word_rows", "type_words", "bucket_rows", "type_buckets", "type_of_bucket"), (tf.int32, 1)
)
TOKENS: Signature = {"ids": (tf.int32, 2), "lengths": (tf.int32, 1)} | TYPES
SHARE: Signature = {"share": (tf.float32, 0)}  # of a batch in those of all workers
# The number of a step, and its learning rate.
STEP_AND_RATE = (tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.float32))


class KerasTrainable(Trainable):
    """Embedding tables and other weights with their optimizer.

    Args:
        config: The whole configuration.
        arrays: The initial weights by name.
        dense: Variables of all weights but the tables, by name.
        workers: Those that train together; None if this process trains alone.

    Attributes:
        training: Settings of the training.
        tables: Variables of the embedding tables, by name.
        dense: As given.
    """

    def __init__(
        self, config: Config, arrays: Arrays, dense: dict[str, Any], workers: KerasWorkers | None = None
    ) -> None:
        self.training, self.dense, self.workers = config.training, dense, workers
        self.tables = {name: tf.Variable(arrays[name]) for name in ROWS_OF_TABLE if name in arrays}
        self.adam = Adam(self.dense, self.tables, config.training)
        self._remembered: dict[str, Any] = self.adam.moments | {"steps": self.adam.steps}
        self.assign(arrays)

    @property
    def steps(self) -> int:
        """Number of updates so far."""
        return int(self.adam.steps)

    def arrays(self) -> Arrays:
        """Return a copy of the weights; see `Trainable`."""
        return to_arrays(self.tables | self.dense)

    def assign(self, arrays: Arrays) -> None:
        """Set the weights; see `Trainable`."""
        assign(self.tables | self.dense, arrays)

    def state(self) -> Arrays:
        """Return a copy of what training needs besides the weights; see `Trainable`."""
        return to_arrays(self._remembered)

    def resume(self, state: Arrays) -> None:
        """Set what `state` returned; see `Trainable`."""
        for name, variable in self._remembered.items():
            variable.assign(state[name])

    def _rows(self, batch: dict[str, Tensor]) -> list[Tensor]:
        """Return the rows of each table that the batch uses, `(R, E)`."""
        return [tf.gather(table, batch[ROWS_OF_TABLE[name]]) for name, table in self.tables.items()]

    def _embed(self, rows: list[Tensor], batch: dict[str, Tensor]) -> Tensor:
        """Return the token vectors, `(T, N, E)`: a word row plus the mean of the subword rows; zeros for padding."""
        names = ("ids", "type_words", "type_buckets", "type_of_bucket")
        return embed_rows(rows, *(batch[name] for name in names))

    def _dropout(self, values: Tensor, rate: float, step: Tensor, salt: int) -> Tensor:
        """Set a share `rate` of the values to zero and scale up the others; seed, step and salt decide which."""
        if not rate:
            return values
        number = self.training.seed + (self.workers.rank if self.workers else 0)
        seed = tf.stack([tf.constant(number, tf.int32), step * 4 + salt])
        kept = tf.random.stateless_uniform(tf.shape(values), seed) >= rate
        return tf.where(kept, values / (1.0 - rate), 0.0)

    def _compile(
        self, step: Callable[..., Tensor], signature: Signature
    ) -> Callable[[Batch, int, float], float]:
        """Return a training step as a graph: a function of batch, number of the step and learning rate, to the loss.

        Args:
            step: The same function of tensors.
            signature: The entries of the batch.
        """
        if self.workers is None:
            graph = tf.function(step, [tensor_specs(signature), *STEP_AND_RATE], autograph=False)
        else:
            specs = tensor_specs(signature | SHARE)
            graph = self.workers.replicate(step, [specs, *STEP_AND_RATE])
        return lambda batch, number, rate: float(graph(batch, np.int32(number), np.float32(rate)))

    def _apply_gradients(
        self, batch: dict[str, Tensor], loss: Tensor, grad_dense: list[Tensor], rows: list[Tensor], grad_rows: list[Any], rate: Tensor
    ) -> Tensor:  # fmt: skip
        """Update the dense variables and the rows that the batch uses by Adam; return the mean loss.

        With several workers, loss and gradients are those of all their batches together. A batch that does not count touches
        no row, since Adam's momentum would move it.
        """
        grad_rows = [tf.convert_to_tensor(gradient) for gradient in grad_rows]
        touched = [batch[ROWS_OF_TABLE[name]] for name in self.tables]
        if self.workers is not None:
            counts = tf.cast(batch["share"] > 0.0, tf.int32)
            touched = [rows[: counts * tf.shape(rows)[0]] for rows in touched]
            grad_rows = [rows[: counts * tf.shape(rows)[0]] for rows in grad_rows]
            everyones = [self.workers.unite(own) for own in touched]
            spread = [
                tf.scatter_nd(
                    tf.searchsorted(every, own)[:, None], gradient, [tf.size(every), gradient.shape[1]]
                )
                for every, own, gradient in zip(everyones, touched, grad_rows, strict=True)
            ]
            shares = [batch["share"] * one for one in (loss, *grad_dense, *spread)]
            loss, *sums = self.workers.add_up_all(shares)
            grad_dense, grad_rows, touched = sums[: len(grad_dense)], sums[len(grad_dense) :], everyones
            rows = [tf.gather(table, some) for table, some in zip(self.tables.values(), touched, strict=True)]
        self.adam.step(grad_dense, list(zip(touched, rows, grad_rows, strict=True)), rate)
        return loss


def tensor_specs(signature: Signature) -> dict[str, Any]:
    """Return the input signature of a batch for `tf.function`; all axes may have any length."""
    return {name: tf.TensorSpec([None] * axes, dtype) for name, (dtype, axes) in signature.items()}


def mask_of(batch: dict[str, Tensor]) -> Tensor:
    """Return where the real tokens are, `(T, N) bool`."""
    return tf.range(tf.shape(batch["ids"])[1])[:, None] < batch["lengths"]
