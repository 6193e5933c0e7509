"""The deep part in NumPy: tokens to vectors, GRU layers, pooling, head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import ModelConfig
from grutext.model.spec import directions
from grutext.runtime.gru import Float, Packing, run_gru
from grutext.runtime.pooling import POOLINGS
from grutext.text import TokenBatch


class DeepPart:
    """Embedding, GRU encoder and head of a bundle; immutable.

    Args:
        config: The encoder's settings.
        weights: Arrays by the names of the spec.
    """

    def __init__(self, config: ModelConfig, weights: Mapping[str, NDArray[Any]]) -> None:
        self.config = config
        self.weights = dict(weights)

    def encode(self, tokens: TokenBatch) -> Float:
        """Gives the vectors of N texts, `(N, P) float32`; zeros for an empty text."""
        return encode(self.embed(tokens), tokens.ids, tokens.lengths, self.config, self.weights)

    def logits(self, pooled: Float) -> Float:
        """Gives the head's outputs `(N, C)` for the texts' vectors `(N, P)`."""
        logits: Float = pooled @ self.weights["head/kernel"] + self.weights["head/bias"]
        return logits

    def embed(self, tokens: TokenBatch) -> Float:
        """Gives the vectors of the M distinct tokens, `(M, E)`: a word row plus the mean subword row."""
        vectors = self.weights["embedding/words"][tokens.rows].astype(np.float32)
        if "embedding/subwords" not in self.weights or not len(tokens.buckets):
            return vectors
        counts = tokens.bucket_counts
        rows = self.weights["embedding/subwords"][tokens.buckets].astype(np.float32)  # (K, E)
        has = counts > 0
        starts = (np.cumsum(counts) - counts)[has]
        vectors[has] += np.add.reduceat(rows, starts, axis=0) / counts[has, None]
        return vectors


def encode(
    vectors: Float,
    ids: NDArray[np.int32],
    lengths: NDArray[np.int32],
    config: ModelConfig,
    weights: Mapping[str, NDArray[Any]],
) -> Float:
    """Gives the vectors of N texts from the vectors of their distinct tokens.

    Args:
        vectors: `(M, E)`, one for each distinct token (or numeric step).
        ids: `(S,)`, the row in `vectors` of each token, text after text.
        lengths: `(N,)`, tokens in each text.
        config: The encoder's settings.
        weights: Arrays by the names of `grutext.model.spec.encoder_spec`.

    Returns:
        `(N, P) float32` in the order of `lengths`.
    """
    packing = Packing.of(lengths)
    packed = packing.rows(lengths)
    if config.convolution:
        kernel, bias = weights["conv/kernel"], weights["conv/bias"]
        states = convolve(vectors, ids, lengths, kernel, bias)[packed]  # (S, E)
    else:
        states = vectors  # (M, E)
    for layer in range(config.layers):
        parts = []
        for direction in directions(config):
            name = f"gru/{layer}/{direction}"
            bias = weights[f"{name}/bias"]
            own, inner = (bias[0], bias[1]) if config.reset_after else (bias, bias)
            gates = states @ weights[f"{name}/kernel"] + own  # (M or S, 3 U)
            if layer == 0 and not config.convolution:
                gates = gates[ids[packed]]  # a distinct token is projected once
            parts.append(
                run_gru(
                    gates, packing, weights[f"{name}/recurrent_kernel"], inner, config.reset_after,
                    backward=direction == "backward",
                )
            )  # fmt: skip
        states = np.concatenate(parts, axis=1)  # (S, D * U)
    in_order = POOLINGS[config.pooling](states, packing, config.units, dict(weights))
    pooled = np.empty_like(in_order)
    pooled[packing.order] = in_order
    return pooled


def convolve(
    vectors: Float, ids: NDArray[np.int32], lengths: NDArray[np.int32], kernel: Float, bias: Float
) -> Float:
    """Gives what the convolution makes of each token, `(S, E)`, text after text.

    Args:
        vectors: `(M, E)`, one for each distinct token; it is multiplied with each C_j once.
        ids: `(S,)`, the row in `vectors` of each token.
        lengths: `(N,)`, tokens in each text.
        kernel: `(k, E, E)`.
        bias: `(E,)`.
    """
    ends = np.repeat(np.cumsum(lengths, dtype=np.int64), lengths)  # (S,)
    starts = ends - np.repeat(lengths, lengths)
    seen = np.tile(bias, (len(ids), 1))  # (S, E)
    for offset, weight in enumerate(kernel, start=-(len(kernel) // 2)):
        neighbours = np.arange(len(ids)) + offset
        within = np.flatnonzero((neighbours >= starts) & (neighbours < ends))
        seen[within] += (vectors @ weight)[ids[neighbours[within]]]
    return np.maximum(seen, 0.0) + vectors[ids]
