"""The GRU part for texts that are still coming."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import GRUConfig
from grutext.engines.numba.stream import NumbaStream
from grutext.engines.numpy.stream import NumpyStream, multiply_rows
from grutext.engines.stream import EncoderStream, State
from grutext.inference.gru_part import GRUPart
from grutext.text import TokenBatch

Float = NDArray[np.float32]

_TOKENS = 1 << 16  # that are read at a time, which bounds the memory: a word may have any number of them


class GRUStream:
    """Embedding, encoder and head of a bundle; its state of a text has the same size however long the text is.

    Args:
        config: The encoder's settings; `bidirectional` is false.
        weights: Arrays by the names of the spec.
        part: The same part for whole texts.
        compiled: Whether to use compiled kernels, where there are any, instead of NumPy.
    """

    def __init__(
        self, config: GRUConfig, weights: Mapping[str, NDArray[Any]], part: GRUPart, compiled: bool
    ) -> None:
        self._part, self._weights = part, weights
        has_kernels = compiled and config.reset_after and config.pooling != "attention"
        self._encoder: EncoderStream = (NumbaStream if has_kernels else NumpyStream)(config, weights)
        self.dtype = np.dtype(self._encoder.fields)

    def read(self, state: State, tokens: TokenBatch) -> None:
        """Read the next tokens of N texts, whose state is `(N,)` of `dtype` and is changed in place."""
        vectors, ids, lengths = self._part.embed(tokens), tokens.ids, tokens.lengths
        if len(ids) <= _TOKENS:
            self._encoder.read(state, vectors, ids, lengths)
            return
        places = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)  # in each text
        most = max(1, _TOKENS // len(lengths))
        for first in range(0, int(lengths.max()), most):
            types, own = np.unique(ids[places // most == first // most], return_inverse=True)
            counts = np.clip(lengths - first, 0, most)
            self._encoder.read(state, vectors[types], own.astype(np.int32), counts)

    def close(self, state: State) -> None:
        """Process what was held back, as if each text ended here."""
        self._encoder.close(state)

    def logits(self, state: State) -> Float:
        """Return the outputs of the head for texts that have been closed, `(N, C)`."""
        logits = multiply_rows(self._encoder.pool(state), self._weights["head/kernel"])
        logits += self._weights["head/bias"]
        return logits
