"""Training the GRU part with TensorFlow."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.engines.base import Batch, Network, has_adversarial_pass, has_shared_directions
from grutext.engines.keras.backend import keras, tf
from grutext.engines.keras.directions import Directions, text_norms
from grutext.engines.keras.encoder import GRUEncoder
from grutext.engines.keras.losses import LOSSES
from grutext.engines.keras.trainable import TOKENS, KerasTrainable, mask_of, tensor_specs
from grutext.engines.keras.weights import encoder_variables
from grutext.engines.keras.workers import KerasWorkers
from grutext.model.initial import initial_arrays

Tensor = Any


class KerasNetwork(KerasTrainable, Network):
    """Embedding, `GRUEncoder` and Dense head, trained to predict labels; see `grutext.engines.base.Network`.

    Args:
        config: The whole configuration.
        rows: Rows V of the word table.
        classes: Number C of labels.
        head: `softmax` or `sigmoid`.
        weights: Weight of each label's texts in the loss, `(C,)`; 1 for each if left out.
        workers: Those that train together; None if this process trains alone.

    Attributes:
        directions: Shared adversarial directions; None where there are none.
    """

    def __init__(
        self, config: Config, rows: int, classes: int, head: str, weights: NDArray[np.float32] | None = None,
        workers: KerasWorkers | None = None,
    ) -> None:  # fmt: skip
        gru, arrays = config.gru, initial_arrays(config, rows, classes)
        self.encoder = GRUEncoder(
            gru.units, layers=gru.layers, bidirectional=gru.bidirectional,
            reset_after=gru.reset_after, pooling=gru.pooling, convolution=gru.convolution,
        )  # fmt: skip
        self.encoder.build((None, None, gru.embedding_size))
        self.head = keras.layers.Dense(classes)
        self.head.build((None, arrays["head/kernel"].shape[0]))
        dense = {name: variable.value for name, variable in encoder_variables(self.encoder).items()}
        dense |= {"head/kernel": self.head.kernel.value, "head/bias": self.head.bias.value}
        super().__init__(config, arrays, dense, workers)
        self.loss = LOSSES[head]
        self.weights = tf.constant(np.ones(classes, np.float32) if weights is None else weights)
        self.directions: Directions | None = None
        if has_shared_directions(self.training):
            self.directions = Directions(rows, classes, config.gru.embedding_size)
            self._remembered["directions"] = self.directions.table
        batch = TOKENS | {"targets": (tf.float32, 2), "weights": (tf.float32, 1)}
        self._train = {
            twice: self._compile(partial(self._train_step, twice=twice), batch) for twice in (False, True)
        }
        self._predict = tf.function(self._forward, [tensor_specs(batch)], autograph=False)

    def train_step(self, batch: Batch, step: int, rate: float) -> float:
        """Update the weights with one batch; see `Trainable.train_step`."""
        twice = has_adversarial_pass(self.training, step)
        return self._train[twice](batch, step, rate)

    def logits(self, batch: Batch) -> NDArray[np.float32]:
        """Return the outputs of the head without dropout, `(N, C) float32`."""
        return np.asarray(self._predict(batch))

    def _forward(self, batch: dict[str, Tensor]) -> Tensor:
        vectors = self._embed(self._rows(batch), batch)
        return self.head(self.encoder.encode(vectors, mask_of(batch)))

    def _train_step(self, batch: dict[str, Tensor], step: Tensor, rate: Tensor, *, twice: bool) -> Tensor:
        """Update the weights, with a second, adversarial pass if `twice`; return the mean loss of the first pass."""
        rows, mask = self._rows(batch), mask_of(batch)
        with tf.GradientTape() as tape:
            tape.watch(rows)
            clean = self._dropout(self._embed(rows, batch), self.training.embedding_dropout, step, 0)
        vectors = clean
        if self.directions:
            words = tf.pad(tf.gather(batch["word_rows"], batch["type_words"]), [[0, 1]])  # (M + 1,)
            pairs = self.directions.pairs(tf.gather(words, tf.transpose(batch["ids"])), batch["targets"])
            vectors += self._adversarial_shift(clean, self.directions.recall(pairs), mask, batch)
        loss, grad_dense, grad_vectors = self._loss_and_gradients(vectors, mask, batch, step, 1)
        if self.directions:
            self.directions.learn(pairs, grad_vectors, mask)
        if twice:
            shifted = clean + self._adversarial_shift(clean, grad_vectors, mask, batch)
            _, more_dense, more_vectors = self._loss_and_gradients(shifted, mask, batch, step, 2)
            grad_dense = [a + b for a, b in zip(grad_dense, more_dense, strict=True)]
            grad_vectors += more_vectors
        grad_rows = tape.gradient(clean, rows, output_gradients=grad_vectors)
        return self._apply_gradients(batch, loss, grad_dense, rows, grad_rows, rate)

    def _loss_and_gradients(
        self, vectors: Tensor, mask: Tensor, batch: dict[str, Tensor], step: Tensor, salt: int
    ) -> tuple[Any, ...]:
        """Return the mean loss, and its gradients for the dense variables and for the vectors, `(T, N, E)`."""
        dense, options = list(self.dense.values()), self.training
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            pooled = self.encoder.encode(vectors, mask)  # (N, P)
            logits = self.head(self._dropout(pooled, options.pooled_dropout, step, salt))  # (N, C)
            losses = self.loss(logits, batch["targets"], options.label_smoothing, self.weights)  # (N,)
            loss = tf.reduce_mean(batch["weights"] * losses)
        *grad_dense, grad_vectors = tape.gradient(loss, [*dense, vectors])
        return loss, grad_dense, grad_vectors

    def _adversarial_shift(
        self, vectors: Tensor, direction: Tensor, mask: Tensor, batch: dict[str, Tensor]
    ) -> Tensor:
        """Return the shift of each text's vectors along a direction, `(T, N, E)`; zeros in the padding.

        To first order, a text's loss rises most along its gradient: Miyato et al. 2017 (arXiv 1605.07725,
        equation 4). Its length is `training.adversarial_radius` times the root mean square length of the batch's
        token vectors, over all tokens of a text together.
        """
        real = tf.cast(mask, vectors.dtype)
        direction *= real[:, :, None]
        squares = tf.reduce_sum(tf.square(vectors), axis=2)  # (T, N)
        total, tokens = tf.reduce_sum(squares * real), tf.reduce_sum(real)
        if self.workers is not None:
            counted = tf.sign(batch["share"])  # 0 for a worker that has run out of texts
            total, tokens = tf.unstack(self.workers.add_up(tf.stack([total, tokens]) * counted))
        length = tf.sqrt(total / tf.maximum(tokens, 1.0))
        return tf.stop_gradient(self.training.adversarial_radius * length * direction / text_norms(direction))
