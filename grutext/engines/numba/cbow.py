"""Pretraining of the embedding with Numba, without TensorFlow."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from grutext.config import Config
from grutext.engines.base import Batch
from grutext.engines.cbow import CBOW, initial_cbow
from grutext.engines.numba.trainable import Float, NumbaTrainable
from grutext.kernels.blas import one_blas_thread

_PART = (
    256  # predicted tokens that one core computes at a time; the parts do not depend on the number of cores
)


class NumbaCBOW(NumbaTrainable, CBOW):
    """Embedding with its optimizer, trained to predict tokens from their contexts; see `grutext.engines.cbow.CBOW`.

    Args:
        config: The whole configuration.
        rows: Rows V of the word table.
    """

    def __init__(self, config: Config, rows: int) -> None:
        super().__init__(config, initial_cbow(config, rows))

    def train_step(self, batch: Batch, step: int, rate: float) -> float:
        """Update the weights with one batch of contexts; see `Trainable.train_step`."""
        every = batch | {"ids": np.arange(len(batch["type_words"]), dtype=np.int32)[None]}
        with one_blas_thread():
            vectors = self._embed(every)[:, 0]  # (M, E)
            loss, grad_dense, grad_vectors = self._loss_and_gradients(vectors, batch, step)
            self._steps += 1
            grad_rows = self._embed_gradient(grad_vectors[:, None], every)
            self._apply_gradients(grad_dense, grad_rows, batch, rate)
        return loss

    def _loss_and_gradients(self, vectors: Float, batch: Batch, step: int) -> tuple[float, Float, Float]:
        """Return the mean loss, and its gradients for the dense weights and for the types' vectors, `(M, E)`."""
        from grutext.kernels import training as kernels

        count, width = len(batch["contexts"]), vectors.shape[1]
        candidates = vectors[batch["predicted_types"]]  # (K, E)
        scales, kernel, bias = self.dense.values()

        def compute(first: int, last: int) -> tuple[float, Float, Float]:
            contexts, targets = batch["contexts"][first:last], batch["predicted"][first:last]
            means = kernels.mean_contexts(vectors, scales, contexts)  # (H, E)
            self._dropout(means, self.training.embedding_dropout, step, 0, first * width)
            outputs = means @ kernel + bias  # (H, E)
            scores = outputs @ candidates.T  # (H, K)
            loss = kernels.cross_entropy(scores, targets)
            grad_scores = scores  # (H, K)
            grad_scores /= np.float32(count)
            grad_outputs = grad_scores @ candidates  # (H, E)
            grad_means = grad_outputs @ kernel.T  # (H, E)
            self._dropout(grad_means, self.training.embedding_dropout, step, 0, first * width)
            grad_vectors, grad_scales = kernels.mean_contexts_gradient(grad_means, vectors, scales, contexts)
            grad_vectors[batch["predicted_types"]] += grad_scores.T @ outputs
            head = (means.T @ grad_outputs).ravel(), grad_outputs.sum(axis=0)
            return loss, np.concatenate([grad_scales.ravel(), *head]), grad_vectors

        cuts = [*range(0, count, _PART), count]
        losses, grad_dense, grad_vectors = zip(*self._map(compute, list(pairwise(cuts))), strict=True)
        return sum(losses) / count, sum(grad_dense), sum(grad_vectors)
