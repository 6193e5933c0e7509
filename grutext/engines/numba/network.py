"""Training the GRU part with Numba, without TensorFlow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.engines.base import (
    DIRECTION_RATE,
    Batch,
    Network,
    direction_rows,
    has_adversarial_pass,
    has_shared_directions,
)
from grutext.engines.numba.trainable import Float, NumbaTrainable, mask_of
from grutext.kernels.blas import one_blas_thread
from grutext.model.initial import initial_arrays


class NumbaNetwork(NumbaTrainable, Network):
    """Embedding, encoder and head with their optimizer, trained to predict labels; see `grutext.engines.base.Network`.

    Args:
        config: The whole configuration.
        rows: Rows V of the word table.
        classes: Number C of labels.
        head: `softmax` or `sigmoid`.
        weights: Weight of each label's texts in the loss, `(C,)`; 1 for each if left out.

    Attributes:
        directions: Shared adversarial directions, `(R, E)`; None where there are none.
    """

    def __init__(
        self, config: Config, rows: int, classes: int, head: str, weights: NDArray[np.float32] | None = None
    ) -> None:
        from grutext.kernels import training as kernels

        super().__init__(config, initial_arrays(config, rows, classes))
        self.classes = classes
        self.weights = np.ones(classes, np.float32) if weights is None else weights.astype(np.float32)
        self._loss = {"softmax": kernels.softmax_loss, "sigmoid": kernels.sigmoid_loss}[head]
        self.directions: Float | None = None
        if has_shared_directions(self.training):
            shape = (direction_rows(rows, classes), config.gru.embedding_size)
            self.directions = self._remembered["directions"] = np.zeros(shape, np.float32)

    def train_step(self, batch: Batch, step: int, rate: float) -> float:
        """Update the weights with one batch; see `Trainable.train_step`."""
        from grutext.kernels import training as kernels

        radius, dropout = self.training.adversarial_radius, self.training.embedding_dropout
        with one_blas_thread():
            mask = mask_of(batch)
            clean = vectors = self._embed(batch)
            self._dropout(clean, dropout, step, 0)
            if self.directions is not None:
                pairs = self._pairs(batch, len(self.directions))
                vectors = kernels.shift(clean, self.directions.take(pairs, axis=0), mask, radius)
            loss, grad_dense, grad_vectors = self._loss_and_gradients(vectors, mask, batch, step, 1)
            self._steps += 1  # from here on the weights and moments belong to the next step
            if self.directions is not None:
                touched, which = np.unique(pairs[mask], return_inverse=True)
                kernels.learn_directions(self.directions, touched, which, grad_vectors, mask, DIRECTION_RATE)
            if has_adversarial_pass(self.training, step):
                shifted = kernels.shift(clean, grad_vectors, mask, radius)
                _, more_dense, more_vectors = self._loss_and_gradients(shifted, mask, batch, step, 2)
                grad_dense += more_dense
                grad_vectors += more_vectors
            self._dropout(grad_vectors, dropout, step, 0)
            self._apply_gradients(grad_dense, self._embed_gradient(grad_vectors, batch), batch, rate)
        return loss

    def logits(self, batch: Batch) -> Float:
        """Return the outputs of the head without dropout, `(N, C) float32`."""
        vectors, mask = self._embed(batch), mask_of(batch)

        def compute(first: int, last: int) -> Float:
            return self._head(self._run_encoder(vectors, mask, first, last).pooled)

        with one_blas_thread():
            return np.concatenate(self._map_shares(compute, len(batch["lengths"])))

    def _head(self, pooled: Float) -> Float:
        """Return the logits, `(N, C)`, of pooled vectors, `(N, P)`."""
        return np.asarray(pooled @ self.dense["head/kernel"] + self.dense["head/bias"])

    def _pairs(self, batch: Batch, rows: int) -> NDArray[np.int64]:
        """Return each token's row, below `rows`, in the table of shared directions, `(T, N)`, for its word and the text's label.

        A text with several labels counts with its first, and a text without labels with label 0. The rows of padding are arbitrary.
        """
        words = np.append(batch["word_rows"][batch["type_words"]], 0).astype(np.int64)  # (M + 1,)
        pairs = words[batch["ids"].T] * self.classes + batch["targets"].argmax(axis=1)  # (T, N)
        return np.asarray(pairs % rows)

    def _loss_and_gradients(
        self, vectors: Float, mask: NDArray[np.bool_], batch: Batch, step: int, salt: int
    ) -> tuple[float, Float, Float]:
        """Return the mean loss, and its gradients for all dense weights, `(K,)`, and for the vectors, `(T, N, E)`."""
        grad_vectors, texts, options = np.empty_like(vectors), len(batch["lengths"]), self.training

        def compute(first: int, last: int) -> tuple[float, Float, Float, Float]:
            encoder = self._run_encoder(vectors, mask, first, last)
            pooled, gradient = encoder.pooled, np.zeros(len(self.values) - self._head_size, np.float32)
            start = first * pooled.shape[1]
            self._dropout(pooled, options.pooled_dropout, step, salt, start)
            targets = batch["targets"][first:last]
            weights = batch["weights"][first:last]
            logits, smoothing = self._head(pooled), options.label_smoothing
            loss, grad_logits = self._loss(logits, targets, weights, self.weights, smoothing)
            grad_logits /= np.float32(texts)
            grad_pooled = grad_logits @ self.dense["head/kernel"].T
            self._dropout(grad_pooled, options.pooled_dropout, step, salt, start)
            grad_vectors[:, first:last] = encoder.backpropagate(grad_pooled, self.views(gradient))
            return loss / texts, gradient, pooled, grad_logits

        losses, gradients, *parts = zip(*self._map_shares(compute, texts), strict=True)
        pooled, grad_logits = map(np.concatenate, parts)  # (N, P), (N, C)
        head = (pooled.T @ grad_logits).ravel(), grad_logits.sum(axis=0)
        return sum(losses), np.concatenate([sum(gradients[1:], gradients[0]), *head]), grad_vectors
