"""What the networks that Numba trains share: the weights, their embedding and encoder, dropout and Adam.

TensorFlow starts hundreds of operations for a training step, several for each step of a GRU, and with short texts most
of the time is spent on that. Here each core runs the forward and the backward pass on a share of the texts of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.engines.base import (
    ADAM_BETA1,
    ADAM_BETA2,
    ADAM_EPSILON,
    ROWS_OF_TABLE,
    TABLE_BETA2,
    Batch,
    Trainable,
)
from grutext.engines.numba.encoder import EncoderPass
from grutext.kernels.blas import one_blas_thread
from grutext.kernels.cores import usable_cores
from grutext.model.initial import Arrays

Float = NDArray[np.float32]
_T = TypeVar("_T")
_LEAST_SHARE = 16  # texts for each core; with fewer, threads cost more than they save


class NumbaTrainable(Trainable):
    """Embedding, encoder and head with their optimizer.

    Args:
        config: The whole configuration.
        arrays: The initial weights by name; those of the head come last.

    Attributes:
        gru: Settings of the GRU part.
        training: Settings of the training.
        tables: The embedding tables by name.
        dense: All other weights by name, as views of `values`.
        values: All other weights as one vector; those of the head come last.
    """

    is_thread_safe = True

    def __init__(self, config: Config, arrays: Arrays) -> None:
        self.gru, self.training = config.gru, config.training
        self.tables = {name: arrays.pop(name) for name in ROWS_OF_TABLE if name in arrays}
        self._shapes = {name: array.shape for name, array in arrays.items()}
        self.values = np.concatenate([array.ravel() for array in arrays.values()])
        self.dense = self.views(self.values)
        self._head_size = arrays["head/kernel"].size + arrays["head/bias"].size
        self._steps = 0
        self._remembered: Arrays = {
            f"{moment}/{name}": np.zeros_like(array)
            for moment in ("first", "second")
            for name, array in ({"dense": self.values} | self.tables).items()
        }
        self._cores = usable_cores()
        self._threads = ThreadPoolExecutor(self._cores, "grutext-training")

    @property
    def steps(self) -> int:
        """Number of updates so far."""
        return self._steps

    def arrays(self) -> Arrays:
        """Return a copy of the weights; see `Trainable`."""
        return {name: array.copy() for name, array in (self.tables | self.dense).items()}

    def assign(self, arrays: Arrays) -> None:
        """Set the weights; see `Trainable`."""
        _fill(self.tables | self.dense, arrays)

    def state(self) -> Arrays:
        """Return a copy of what training needs besides the weights; see `Trainable`."""
        copies = {name: array.copy() for name, array in self._remembered.items()}
        return copies | {"steps": np.array(self._steps, np.int64)}

    def resume(self, state: Arrays) -> None:
        """Set what `state` returned; see `Trainable`."""
        _fill(self._remembered, state)
        self._steps = int(state["steps"])

    def views(self, flat: Float) -> dict[str, Float]:
        """Return the parts of a vector of all dense weights by name; a shorter vector has only the first ones."""
        views, start = {}, 0
        for name, shape in self._shapes.items():
            if start == len(flat):
                break
            end = start + int(np.prod(shape))
            views[name] = flat[start:end].reshape(shape)
            start = end
        return views

    def _embed(self, batch: Batch) -> Float:
        """Return the token vectors, `(T, N, E)`: a word row plus the mean of the subword rows; zeros for padding."""
        from grutext.kernels import training as kernels

        words, *others = self.tables.values()
        subwords = others[0] if others else np.zeros((0, words.shape[1]), np.float32)
        names = ("ids", "word_rows", "type_words", "bucket_rows", "type_buckets", "type_of_bucket")
        return np.asarray(kernels.embed(words, subwords, *(batch[name] for name in names)))

    def _embed_gradient(self, grad_vectors: Float, batch: Batch) -> list[Float]:
        """Return the gradients for the rows that the batch uses, `(R, E)` for each table, from `(T, N, E)`."""
        from grutext.kernels import training as kernels

        counts = len(batch["word_rows"]), len(batch["bucket_rows"]) if len(self.tables) > 1 else 0
        names = ("ids", "type_words", "type_buckets", "type_of_bucket")
        grad_rows = kernels.embed_gradient(grad_vectors, *(batch[name] for name in names), *counts)
        return list(grad_rows[: len(self.tables)])

    def _run_encoder(self, vectors: Float, mask: NDArray[np.bool_], first: int, last: int) -> EncoderPass:
        """Run the encoder forward on the texts from `first` to before `last`."""
        steps, real = np.ascontiguousarray(vectors[:, first:last]), np.ascontiguousarray(mask[:, first:last])
        return EncoderPass(self.gru, self.dense, steps, real)

    def _map_shares(self, work: Callable[[int, int], _T], texts: int) -> list[_T]:
        """Return the results of `work(first, last)` for each core's share of the texts, in their order."""
        shares = max(1, min(self._cores, texts // _LEAST_SHARE))
        cuts = [texts * share // shares for share in range(shares + 1)]
        return self._map(work, list(pairwise(cuts)))

    def _map(self, work: Callable[[int, int], _T], parts: Sequence[tuple[int, int]]) -> list[_T]:
        """Return the results of `work(first, last)` for each part, in their order; all cores work on them."""

        def run(part: tuple[int, int]) -> _T:
            with one_blas_thread():  # again in each thread: some libraries limit each thread by itself
                return work(*part)

        return list(self._threads.map(run, parts))

    def _dropout(self, values: Float, rate: float, step: int, salt: int, first: int = 0) -> None:
        """Set a share `rate` of the values to zero and scale up the others, in place.

        The seed, the step, the salt and the position of a value, counted from `first`, decide which are dropped. So the same
        call with gradients computes the gradient of dropout.
        """
        from grutext.kernels import training as kernels

        if rate:
            seed = np.random.SeedSequence([self.training.seed, step, salt]).generate_state(1)[0]
            kernels.drop(values.reshape(-1), rate, seed, first)

    def _apply_gradients(self, grad_dense: Float, grad_rows: list[Float], batch: Batch, rate: float) -> None:
        """Update the dense weights and the rows that the batch uses by Adam, with the global gradient norm clipped.

        If the norm is not finite, every weight becomes NaN, so that the next loss shows it.
        """
        from grutext.kernels import training as kernels

        gradients = [grad_dense, *grad_rows]
        norm = float(np.sqrt(sum(float(np.vdot(gradient, gradient)) for gradient in gradients)))
        clip = self.training.clip_norm
        scale = clip / max(norm, clip) if np.isfinite(norm) else norm
        moments = [self._remembered["first/dense"], self._remembered["second/dense"]]
        # All dense weights are treated as a table of one row.
        dense = [array[None] for array in (self.values, *moments)]
        adam = ADAM_BETA1, ADAM_BETA2, ADAM_EPSILON
        kernels.adam_step(*dense, np.zeros(1, np.int32), grad_dense[None], scale, rate, *adam, self._steps)
        adam = ADAM_BETA1, TABLE_BETA2, ADAM_EPSILON
        table_rate = rate * self.training.table_rate
        for (name, table), gradient in zip(self.tables.items(), grad_rows, strict=True):
            moments = [self._remembered[f"first/{name}"], self._remembered[f"second/{name}"]]
            rows = batch[ROWS_OF_TABLE[name]]
            kernels.adam_step(table, *moments, rows, gradient, scale, table_rate, *adam, self._steps)


def mask_of(batch: Batch) -> NDArray[np.bool_]:
    """Return where the real tokens are, `(T, N)`."""
    return np.asarray(np.arange(batch["ids"].shape[1])[:, None] < batch["lengths"])


def _fill(arrays: Arrays, values: Arrays) -> None:
    """Copy values into the arrays of the same names."""
    for name, array in arrays.items():
        if values[name].shape != array.shape:
            raise ValueError(f"{name} has the shape {values[name].shape}, not {array.shape}")
        array[...] = values[name]
