"""The encoder for texts that are still coming, in compiled kernels: with `reset_after`, and any pooling but `attention`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import GRUConfig
from grutext.engines.layers import Float, Int32
from grutext.engines.stream import EncoderStream, State


class NumbaStream(EncoderStream):
    """Convolution, GRU layers and pooling in compiled kernels, for texts that are still coming.

    Args:
        config: The encoder's settings; `bidirectional` is false, `reset_after` true, and `pooling` not `attention`.
        weights: Arrays by the names of `grutext.model.spec.encoder_spec`.
    """

    def __init__(self, config: GRUConfig, weights: Mapping[str, NDArray[Any]]) -> None:
        super().__init__(config, weights)
        self._layers = [_layer_weights(layer, config, weights) for layer in range(config.layers)]
        if config.convolution:
            self._kernel = np.ascontiguousarray(weights["conv/kernel"], np.float32)  # (k, E, E)
            self._bias = np.ascontiguousarray(weights["conv/bias"], np.float32)

    def read(self, state: State, vectors: Float, ids: Int32, lengths: Int32) -> None:
        """Read the next tokens of N texts; see `EncoderStream.read`."""
        from grutext.kernels import sessions as kernels

        kept = {name: np.array(state[name], order="C") for name in state.dtype.names or ()}
        if self._config.convolution:
            states, steps = kernels.convolve_next(
                vectors, self._kernel, self._bias, ids, lengths, kept["window"], kept["tokens"]
            )
        else:
            states, steps = vectors.take(ids, axis=0), lengths.astype(np.int64)
            kept["tokens"] += steps
        for layer, weights in enumerate(self._layers):
            last = np.array(kept["states"][:, layer])
            states = kernels.run_next(states, steps, last, *weights)
            kept["states"][:, layer] = last
        none = np.empty((len(state), 0))
        largest, sums = kept.get("largest", none.astype(np.float32)), kept.get("sums", none)
        kernels.pool_next(states, steps, kept["steps"], largest, sums)
        for name, values in kept.items():
            state[name] = values


def _layer_weights(
    layer: int, config: GRUConfig, weights: Mapping[str, NDArray[Any]]
) -> tuple[Float, Float, Float]:
    """Return the kernel, the recurrent kernel and the biases of a layer, as `grutext.kernels.sessions.run_next` takes them."""
    kernel, recurrent, bias = (
        np.ascontiguousarray(weights[f"gru/{layer}/forward/{name}"], np.float32)
        for name in ("kernel", "recurrent_kernel", "bias")
    )
    outside, inside = bias.reshape(2, 3, config.units)
    return (
        kernel,
        recurrent,
        np.stack([outside[0] + inside[0], outside[1] + inside[1], outside[2], inside[2]]),
    )
