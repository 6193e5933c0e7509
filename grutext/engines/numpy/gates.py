"""The gates of a GRU layer along one text, in NumPy; equations in `grutext.model.spec`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import GRUConfig
from grutext.engines.layers import Float, Gates, Weights
from grutext.engines.numpy.gru import Layer
from grutext.engines.numpy.inputs import with_ones


def run_gates(
    layer: int, config: GRUConfig, weights: Weights, inputs: Float, start: Float | None = None
) -> Gates:
    """Return the gates, candidates and states of a layer for one text.

    Args:
        layer: Number of the layer.
        config: Settings of the encoder.
        weights: Arrays by the names of `grutext.model.spec.encoder_spec`.
        inputs: `(T, I)`, the layer's inputs.
        start: `(D, U)`, the state of each direction before its first step; None for zeros, with which texts begin.
    """
    arrays = Layer.of(layer, config, weights)
    steps = with_ones(inputs) @ arrays.kernel  # (3, D, T, U)
    _backward_reversed(steps)
    work = np.ascontiguousarray(steps.transpose(2, 0, 1, 3))[..., None, :]  # (T, 3, D, 1, U)
    states = np.empty_like(work[:, 0])
    h = np.zeros_like(work[0, 0])  # (D, 1, U)
    if start is not None:
        h += start[:, None]
    with np.errstate(over="ignore"):  # a gate is 1 / (1 + inf) = 0 then
        for gates, state in zip(work, states, strict=True):
            h = _step(arrays, gates, h, state)
    by_step = np.concatenate([work[..., 0, :], states[:, None, ..., 0, :]], axis=1)  # (T, 4, D, U)
    update, reset, candidate, of_layer = _backward_reversed(by_step.transpose(1, 2, 0, 3))
    return Gates(1 - update, reset, candidate, of_layer)


def _step(layer: Layer, gates: Float, h: Float, state: Float) -> Float:
    """Replace the projected inputs in `gates`, `(3, D, 1, U)`, by 1 - z, r and c; write the new state and return it."""
    zr, c = gates[:2], gates[2]
    zr += h @ layer.recurrent[:2]
    np.exp(zr, zr)
    zr += 1
    np.reciprocal(zr, zr)
    if layer.inner is None:
        c += (zr[1] * h) @ layer.recurrent[2]
    else:
        c += zr[1] * (h @ layer.recurrent[2] + layer.inner)
    np.tanh(c, c)
    np.add(h, zr[0] * (c - h), state)
    return state


def _backward_reversed(values: NDArray[Any]) -> NDArray[Any]:
    """Reverse the steps of the backward direction, if there is one, in `(K, D, T, U)`, in place; return the array."""
    values[:, 1:] = values[:, 1:, ::-1].copy()
    return values


def convolve(vectors: Float, weights: Weights) -> Float:
    """Return the inputs of the first layer, `(T, E)`, from the vectors of one text's tokens, `(T, E)`."""
    kernel, bias = weights["conv/kernel"], weights["conv/bias"]
    half_width, steps = len(kernel) // 2, len(vectors)
    padded = np.pad(vectors, ((half_width, half_width), (0, 0)))
    seen = bias + sum(padded[tap : tap + steps] @ of_tap for tap, of_tap in enumerate(kernel))
    return np.asarray(vectors + np.maximum(seen, 0))
