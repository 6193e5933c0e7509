"""The encoder's layers in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import GRUConfig
from grutext.engines.layers import BatchLayout, Float, Int
from grutext.engines.numpy.gru import Layer, Source, run_layer
from grutext.engines.numpy.inputs import Convolution, DistinctTokens, Rows, with_ones
from grutext.engines.numpy.pooling import POOLINGS, States
from grutext.engines.numpy.workspace import WorkspacePool


class NumpyLayers:
    """Convolution, GRU layers and pooling of an encoder; see `grutext.engines.layers.Layers`.

    Args:
        config: Settings of the encoder.
        weights: Arrays by the names of `grutext.model.spec.encoder_spec`.
    """

    texts = 512  # with fewer, two threads wait for each other at each of many short steps

    def __init__(self, config: GRUConfig, weights: Mapping[str, NDArray[Any]]) -> None:
        self._config, self._weights = config, weights
        self._layers = [Layer.of(layer, config, weights) for layer in range(config.layers)]
        self._workspaces = WorkspacePool()

    def read(self, vectors: Float, ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> tuple[Source, Int]:
        """Return the input of the first layer, and the position of each text's first token; see `Layers.read`."""
        firsts = np.cumsum(lengths, dtype=np.int64) - lengths
        if not self._config.convolution:
            return DistinctTokens(vectors, ids, self._layers[0]), firsts
        # Each text gets a gap before and after it, so that the convolution does not see its neighbours.
        gap = self._config.convolution // 2
        shifts = gap * np.arange(1, len(lengths) + 1)
        spaced = np.full(len(ids) + gap * (len(lengths) + 1), len(vectors), np.int32)
        spaced[np.arange(len(ids)) + np.repeat(shifts, lengths)] = ids
        kernel, bias = self._weights["conv/kernel"], self._weights["conv/bias"]
        return Convolution(vectors, spaced, kernel, bias, self._layers[0]), firsts + shifts

    def pool(self, source: Source, batch: BatchLayout) -> Float:
        """Return the vectors of the texts of a batch, `(N, P)`; see `Layers.pool`."""
        units = self._config.units
        with self._workspaces.take() as workspace:
            for layer, above in zip(self._layers, self._layers[1:], strict=False):
                states = States(batch, units)
                run_layer(layer, batch, source, states, workspace)
                rows, batch = states.rows()
                source = Rows(with_ones(rows), above)
            pooling = POOLINGS[self._config.pooling](batch, units, self._weights)
            run_layer(self._layers[-1], batch, source, pooling, workspace)
        return pooling.pooled()
