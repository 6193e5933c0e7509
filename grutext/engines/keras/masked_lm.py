"""Masked-token pretraining with TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np

from grutext.config import Config
from grutext.engines.base import Batch, MaskedLM
from grutext.engines.keras.backend import tf
from grutext.engines.keras.trainable import STEP_AND_RATE, TOKENS, KerasTrainable, mask_of, tensor_specs

Tensor = Any

# What a batch has in place of targets; see `grutext.training.gru.masking.mask_tokens`.
_MASKED = dict.fromkeys(("masked_positions", "masked_types", "masked_targets"), (tf.int32, 1))


class KerasMaskedLM(KerasTrainable, MaskedLM):
    """Embedding and `GRUEncoder` with their optimizer, trained to predict masked tokens; see `grutext.engines.base.MaskedLM`.

    Args:
        config: The whole configuration.
        rows: Rows V of the word table.
    """

    def __init__(self, config: Config, rows: int) -> None:
        super().__init__(config, rows, config.gru.embedding_size)
        batch = tensor_specs(TOKENS | _MASKED)
        self._train = tf.function(self._train_step, [batch, *STEP_AND_RATE], autograph=False)

    def train_step(self, batch: Batch, step: int, rate: float) -> float:
        """Update the weights with one batch of masked tokens; see `Trainable.train_step`."""
        return float(self._train(batch, np.int32(step), np.float32(rate)))

    def _train_step(self, batch: dict[str, Tensor], step: Tensor, rate: Tensor) -> Tensor:
        """Update the weights; return the mean loss of the masked tokens."""
        rows, dense = self._rows(batch), list(self.dense.values())
        with tf.GradientTape() as tape:
            tape.watch(rows)
            vectors = self._dropout(self._embed(rows, batch), self.training.embedding_dropout, step, 0)
            candidates = self._embed(rows, batch | {"ids": batch["masked_types"][None]})[:, 0]  # (K, E)
            states = self.encoder.states(vectors, mask_of(batch))  # (T, N, D * U)
            flat = tf.reshape(states, [-1, states.shape[2]])  # (T * N, D * U)
            states = tf.gather(flat, batch["masked_positions"])  # (H, D * U)
            scores = tf.matmul(self.head(states), candidates, transpose_b=True)  # (H, K)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=batch["masked_targets"], logits=scores
            )
            loss = tf.reduce_mean(losses)
        grad_dense, grad_rows = tape.gradient(loss, [dense, rows])
        self._apply_gradients(batch, grad_dense, rows, grad_rows, rate)
        return loss
