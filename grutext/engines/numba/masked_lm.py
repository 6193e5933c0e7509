"""Masked-token pretraining with Numba, without TensorFlow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.engines.base import Batch, MaskedLM
from grutext.engines.numba.trainable import Float, NumbaTrainable, mask_of
from grutext.kernels.blas import one_blas_thread


class NumbaMaskedLM(NumbaTrainable, MaskedLM):
    """Embedding and encoder with their optimizer, trained to predict masked tokens; see `grutext.engines.base.MaskedLM`.

    Args:
        config: The whole configuration.
        rows: Rows V of the word table.
    """

    def __init__(self, config: Config, rows: int) -> None:
        super().__init__(config, rows, config.gru.embedding_size)

    def train_step(self, batch: Batch, step: int, rate: float) -> float:
        """Update the weights with one batch of masked tokens; see `Trainable.train_step`."""
        dropout = self.training.embedding_dropout
        with one_blas_thread():
            of_types = batch | {"ids": batch["masked_types"][None]}
            vectors, candidates = self._embed(batch), self._embed(of_types)[:, 0]  # (T, N, E), (K, E)
            self._dropout(vectors, dropout, step, 0)
            loss, grad_dense, grad_vectors, grad_candidates = self._loss_and_gradients(
                vectors, candidates, batch
            )
            self._steps += 1
            self._dropout(grad_vectors, dropout, step, 0)
            grad_rows = self._embed_gradient(grad_vectors, batch)
            more_rows = self._embed_gradient(grad_candidates[:, None], of_types)
            self._apply_gradients(
                grad_dense, [a + b for a, b in zip(grad_rows, more_rows, strict=True)], batch, rate
            )
        return loss

    def _loss_and_gradients(
        self, vectors: Float, candidates: Float, batch: Batch
    ) -> tuple[float, Float, Float, Float]:
        """Return the mean loss and its gradients for the dense weights, the vectors and the candidates.

        Args:
            vectors: Vectors of the tokens, `(T, N, E)`.
            candidates: Vectors of the K masked types, `(K, E)`.
            batch: Has the H masked positions and their types.
        """
        from grutext.kernels import training as kernels

        mask, grad_vectors = mask_of(batch), np.empty_like(vectors)
        steps, columns = np.divmod(batch["masked_positions"], mask.shape[1])
        kernel, bias = self.dense["head/kernel"], self.dense["head/bias"]
        ones = np.ones(len(candidates), np.float32)

        def compute(first: int, last: int) -> tuple[float, Float, Float]:
            encoder = self._run_encoder(vectors, mask, first, last)
            is_own = (first <= columns) & (columns < last)
            masked = steps[is_own], columns[is_own] - first
            states = encoder.states  # (T, N, D * U)
            grad_states = np.zeros_like(states)
            states = states[masked]  # (H, D * U)
            outputs = states @ kernel + bias  # (H, E)
            targets = _one_hot(batch["masked_targets"][is_own], len(candidates))
            loss, grad_scores = kernels.softmax_loss(
                outputs @ candidates.T, targets, np.ones(len(targets), np.float32), ones, 0.0
            )
            grad_scores /= np.float32(len(columns))  # (H, K)
            grad_outputs = grad_scores @ candidates
            grad_states[masked] = grad_outputs @ kernel.T
            gradient = np.zeros(len(self.values) - self._head_size, np.float32)
            grad_vectors[:, first:last] = encoder.backpropagate_states(grad_states, self.views(gradient))
            head = (states.T @ grad_outputs).ravel(), grad_outputs.sum(axis=0)
            return loss, np.concatenate([gradient, *head]), grad_scores.T @ outputs

        losses, gradients, grad_candidates = zip(*self._map_shares(compute, mask.shape[1]), strict=True)
        return sum(losses) / len(columns), sum(gradients), grad_vectors, sum(grad_candidates)


def _one_hot(targets: NDArray[np.int32], count: int) -> Float:
    """Return `(H, K) float32` with a 1 in the column of each target."""
    rows = np.zeros((len(targets), count), np.float32)
    rows[np.arange(len(targets)), targets] = 1.0
    return rows
