"""States of a text to one vector, in NumPy: one function for each name in `grutext.model.spec.POOLINGS`.

States come packed step after step (`grutext.runtime.gru.Packing`), `(S, D * U)`; the result has a row
for each text in the packing's order, longest first. An empty text pools to zeros.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from grutext.runtime.gru import Float, Packing

PoolWeights = dict[str, NDArray[np.float32]]


def pool_max(states: Float, packing: Packing, units: int, weights: PoolWeights) -> Float:
    """Gives the largest value of each state dimension over the tokens."""
    pooled = np.zeros((len(packing.order), states.shape[1]), np.float32)
    for t, alive in enumerate(packing.alive):
        step = states[packing.starts[t] : packing.starts[t + 1]]
        pooled[:alive] = step if t == 0 else np.maximum(pooled[:alive], step)
    return pooled


def pool_mean(states: Float, packing: Packing, units: int, weights: PoolWeights) -> Float:
    """Gives the mean state over the tokens."""
    sums = np.zeros((len(packing.order), states.shape[1]), np.float64)
    for t, alive in enumerate(packing.alive):
        sums[:alive] += states[packing.starts[t] : packing.starts[t + 1]]
    return (sums / np.maximum(_lengths(packing), 1)[:, None]).astype(np.float32)


def pool_max_mean(states: Float, packing: Packing, units: int, weights: PoolWeights) -> Float:
    """Gives the maximum and the mean side by side."""
    parts = [pool(states, packing, units, weights) for pool in (pool_max, pool_mean)]
    return np.concatenate(parts, axis=1)


def pool_last(states: Float, packing: Packing, units: int, weights: PoolWeights) -> Float:
    """Gives the state of each direction after its last step: at a text's end, and at its beginning."""
    pooled = np.zeros((len(packing.order), states.shape[1]), np.float32)
    for t, alive in enumerate(packing.alive):
        pooled[:alive, :units] = states[packing.starts[t] : packing.starts[t + 1], :units]
    if len(packing.alive):
        pooled[: packing.alive[0], units:] = states[: packing.alive[0], units:]
    return pooled


def pool_attention(states: Float, packing: Packing, units: int, weights: PoolWeights) -> Float:
    """Gives the mean of the states weighted by softmax(tanh(s K + b) q) over the tokens."""
    scores = np.tanh(states @ weights["pool/kernel"] + weights["pool/bias"]) @ weights["pool/query"]  # (S,)
    owners = np.arange(len(states)) - np.repeat(packing.starts[:-1], packing.alive)
    highest = np.full(len(packing.order), -np.inf, np.float32)
    np.maximum.at(highest, owners, scores)
    shares = np.exp(scores - highest[owners])
    totals = np.bincount(owners, weights=shares, minlength=len(packing.order))
    sums = np.zeros((len(packing.order), states.shape[1]), np.float64)
    weighted = states * (shares / totals[owners])[:, None]
    for t, alive in enumerate(packing.alive):
        sums[:alive] += weighted[packing.starts[t] : packing.starts[t + 1]]
    return sums.astype(np.float32)


POOLINGS: dict[str, Callable[[Float, Packing, int, PoolWeights], Float]] = {
    "last": pool_last,
    "max": pool_max,
    "mean": pool_mean,
    "attention": pool_attention,
    "max+mean": pool_max_mean,
}


def _lengths(packing: Packing) -> NDArray[np.int64]:
    """Gives the lengths of the texts, longest first: at how many steps each is alive."""
    alive_rising = packing.alive[::-1]
    return len(alive_rising) - np.searchsorted(alive_rising, np.arange(len(packing.order)), side="right")
