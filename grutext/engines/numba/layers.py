"""The encoder's layers in compiled kernels, for prediction with `reset_after`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grutext.config import GRUConfig
from grutext.engines.layers import BatchLayout, Float, Int, attend, side_by_side
from grutext.model.spec import directions

_ROWS, _STEPS = 2048, 64  # largest number of tokens, and of steps, that are projected at a time


class _Layer(NamedTuple):
    """The weights of a layer's D directions, in the order of the arguments of `grutext.kernels.inference.run_layer`."""

    kernel: Float  # (D, I, 3U)
    recurrent: Float  # (D, U, 3U)
    bias: Float  # (D, 4, U)

    @classmethod
    def of(cls, layer: int, config: GRUConfig, weights: Mapping[str, NDArray[Any]]) -> _Layer:
        """Build layer number `layer` from arrays by the names of `grutext.model.spec.encoder_spec`."""
        names = [f"gru/{layer}/{direction}" for direction in directions(config)]
        spec_bias = np.stack([weights[f"{name}/bias"] for name in names]).reshape(-1, 2, 3, config.units)
        bias = np.concatenate([spec_bias[:, 0, :2] + spec_bias[:, 1, :2], spec_bias[:, :, 2]], axis=1)
        kernels, recurrents = (
            np.stack([weights[f"{name}/{kind}"] for name in names]) for kind in ("kernel", "recurrent_kernel")
        )
        return cls(*(np.ascontiguousarray(array, np.float32) for array in (kernels, recurrents, bias)))


class _Source(NamedTuple):
    """The input of a layer, in the order of the first arguments of `grutext.kernels.inference.run_layer`."""

    vectors: Float  # (M, I)
    products: Float  # (M, k, I)
    bias: Float  # (I,)
    projected: Float  # (D, M, 3U); (D, 0, 3U) if there is a convolution or a layer below
    ids: NDArray[np.int32]  # (S,)


class NumbaLayers:
    """Convolution, GRU layers and pooling of an encoder with `reset_after`; see `grutext.engines.layers.Layers`.

    Args:
        config: Settings of the encoder.
        weights: Arrays by the names of `grutext.model.spec.encoder_spec`.
    """

    texts = 64  # their states, gates and inputs fit into the processor's cache

    def __init__(self, config: GRUConfig, weights: Mapping[str, NDArray[Any]]) -> None:
        self._config, self._weights = config, weights
        self._layers = [_Layer.of(layer, config, weights) for layer in range(config.layers)]
        if config.convolution:
            self._bias = np.ascontiguousarray(weights["conv/bias"], np.float32)
            by_input = weights["conv/kernel"].transpose(1, 0, 2)  # (E, k, E)
            self._kernel = np.ascontiguousarray(by_input, np.float32)

    def read(self, vectors: Float, ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> tuple[_Source, Int]:
        """Return the input of the first layer, and the position of each text's first token; see `Layers.read`."""
        firsts = np.cumsum(lengths, dtype=np.int64) - lengths
        vectors = np.ascontiguousarray(vectors)
        if self._config.convolution:
            flat = vectors @ self._kernel.reshape(vectors.shape[1], -1)
            products = flat.reshape(len(vectors), *self._kernel.shape[1:])
            return _Source(vectors, products, self._bias, self._unprojected, ids), firsts
        return _plain(vectors, ids, vectors @ self._layers[0].kernel), firsts

    @property
    def _unprojected(self) -> Float:
        return np.empty((len(directions(self._config)), 0, 3 * self._config.units), np.float32)

    def pool(self, source: _Source, batch: BatchLayout) -> Float:
        """Return the vectors of the texts of a batch, `(N, P)`; see `Layers.pool`."""
        for layer in self._layers[:-1]:
            states, batch = self._states(source, batch, layer)
            source = _plain(states, np.arange(len(states), dtype=np.int32), self._unprojected)
        pooling = self._config.pooling
        if pooling == "attention":
            states, batch = self._states(source, batch, self._layers[-1])
            return attend(states, batch, self._weights)
        last, largest, sums, _ = self._run(source, batch, self._layers[-1], rows=0)
        means = (sums / batch.lengths[:, None]).astype(np.float32)
        parts = {"last": [last], "max": [largest], "mean": [means], "max+mean": [largest, means]}[pooling]
        return np.concatenate([side_by_side(part) for part in parts], axis=1)

    def _states(self, source: _Source, batch: BatchLayout, layer: _Layer) -> tuple[Float, BatchLayout]:
        """Return all states of a layer, `(S, D * U)`, and where the texts are in them."""
        ends = np.cumsum(batch.lengths)
        *_, states = self._run(source, batch, layer, rows=ends[-1])
        return states, BatchLayout(ends - batch.lengths, batch.lengths, batch.directions)

    def _run(
        self, source: _Source, batch: BatchLayout, layer: _Layer, rows: int
    ) -> tuple[Float, Float, NDArray[np.float64], Float]:
        """Return last states, maxima, sums, and `rows` rows of states: all of them, or 0."""
        from grutext.kernels.inference import run_layer

        states = np.empty((rows, batch.directions * self._config.units), np.float32)
        last, largest, sums = run_layer(*source, batch.firsts, batch.lengths, *layer, _ROWS, _STEPS, states)
        return last, largest, sums, states


def _plain(vectors: Float, ids: NDArray[np.int32], projected: Float) -> _Source:
    """Return the input of a layer that has no convolution below it."""
    size = vectors.shape[1]
    return _Source(
        vectors, np.empty((len(vectors), 0, size), np.float32), np.zeros(size, np.float32), projected, ids
    )
