"""Embedding and encoder as machine code lets them learn from texts without labels; see `grutext.engines.keras.masked_lm.NumbaMaskedLM`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.engines.base import Batch
from grutext.engines.numba.network import Float, NumbaNetwork, mask_of
from grutext.kernels.blas import one_blas_thread


class NumbaMaskedLM(NumbaNetwork):
    """Tells hidden tokens from the states where they are.

    A state goes through the head to a vector, E wide, whose products with the vectors of all types that the batch
    hides are their scores. The arguments are those of `NumbaNetwork`; the labels are as many as an embedding is wide.
    """

    def train_step(self, batch: Batch, step: int, rate: float) -> float:
        """Learns from one batch that `grutext.training.gru.masking.mask_tokens` gave; returns the mean loss of the hidden tokens."""
        with one_blas_thread():
            of_types = batch | {"ids": batch["masked_types"][None]}
            vectors, wanted = self._embed(batch), self._embed(of_types)[:, 0]  # (T, N, E), (K, E)
            self._drop(vectors, self.training.embedding_dropout, step, 0)
            loss, gradient, pull, of_wanted = self._guess(vectors, wanted, batch)
            self.steps += 1
            self._drop(pull, self.training.embedding_dropout, step, 0)
            of_rows = self._row_gradients(pull, batch)
            more = self._row_gradients(of_wanted[:, None], of_types)
            self._move(gradient, [a + b for a, b in zip(of_rows, more, strict=True)], batch, rate)
        return loss

    def _guess(self, vectors: Float, wanted: Float, batch: Batch) -> tuple[float, Float, Float, Float]:
        """Gives the mean loss, and its gradient for all dense weights, for the token vectors and for the wanted ones."""
        from grutext.kernels import training as kernels

        mask, pull = mask_of(batch), np.empty_like(vectors)
        steps, columns = np.divmod(batch["masked_positions"], mask.shape[1])
        kernel, bias = self.dense["head/kernel"], self.dense["head/bias"]
        ones = np.ones(len(wanted), np.float32)

        def learn(first: int, last: int) -> tuple[Any, ...]:
            way = self._set_out(vectors, mask, first, last)
            own = (first <= columns) & (columns < last)
            at = steps[own], columns[own] - first
            states = way.states  # (T, N, D * U)
            upstream = np.zeros_like(states)
            states = states[at]  # (H, D * U)
            guesses = states @ kernel + bias  # (H, E)
            loss, of_scores = kernels.softmax_loss(
                guesses @ wanted.T, _one_hot(batch["masked_targets"][own], len(wanted)), ones, 0.0
            )
            of_scores /= np.float32(len(columns))  # (H, K)
            of_guesses = of_scores @ wanted
            upstream[at] = of_guesses @ kernel.T
            gradient = np.zeros(len(self.values) - self._head_size, np.float32)
            pull[:, first:last] = way.back_from_states(upstream, self._named(gradient))
            of_head = (states.T @ of_guesses).ravel(), of_guesses.sum(axis=0)
            return loss, np.concatenate([gradient, *of_head]), of_scores.T @ guesses

        losses, gradients, of_wanted = zip(*self._share(learn, mask.shape[1]), strict=True)
        return sum(losses) / len(columns), sum(gradients), pull, sum(of_wanted)


def _one_hot(answers: NDArray[np.int32], count: int) -> Float:
    targets = np.zeros((len(answers), count), np.float32)
    targets[np.arange(len(answers)), answers] = 1.0
    return targets
