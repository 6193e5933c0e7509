"""Split a linear function of the encoder's pooled vector into contributions of the tokens.

With the gates held at their values, the state after token t is a sum over the tokens read so far::

    h_t = sum over k <= t of (z_t * z_(t-1) * .. * z_(k+1)) * (1 - z_k) * c_k

(REAT: Du et al. 2019, arXiv 1903.11245). This is an identity, not an approximation. Every pooling is a weighted sum of the states
once its choice is held: the step of each maximum, the shares of the attention. So the contribution of token k is the product of
(1 - z_k) * c_k with the sum of the weights of all states that it flows into, which one pass against the direction of reading computes::

    flow_k = weight_k + z_(k + 1) * flow_(k + 1)

The candidate c_k is taken as token k's own, although it depends on the tokens before it, through the reset gate, and, with a convolution
or layers below, on its neighbours. With several layers the gates are those of the last one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import GRUConfig
from grutext.engines.layers import Float, Gates, Weights, attention_scores, softmax
from grutext.engines.numba.gates import run_gates as run_gates_compiled
from grutext.engines.numpy.gates import convolve, run_gates
from grutext.model.spec import directions

Double = NDArray[np.float64]
_EQUAL = np.float32(1e-6)  # states that differ by less, as those of repeated words may, differ by rounding


def trace_gates(config: GRUConfig, weights: Weights, vectors: Float, compiled: bool) -> Gates:
    """Return the gates, candidates and states of the last layer for one text.

    Args:
        config: Settings of the encoder.
        weights: Arrays by the names of `grutext.model.spec.encoder_spec`.
        vectors: `(T, E)`, the vectors of the text's tokens; none for an empty text.
        compiled: Whether to use compiled kernels, where there are any, instead of NumPy.
    """
    if not len(vectors):
        return Gates(*np.zeros((4, len(directions(config)), 0, config.units), np.float32))
    run = run_gates_compiled if compiled and config.reset_after else run_gates
    inputs = convolve(vectors, weights) if config.convolution else vectors
    gates = run(0, config, weights, inputs)
    for layer in range(1, config.layers):
        below = gates.states.transpose(1, 0, 2).reshape(len(vectors), -1)  # (T, D * U)
        gates = run(layer, config, weights, below)
    return gates


def split_pooled(pooling: str, gates: Gates, weights: Weights, of_pooled: Double) -> Double:
    """Return what each token adds to `pooled @ of_pooled`, `(T,) float64`; the sum over the tokens is the product.

    Args:
        pooling: A name in `grutext.model.spec.POOLINGS`.
        gates: The last layer's.
        weights: Arrays by the names of `grutext.model.spec.encoder_spec`.
        of_pooled: `(P,)`, a weight for each number of the pooled vector.
    """
    count, steps, units = gates.states.shape
    if not steps:
        return np.zeros(0)
    of_states = np.zeros(gates.states.shape)  # (D, T, U)
    poolings = pooling.split("+")
    for name, part in zip(poolings, of_pooled.reshape(len(poolings), count, units), strict=True):
        of_states += _weigh_states(name, gates.states, part, weights)
    # As the directions read: the backward one from the last token.
    of_states = _in_reading_order(of_states)
    update, candidate = _in_reading_order(gates.update), _in_reading_order(gates.candidate)
    flow, later = np.empty_like(of_states), np.zeros((count, units))
    for t in range(steps - 1, -1, -1):
        flow[:, t] = of_states[:, t] + later
        later = update[:, t] * flow[:, t]
    flow *= (1 - update) * candidate
    return np.asarray(_in_reading_order(flow).sum(axis=(0, 2)))


def _in_reading_order(values: NDArray[Any]) -> NDArray[Any]:
    """Return `(D, T, U)` with the tokens of the backward direction reversed, if there is one; twice, it is what it was."""
    return np.concatenate([values[:1], values[1:, ::-1]])


def _weigh_states(pooling: str, states: Float, of_pooled: Double, weights: Weights) -> Double:
    """Return the weight of each state, `(D, T, U)`, in `pooled @ of_pooled`, for `of_pooled` as `(D, U)`."""
    of_states = np.zeros(states.shape)
    if pooling == "last":
        of_states[0, -1] = of_pooled[0]
        of_states[1:, 0] = of_pooled[1:]  # the backward direction ends at the first token
    elif pooling == "max":  # of equal states the first one in the text counts
        is_largest = states >= states.max(axis=1, keepdims=True) - _EQUAL
        np.put_along_axis(of_states, is_largest.argmax(axis=1)[:, None], of_pooled[:, None], axis=1)
    elif pooling == "mean":
        of_states += of_pooled[:, None] / states.shape[1]
    else:
        rows = states.transpose(1, 0, 2).reshape(states.shape[1], -1)  # (T, D * U)
        shares = softmax(attention_scores(rows, weights))  # (T,)
        of_states += of_pooled[:, None] * shares[:, None]
    return of_states
