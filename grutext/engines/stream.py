"""What the engines share for texts that are still coming: what is kept of a text, and how it is read and pooled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import GRUConfig
from grutext.engines.layers import Float, Int32
from grutext.errors import SessionError

State = NDArray[np.void]

_LARGEST_SCORE = 600.0  # of attention: exp is finite and above 0 up to here


class EncoderStream(ABC):
    """Convolution, GRU layers and pooling of a forward encoder, for texts that are still coming.

    The states of many texts advance together, but none of them depends on the others, nor on how its tokens are cut into parts,
    not even in its last bits.

    The state of a text has the fields of `fields`: `tokens` read; `window`, the vectors of the last tokens, which the
    convolution needs; `steps` of the GRU, which are fewer until the window has been read; the last `states` of each layer; and
    what the pooling needs. Each engine can continue the state of another one.

    Args:
        config: The encoder's settings; `bidirectional` is false.
        weights: Arrays by the names of `grutext.model.spec.encoder_spec`.

    Raises:
        SessionError: The scores of the attention may be too large for sums that are not normalised.
    """

    def __init__(self, config: GRUConfig, weights: Mapping[str, NDArray[Any]]) -> None:
        self._config, self._weights = config, weights
        if config.pooling == "attention" and np.abs(weights["pool/query"]).sum() > _LARGEST_SCORE:
            raise SessionError("the attention's weights are too large for a session; train the model again")

    @property
    def fields(self) -> list[tuple[str, str, tuple[int, ...]]]:
        """The name, the dtype and the shape of each field of a text's state; a new text has zeros."""
        config = self._config
        fields: list[tuple[str, str, tuple[int, ...]]] = [
            ("tokens", "<i8", ()),
            ("steps", "<i8", ()),
            ("window", "<f4", (max(0, config.convolution - 1), config.embedding_size)),
            ("states", "<f4", (config.layers, config.units)),
        ]
        if "max" in config.pooling:
            fields.append(("largest", "<f4", (config.units,)))
        if "mean" in config.pooling or config.pooling == "attention":
            fields.append(("sums", "<f8", (config.units,)))
        if config.pooling == "attention":
            fields.append(("share", "<f8", (1,)))
        return fields

    @abstractmethod
    def read(self, state: State, vectors: Float, ids: Int32, lengths: Int32) -> None:
        """Read the next tokens of N texts.

        Args:
            state: `(N,)`, with the fields of `fields`; is changed in place.
            vectors: `(M, E)`, of the distinct tokens.
            ids: `(S,)`, the row in `vectors` of each token, text after text.
            lengths: `(N,)`, the number of new tokens of each text.
        """

    def close(self, state: State) -> None:
        """Read the last tokens, after which the convolution sees zeros, as if each text ended here."""
        if not self._config.convolution:
            return
        texts, after = len(state), self._config.convolution // 2
        zeros = np.zeros((1, self._config.embedding_size), np.float32)
        lengths = np.full(texts, after, np.int32)
        self.read(state, zeros, np.zeros(texts * after, np.int32), lengths)

    def pool(self, state: State) -> Float:
        """Return the vector of each text, `(N, P)`; zeros for an empty text. The state has been closed."""
        pooling = self._config.pooling
        if pooling == "last":
            return np.array(state["states"][:, -1])
        weights = state["share"] if pooling == "attention" else state["steps"][:, None]
        weights = np.where(weights > 0, weights, 1)
        names = {"max": "largest", "mean": "sums", "attention": "sums"}
        parts = [state[names[name]] for name in pooling.split("+")]
        scaled = [part / weights if part.dtype == np.float64 else part for part in parts]
        return np.concatenate(scaled, axis=1).astype(np.float32)
