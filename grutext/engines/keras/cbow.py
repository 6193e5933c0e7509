"""Pretraining of the embedding with TensorFlow."""

from __future__ import annotations

from typing import Any

from grutext.config import Config
from grutext.engines.base import Batch
from grutext.engines.cbow import CBOW, initial_cbow
from grutext.engines.keras.backend import tf
from grutext.engines.keras.trainable import SHARE, TYPES, KerasTrainable
from grutext.engines.keras.workers import KerasWorkers

Tensor = Any

# What a batch has besides its types; see `grutext.training.gru.contexts.draw_contexts`.
_CONTEXTS = {"contexts": (tf.int32, 2), "predicted_types": (tf.int32, 1), "predicted": (tf.int32, 1)}


class KerasCBOW(KerasTrainable, CBOW):
    """Embedding with its optimizer, trained to predict tokens from their contexts; see `grutext.engines.cbow.CBOW`.

    Args:
        config: The whole configuration.
        rows: Rows V of the word table.
        workers: Those that train together; None if this process trains alone.
    """

    def __init__(self, config: Config, rows: int, workers: KerasWorkers | None = None) -> None:
        arrays = initial_cbow(config, rows)
        names = [name for name in arrays if not name.startswith("embedding/")]
        super().__init__(config, arrays, {name: tf.Variable(arrays[name]) for name in names}, workers)
        self._train = self._compile(self._train_step, TYPES | _CONTEXTS)

    def train_step(self, batch: Batch, step: int, rate: float) -> float:
        """Update the weights with one batch of contexts; see `Trainable.train_step`."""
        needed = {name: batch[name] for name in (*TYPES, *_CONTEXTS, *(SHARE if self.workers else ()))}
        return self._train(needed, step, rate)

    def _train_step(self, batch: dict[str, Tensor], step: Tensor, rate: Tensor) -> Tensor:
        """Update the weights; return the mean loss of the predicted tokens."""
        rows, dense = self._rows(batch), list(self.dense.values())
        scales, kernel, bias = dense
        count = tf.shape(batch["type_words"])[0]
        with tf.GradientTape() as tape:
            tape.watch(rows)
            vectors = self._embed(rows, batch | {"ids": tf.range(count)[None]})[:, 0]  # (M, E)
            near = tf.gather(tf.pad(vectors, [[0, 1], [0, 0]]), batch["contexts"])  # (H, 2W, E)
            real = tf.reduce_sum(tf.cast(batch["contexts"] < count, near.dtype), axis=1)  # (H,)
            means = tf.reduce_sum(near * scales, axis=1) / tf.maximum(real, 1.0)[:, None]  # (H, E)
            means = self._dropout(means, self.training.embedding_dropout, step, 0)
            outputs = tf.matmul(means, kernel) + bias  # (H, E)
            candidates = tf.gather(vectors, batch["predicted_types"])  # (K, E)
            scores = tf.matmul(outputs, candidates, transpose_b=True)  # (H, K)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=batch["predicted"], logits=scores)
            loss = tf.reduce_mean(losses)
        grad_dense, grad_rows = tape.gradient(loss, [dense, rows])
        return self._apply_gradients(batch, loss, grad_dense, rows, grad_rows, rate)
