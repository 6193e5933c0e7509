"""The GRU part as it is trained: embedding, encoder, head, and one training step.

The embedding tables are never touched as a whole: a batch names its distinct word and subword rows,
the loss is differentiated with respect to those rows, and only they are updated.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.engines.keras.adam import Adam
from grutext.engines.keras.backend import keras, tf
from grutext.engines.keras.directions import Directions, text_norms
from grutext.engines.keras.embedding import embed_rows
from grutext.engines.keras.encoder import GRUEncoder
from grutext.engines.keras.heads import LOSSES
from grutext.engines.keras.weights import assign, encoder_variables, to_arrays
from grutext.model.initial import Arrays, initial_arrays

Tensor = Any
TABLES = ("embedding/words", "embedding/subwords")
_EVERY = 2  # steps, of which one has an adversarial pass of its own

# Name, dtype and axes of the tensors that make a batch; see `grutext.training.gru.batches.Batch`.
SIGNATURE: dict[str, tuple[Any, int]] = {
    "ids": (tf.int32, 2),
    "lengths": (tf.int32, 1),
    "word_rows": (tf.int32, 1),
    "type_words": (tf.int32, 1),
    "bucket_rows": (tf.int32, 1),
    "type_buckets": (tf.int32, 1),
    "type_of_bucket": (tf.int32, 1),
    "targets": (tf.float32, 2),
}


class KerasNetwork:
    """Embedding, `GRUEncoder` and Dense head with their optimizer.

    Args:
        config: The whole configuration.
        rows: Rows V of the word table.
        classes: Number C of labels.
        head: A name in `grutext.model.spec.HEADS`.
        weights: `(C,)`, how much the texts of each label count; all the same if left out.
    """

    def __init__(
        self, config: Config, rows: int, classes: int, head: str,
        weights: NDArray[np.float32] | None = None,
    ) -> None:  # fmt: skip
        model = config.gru
        arrays = initial_arrays(config, rows, classes, head == "sigmoid")
        self.training = config.training
        self.loss = LOSSES[head]
        self.weights = tf.constant(np.ones(classes, np.float32) if weights is None else weights)
        self.encoder = GRUEncoder(
            model.units, layers=model.layers, bidirectional=model.bidirectional,
            reset_after=model.reset_after, pooling=model.pooling, convolution=model.convolution,
        )  # fmt: skip
        self.encoder.build((None, None, model.embedding_size))
        self.head = keras.layers.Dense(classes)
        self.head.build((None, arrays["head/kernel"].shape[0]))
        self.tables = {name: tf.Variable(arrays[name]) for name in TABLES if name in arrays}
        dense = {k: v.value for k, v in encoder_variables(self.encoder).items()}
        self.dense = dense | {"head/kernel": self.head.kernel.value, "head/bias": self.head.bias.value}
        self.variables = self.tables | self.dense
        assign(self.variables, arrays)
        self.adam = Adam(self.dense, self.tables, config.training)
        shares = self.training.adversarial_radius > 0 and self.training.adversarial_direction == "shared"
        self.directions = Directions(rows, classes, model.embedding_size) if shares else None
        batch = {
            name: tf.TensorSpec([None] * axes, dtype) for name, (dtype, axes) in self._signature().items()
        }
        scalars = [tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.float32)]
        self._steps = {
            twice: tf.function(partial(self._train_step, twice=twice), [batch, *scalars], autograph=False)
            for twice in (False, True)
        }
        self._logits = tf.function(self._predict, [batch], autograph=False)

    def train_step(self, batch: dict[str, NDArray[Any]], step: int, rate: float) -> float:
        """Learns from one batch.

        Args:
            batch: Arrays named as in `SIGNATURE`.
            step: Number of the step; with the seed it decides what dropout hides.
            rate: The learning rate of this step.

        Returns:
            The mean loss of the batch's texts, in nats: with shared directions of the shifted texts, else without
            what a second pass adds.
        """
        twice = self.training.adversarial_radius > 0 and self.directions is None and step % _EVERY == 0
        return float(self._steps[twice](batch, np.int32(step), np.float32(rate)))

    def logits(self, batch: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Gives the head's outputs for a batch, `(N, C)`, without dropout."""
        return np.asarray(self._logits(batch))

    def arrays(self) -> Arrays:
        """Gives the present weights by the spec's names, all `float32`."""
        return to_arrays(self.variables)

    @property
    def steps(self) -> int:
        """The number of steps that were made."""
        return int(self.adam.steps)

    def state(self) -> Arrays:
        """Gives what training remembers besides the weights, by name."""
        return to_arrays(self._remembered())

    def resume(self, state: Arrays) -> None:
        """Takes what `state` gave.

        Raises:
            KeyError: Something is missing; or ValueError: it has another shape.
        """
        for name, variable in self._remembered().items():
            variable.assign(state[name])

    def _remembered(self) -> dict[str, Any]:
        directions = {"directions": self.directions.table} if self.directions else {}
        return self.adam.moments | directions | {"steps": self.adam.steps}

    def assign(self, arrays: Arrays) -> None:
        """Takes weights by the spec's names."""
        assign(self.variables, arrays)

    def _signature(self) -> dict[str, tuple[Any, int]]:
        """Gives name, dtype and axes of what a step gets."""
        return SIGNATURE

    def _predict(self, batch: dict[str, Tensor]) -> Tensor:
        vectors = self._embed(self._rows(batch), batch)
        return self.head(self.encoder.encode(vectors, mask_of(batch)))

    def _rows(self, batch: dict[str, Tensor]) -> list[Tensor]:
        names = ("word_rows", "bucket_rows")
        return [
            tf.gather(table, batch[name]) for table, name in zip(self.tables.values(), names, strict=False)
        ]

    def _embed(self, rows: list[Tensor], batch: dict[str, Tensor]) -> Tensor:
        """Gives the token vectors `(T, N, E)`: a word row plus the mean of the subword rows."""
        return embed_rows(
            rows, *(batch[name] for name in ("ids", "type_words", "type_buckets", "type_of_bucket"))
        )

    def _train_step(self, batch: dict[str, Tensor], step: Tensor, rate: Tensor, *, twice: bool) -> Tensor:
        options = self.training
        rows, mask = self._rows(batch), mask_of(batch)
        with tf.GradientTape() as embedding_tape:
            embedding_tape.watch(rows)
            vectors = self._embed(rows, batch)
            vectors = self._dropout(vectors, options.embedding_dropout, step, 0)
        seen = vectors
        if self.directions:
            words = tf.pad(tf.gather(batch["word_rows"], batch["type_words"]), [[0, 1]])  # (M + 1,)
            pairs = self.directions.pairs(tf.gather(words, tf.transpose(batch["ids"])), batch["targets"])
            seen += self._adversarial_shift(vectors, self.directions.recall(pairs), mask)
        loss, gradients, pull = self._pass(seen, mask, batch, step, 1)
        if self.directions:
            self.directions.learn(pairs, pull, mask)
        if twice:
            shift = self._adversarial_shift(vectors, pull, mask)
            _, more, more_pull = self._pass(vectors + shift, mask, batch, step, 2)
            gradients = [a + b for a, b in zip(gradients, more, strict=True)]
            pull += more_pull
        of_rows = embedding_tape.gradient(vectors, rows, output_gradients=pull)
        self._move(batch, gradients, rows, of_rows, rate)
        return loss

    def _move(
        self, batch: dict[str, Tensor], gradients: list[Tensor], rows: list[Tensor], of_rows: list[Tensor], rate: Tensor
    ) -> None:  # fmt: skip
        """Lets Adam move the dense variables and the rows of the tables that the batch touches."""
        of_rows = [tf.convert_to_tensor(gradient) for gradient in of_rows]
        touched = [batch[name] for name in ("word_rows", "bucket_rows")][: len(rows)]
        self.adam.step(gradients, list(zip(touched, rows, of_rows, strict=True)), rate)

    def _pass(
        self, vectors: Tensor, mask: Tensor, batch: dict[str, Tensor], step: Tensor, salt: int
    ) -> tuple[Any, ...]:
        """Gives the mean loss, its gradients for the dense variables, and for the token vectors."""
        dense = list(self.dense.values())
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            pooled = self.encoder.encode(vectors, mask)  # (N, P)
            logits = self.head(self._dropout(pooled, self.training.pooled_dropout, step, salt))
            losses = self.loss(logits, batch["targets"], self.training.label_smoothing, self.weights)
            loss = tf.reduce_mean(losses)
        *gradients, pull = tape.gradient(loss, [*dense, vectors])
        return loss, gradients, pull

    def _adversarial_shift(self, vectors: Tensor, pull: Tensor, mask: Tensor) -> Tensor:
        """Gives the shift of length radius along `pull`, `(T, N, E)`.

        Along its gradient, a text's loss rises most, to first order: Miyato et al. 2017 (arXiv 1605.07725,
        equation 4). The radius is in units of the root mean square length of the batch's token vectors.
        """
        real = tf.cast(mask, vectors.dtype)
        pull *= real[:, :, None]
        squares = tf.reduce_sum(tf.square(vectors), axis=2)  # (T, N)
        length = tf.sqrt(tf.reduce_sum(squares * real) / tf.maximum(tf.reduce_sum(real), 1.0))
        return tf.stop_gradient(self.training.adversarial_radius * length * pull / text_norms(pull))

    def _dropout(self, values: Tensor, rate: float, step: Tensor, salt: int) -> Tensor:
        """Sets a share of the values to zero, decided by the seed, the step and the place in the step."""
        if not rate:
            return values
        seed = tf.stack([tf.constant(self.training.seed, tf.int32), step * 4 + salt])
        kept = tf.random.stateless_uniform(tf.shape(values), seed) >= rate
        return tf.where(kept, values / (1.0 - rate), 0.0)


def mask_of(batch: dict[str, Tensor]) -> Tensor:
    """Tells where real tokens are, `(T, N)`."""
    return tf.range(tf.shape(batch["ids"])[1])[:, None] < batch["lengths"]
