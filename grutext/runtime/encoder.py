"""The encoder in NumPy: vectors of distinct tokens to one vector for each text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import ModelConfig
from grutext.model.spec import directions, pooled_width
from grutext.runtime.gru import Batch, Float, Int, Layer, Source, run_layer
from grutext.runtime.pooling import POOLINGS, States
from grutext.runtime.room import Room, Rooms
from grutext.runtime.sources import Convolution, DistinctTokens, Rows, with_ones

_TEXTS = 512  # that step together: with fewer, two threads wait for each other at each of many short steps


class Encoder:
    """Convolution, GRU layers and pooling; immutable.

    Of one layer and a pooling other than `attention`, no states are kept: the memory grows neither with the
    length of the texts, beyond their ids and some kilobytes for each distinct token, nor with their number,
    beyond their vectors.

    Args:
        config: The encoder's settings.
        weights: Arrays by the names of `grutext.model.spec.encoder_spec`.
        compiled: Whether the loops are those of `grutext.loops.answering`, where it has them.
    """

    def __init__(
        self, config: ModelConfig, weights: Mapping[str, NDArray[Any]], compiled: bool = False
    ) -> None:
        self._config, self._weights = config, weights
        self._layers = [Layer.of(layer, config, weights, compiled) for layer in range(config.layers)]
        self._rooms = Rooms()

    def encode(self, vectors: Float, ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> Float:
        """Gives the vectors of N texts from the vectors of their distinct tokens.

        Args:
            vectors: `(M, E)`, one for each distinct token (or numeric step).
            ids: `(S,)`, the row in `vectors` of each token, text after text.
            lengths: `(N,)`, tokens in each text.

        Returns:
            `(N, P) float32` in the order of `lengths`; zeros for an empty text.
        """
        pooled = np.zeros((len(lengths), pooled_width(self._config)), np.float32)
        source, firsts = self._read(vectors, ids, lengths)
        order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
        with self._rooms.take() as room:
            for start in range(0, len(order), _TEXTS):
                texts = order[start : start + _TEXTS]
                batch = Batch(firsts[texts], lengths[texts].astype(np.int64), len(directions(self._config)))
                pooled[texts] = self._pool(source, batch, room)
        return pooled

    def _read(self, vectors: Float, ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> tuple[Source, Int]:
        """Gives what the first layer reads, and the position of each text's first token in it."""
        firsts = np.cumsum(lengths, dtype=np.int64) - lengths
        if not self._config.convolution:
            return DistinctTokens(vectors, ids, self._layers[0]), firsts
        gap = self._config.convolution // 2
        shifts = gap * np.arange(1, len(lengths) + 1)
        spaced = np.full(len(ids) + gap * (len(lengths) + 1), len(vectors), np.int32)
        spaced[np.arange(len(ids)) + np.repeat(shifts, lengths)] = ids
        kernel, bias = self._weights["conv/kernel"], self._weights["conv/bias"]
        return Convolution(vectors, spaced, kernel, bias, self._layers[0]), firsts + shifts

    def _pool(self, source: Source, batch: Batch, room: Room) -> Float:
        """Gives the vectors `(n, P)` of the texts of a batch."""
        units = self._config.units
        for layer, above in zip(self._layers, self._layers[1:], strict=False):
            states = States(batch, units)
            run_layer(layer, batch, source, states, room)
            rows, batch = states.rows()
            source = Rows(with_ones(rows), above)
        pooling = POOLINGS[self._config.pooling](batch, units, self._weights)
        run_layer(self._layers[-1], batch, source, pooling, room)
        return pooling.pooled()
