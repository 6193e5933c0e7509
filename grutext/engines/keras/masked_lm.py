"""Embedding and encoder as they learn from texts without labels."""

from __future__ import annotations

from typing import Any

from grutext.engines.keras.backend import tf
from grutext.engines.keras.network import SIGNATURE, KerasNetwork, mask_of

Tensor = Any

# What a batch has in place of targets; see `grutext.training.gru.masking.mask_tokens`.
_ANSWERS = dict.fromkeys(("masked_positions", "masked_types", "masked_targets"), (tf.int32, 1))


class KerasMaskedLM(KerasNetwork):
    """Tells hidden tokens from the states where they are.

    A state goes through the head to a vector, E wide, whose products with the vectors of all types that the batch
    hides are their scores: a masked language model (Devlin et al. 2019, arXiv 1810.04805) whose output table is the
    embedding itself (Press and Wolf 2017, arXiv 1608.05859), and whose vocabulary is what the batch hides.

    The arguments are those of `Network`; the labels are as many as an embedding is wide, and nothing is adversarial. A
    batch is what `grutext.training.gru.masking.mask_tokens` gave, and the loss of a step the mean of its hidden tokens'.
    """

    def _signature(self) -> dict[str, tuple[Any, int]]:
        return {name: spec for name, spec in SIGNATURE.items() if name != "targets"} | _ANSWERS

    def _train_step(self, batch: dict[str, Tensor], step: Tensor, rate: Tensor, *, twice: bool) -> Tensor:
        rows, dense = self._rows(batch), list(self.dense.values())
        with tf.GradientTape() as tape:
            tape.watch(rows)
            vectors = self._dropout(self._embed(rows, batch), self.training.embedding_dropout, step, 0)
            wanted = self._embed(rows, batch | {"ids": batch["masked_types"][None]})[:, 0]  # (K, E)
            states = self.encoder.states(vectors, mask_of(batch))  # (T, N, D * U)
            states = tf.gather(
                tf.reshape(states, [-1, states.shape[2]]), batch["masked_positions"]
            )  # (H, D * U)
            scores = tf.matmul(self.head(states), wanted, transpose_b=True)  # (H, K)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=batch["masked_targets"], logits=scores)
            )
        gradients, of_rows = tape.gradient(loss, [dense, rows])
        self._move(batch, gradients, rows, of_rows, rate)
        return loss
