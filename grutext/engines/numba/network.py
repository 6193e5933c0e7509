"""The GRU part as machine code trains it, without TensorFlow: the same steps as `grutext.engines.keras.network.Network`.

TensorFlow starts hundreds of operations for a training step, some for each step of a GRU; with short texts that takes most of
the time. Here each core takes a share of a batch's texts all the way and back.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.engines.base import Batch
from grutext.engines.numba.encoder import EncoderPass
from grutext.kernels.blas import one_blas_thread
from grutext.kernels.cores import usable_cores
from grutext.model.initial import Arrays, initial_arrays

Float = NDArray[np.float32]
_TABLES = ("embedding/words", "embedding/subwords")
_LEAST_SHARE = 16  # texts
_BETA2, _TABLE_BETA2 = 0.999, 0.99  # these five as in `grutext.engines.keras`
_EVERY = 2
_MOST_ROWS, _DIRECTION_RATE = 65_536, 0.3


class NumbaNetwork:
    """Embedding, encoder and head with their optimizer.

    Args:
        config: The whole configuration.
        rows: Rows V of the word table.
        classes: Number C of labels.
        head: `softmax` or `sigmoid`.
        weights: `(C,)`, how much the texts of each label count; all the same if left out.
    """

    def __init__(
        self, config: Config, rows: int, classes: int, head: str, weights: NDArray[np.float32] | None = None
    ) -> None:
        from grutext.kernels import training as kernels

        self.model, self.training, self.classes = config.gru, config.training, classes
        self.weights = np.ones(classes, np.float32) if weights is None else weights.astype(np.float32)
        self._loss = {"softmax": kernels.softmax_loss, "sigmoid": kernels.sigmoid_loss}[head]
        first = initial_arrays(config, rows, classes, head == "sigmoid")
        self.tables = {name: first.pop(name) for name in _TABLES if name in first}
        self._shapes = {name: array.shape for name, array in first.items()}
        flat = np.concatenate([array.ravel() for array in first.values()])
        self.values, self.dense = flat, self._named(flat)
        self._head_size = first["head/kernel"].size + first["head/bias"].size  # it comes last
        self.steps = 0
        self._moments = {
            f"{moment}/{name}": np.zeros_like(array)
            for moment in ("first", "second")
            for name, array in ({"dense": flat} | self.tables).items()
        }
        shares = self.training.adversarial_radius > 0 and self.training.adversarial_direction == "shared"
        size = config.gru.embedding_size
        self.directions = np.zeros((min(rows * classes, _MOST_ROWS), size), np.float32) if shares else None
        cores = usable_cores()
        self._cores, self._pool = cores, ThreadPoolExecutor(cores, "learner")

    def train_step(self, batch: Batch, step: int, rate: float) -> float:
        """Learns from one batch; arguments and result are those of `grutext.engines.keras.network.Network.train_step`."""
        from grutext.kernels import training as kernels

        radius = self.training.adversarial_radius
        twice = radius > 0 and self.directions is None and step % _EVERY == 0
        with one_blas_thread():
            mask = mask_of(batch)
            vectors = self._embed(batch)
            self._drop(vectors, self.training.embedding_dropout, step, 0)
            seen = vectors
            if self.directions is not None:
                pairs = self._pairs(batch)
                seen = kernels.shift(vectors, self.directions.take(pairs, axis=0), mask, radius)
            loss, gradient, pull = self._pass(seen, mask, batch, step, 1)
            self.steps += 1  # from here on nothing is as it was after the step before
            if self.directions is not None:
                touched, places = np.unique(pairs[mask], return_inverse=True)
                kernels.learn_directions(self.directions, touched, places, pull, mask, _DIRECTION_RATE)
            if twice:
                _, more, more_pull = self._pass(
                    kernels.shift(vectors, pull, mask, radius), mask, batch, step, 2
                )
                gradient += more
                pull += more_pull
            self._drop(pull, self.training.embedding_dropout, step, 0)
            self._move(gradient, self._row_gradients(pull, batch), batch, rate)
        return loss

    def logits(self, batch: Batch) -> Float:
        """Gives the head's outputs for a batch, `(N, C)`, without dropout."""
        vectors, mask = self._embed(batch), mask_of(batch)

        def answer(first: int, last: int) -> Float:
            return self._head(self._set_out(vectors, mask, first, last).pooled)

        with one_blas_thread():
            return np.concatenate(self._share(answer, len(batch["lengths"])))

    def arrays(self) -> Arrays:
        """Gives a copy of the present weights by the spec's names, all `float32`."""
        return {name: array.copy() for name, array in (self.tables | self.dense).items()}

    def assign(self, arrays: Arrays) -> None:
        """Takes weights by the spec's names."""
        _fill(self.tables | self.dense, arrays)

    def state(self) -> Arrays:
        """Gives a copy of what training remembers besides the weights, by name."""
        kept = {name: array.copy() for name, array in self._remembered().items()}
        return kept | {"steps": np.array(self.steps, np.int64)}

    def resume(self, state: Arrays) -> None:
        """Takes what `state` gave.

        Raises:
            KeyError: Something is missing; or ValueError: it has another shape.
        """
        _fill(self._remembered(), state)
        self.steps = int(state["steps"])

    def _remembered(self) -> Arrays:
        return self._moments | ({} if self.directions is None else {"directions": self.directions})

    def _named(self, flat: Float) -> dict[str, Float]:
        """Gives the parts of a vector of all dense weights by their names, as views; of a shorter one, those it has."""
        views, at = {}, 0
        for name, shape in self._shapes.items():
            size = int(np.prod(shape))
            if at == len(flat):
                break
            views[name] = flat[at : at + size].reshape(shape)
            at += size
        return views

    def _embed(self, batch: Batch) -> Float:
        """Gives the token vectors `(T, N, E)`."""
        from grutext.kernels import training as kernels

        words, *others = self.tables.values()
        subwords = others[0] if others else np.zeros((0, words.shape[1]), np.float32)
        names = ("ids", "word_rows", "type_words", "bucket_rows", "type_buckets", "type_of_bucket")
        return np.asarray(kernels.embed(words, subwords, *(batch[name] for name in names)))

    def _row_gradients(self, pull: Float, batch: Batch) -> list[Float]:
        """Gives the gradients for the touched rows of each table."""
        from grutext.kernels import training as kernels

        counts = len(batch["word_rows"]), len(batch["bucket_rows"]) if len(self.tables) > 1 else 0
        names = ("ids", "type_words", "type_buckets", "type_of_bucket")
        found = kernels.embed_gradient(pull, *(batch[name] for name in names), *counts)
        return list(found[: len(self.tables)])

    def _pairs(self, batch: Batch) -> NDArray[np.int64]:
        """Gives the row of each token's direction, `(T, N)`; see `grutext.engines.keras.directions.Directions`."""
        words = np.append(batch["word_rows"][batch["type_words"]], 0).astype(np.int64)  # (M + 1,)
        assert self.directions is not None
        rows = words[batch["ids"].T] * self.classes + batch["targets"].argmax(axis=1)  # (T, N)
        return np.asarray(rows % len(self.directions))

    def _pass(
        self, vectors: Float, mask: NDArray[np.bool_], batch: Batch, step: int, salt: int
    ) -> tuple[float, Float, Float]:
        """Gives the mean loss, its gradient for all dense weights, `(K,)`, and for the token vectors, `(T, N, E)`."""
        pull, texts, options = np.empty_like(vectors), len(batch["lengths"]), self.training

        def learn(first: int, last: int) -> tuple[float, Float, Float, Float]:
            way = self._set_out(vectors, mask, first, last)
            pooled, gradient = way.pooled, np.zeros(len(self.values) - self._head_size, np.float32)
            self._drop(pooled, options.pooled_dropout, step, salt, first * pooled.shape[1])
            targets = batch["targets"][first:last]
            loss, of_logits = self._loss(self._head(pooled), targets, self.weights, options.label_smoothing)
            of_logits /= np.float32(texts)
            of_pooled = of_logits @ self.dense["head/kernel"].T
            self._drop(of_pooled, options.pooled_dropout, step, salt, first * pooled.shape[1])
            pull[:, first:last] = way.back(of_pooled, self._named(gradient))
            return loss / texts, gradient, pooled, of_logits

        losses, gradients, *parts = zip(*self._share(learn, texts), strict=True)
        pooled, of_logits = map(np.concatenate, parts)  # (N, P), (N, C)
        head = (pooled.T @ of_logits).ravel(), of_logits.sum(axis=0)
        return sum(losses), np.concatenate([sum(gradients[1:], gradients[0]), *head]), pull

    def _set_out(self, vectors: Float, mask: NDArray[np.bool_], first: int, last: int) -> EncoderPass:
        """Takes some of the texts through the encoder."""
        steps, there = np.ascontiguousarray(vectors[:, first:last]), np.ascontiguousarray(mask[:, first:last])
        return EncoderPass(self.model, self.dense, steps, there)

    def _head(self, pooled: Float) -> Float:
        """Gives the logits `(N, C)` of pooled vectors `(N, P)`."""
        return np.asarray(pooled @ self.dense["head/kernel"] + self.dense["head/bias"])

    def _share(self, work: Any, texts: int) -> list[Any]:
        """Gives what `work` makes of each core's share of the texts, from the first to the last."""
        shares = max(1, min(self._cores, texts // _LEAST_SHARE))
        cuts = [texts * share // shares for share in range(shares + 1)]
        return list(self._pool.map(work, cuts[:-1], cuts[1:]))

    def _drop(self, values: Float, rate: float, step: int, salt: int, first: int = 0) -> None:
        """Sets a share of the values to zero, decided by the seed, the step and the place in the step; in place."""
        from grutext.kernels import training as kernels

        if rate:
            seed = np.random.SeedSequence([self.training.seed, step, salt]).generate_state(1)[0]
            kernels.drop(values.reshape(-1), rate, seed, first)

    def _move(self, gradient: Float, of_rows: list[Float], batch: Batch, rate: float) -> None:
        """Lets Adam move the dense weights and the touched rows; see `grutext.engines.keras.adam.Adam`."""
        from grutext.kernels import training as kernels

        parts = [gradient, *of_rows]
        norm = float(np.sqrt(sum(float(np.vdot(part, part)) for part in parts)))
        factor = self.training.clip_norm / max(norm, self.training.clip_norm) if np.isfinite(norm) else norm
        moments = [self._moments["first/dense"], self._moments["second/dense"]]
        row = [
            array[None] for array in (self.values, *moments)
        ]  # all dense weights are the one row of a table
        kernels.move(*row, np.zeros(1, np.int32), gradient[None], factor, rate, _BETA2, self.steps)
        fast = rate * self.training.table_rate
        for (name, table), rows, part in zip(
            self.tables.items(), ("word_rows", "bucket_rows"), of_rows, strict=False
        ):
            moments = [self._moments[f"first/{name}"], self._moments[f"second/{name}"]]
            kernels.move(table, *moments, batch[rows], part, factor, fast, _TABLE_BETA2, self.steps)


def mask_of(batch: Batch) -> NDArray[np.bool_]:
    """Tells where real tokens are, `(T, N)`."""
    return np.asarray(np.arange(batch["ids"].shape[1])[:, None] < batch["lengths"])


def _fill(arrays: Arrays, values: Arrays) -> None:
    """Puts values into the arrays of the same names."""
    for name, array in arrays.items():
        if values[name].shape != array.shape:
            raise ValueError(f"{name}, which is {values[name].shape} and should be {array.shape}")
        array[...] = values[name]
