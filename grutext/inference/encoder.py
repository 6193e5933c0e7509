"""The encoder: from the vectors of distinct tokens to one vector for each text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import GRUConfig
from grutext.engines.layers import BatchLayout, Float, Int32, Layers
from grutext.engines.numba.layers import NumbaLayers
from grutext.engines.numpy.layers import NumpyLayers
from grutext.model.spec import directions, pooled_width


class Encoder:
    """Convolution, GRU layers and pooling; immutable.

    With one layer and any pooling but `attention` no states are stored. Memory then holds the ids of the tokens, some
    kilobytes for each distinct token, and one vector for each text, however long the texts are.

    Args:
        config: The encoder's settings.
        weights: Arrays by the names of `grutext.model.spec.encoder_spec`.
        compiled: Whether to use compiled kernels instead of NumPy; they only support `reset_after=True`.
    """

    def __init__(
        self, config: GRUConfig, weights: Mapping[str, NDArray[Any]], compiled: bool = False
    ) -> None:
        self._config = config
        kind = NumbaLayers if compiled and config.reset_after else NumpyLayers
        self._layers: Layers = kind(config, weights)

    def encode(self, vectors: Float, ids: Int32, lengths: Int32) -> Float:
        """Return the vector of each of N texts, from the vectors of their distinct tokens.

        Args:
            vectors: `(M, E)`, one for each distinct token (or numeric step).
            ids: `(S,)`, the row in `vectors` of each token, text after text.
            lengths: `(N,)`, the number of tokens in each text.

        Returns:
            `(N, P) float32` in the order of `lengths`; zeros for an empty text.
        """
        pooled = np.zeros((len(lengths), pooled_width(self._config)), np.float32)
        source, firsts = self._layers.read(vectors, ids, lengths)
        order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
        for start in range(0, len(order), self._layers.texts):
            texts = order[start : start + self._layers.texts]
            batch = BatchLayout(firsts[texts], lengths[texts].astype(np.int64), len(directions(self._config)))
            pooled[texts] = self._layers.pool(source, batch)
        return pooled
