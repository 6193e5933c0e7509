"""The encoder for texts that are still coming, in NumPy: products are computed row by row, and sums token by token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import GRUConfig
from grutext.engines.layers import Float, Int, Int32
from grutext.engines.stream import EncoderStream, State

Double = NDArray[np.float64]

_LOW = np.float32(-np.inf)


def multiply_rows(rows: Float, kernel: Float) -> Float:
    """Return the product of rows, `(N, I)`, with a matrix, `(I, O)`; no row depends on the others, not even in its last bits."""
    product: Float = np.matmul(rows[:, None], kernel)[:, 0]
    return product


def add_in_order(totals: Double, owners: Int, rows: NDArray[np.floating]) -> Double:
    """Return totals, `(N, K)`, with each row of `(S, K)` added to the total of its owner, `(S,)`, one after the other."""
    texts, width = totals.shape
    places = owners[:, None] * width + np.arange(width)
    into = np.concatenate([np.arange(texts * width), places.ravel()])
    sums = np.bincount(into, np.concatenate([totals.ravel(), rows.ravel()]), minlength=texts * width)
    return np.asarray(sums.reshape(texts, width))


class NumpyStream(EncoderStream):
    """Convolution, GRU layers and pooling in NumPy, for texts that are still coming.

    Args:
        config: The encoder's settings; `bidirectional` is false.
        weights: Arrays by the names of `grutext.model.spec.encoder_spec`.

    Raises:
        SessionError: As in `EncoderStream`.
    """

    def __init__(self, config: GRUConfig, weights: Mapping[str, NDArray[Any]]) -> None:
        super().__init__(config, weights)
        self._half_width = config.convolution // 2
        if config.convolution:
            kernel = np.asarray(weights["conv/kernel"], np.float32)
            self._taps = np.concatenate(kernel, axis=1)  # (E, k * E)
        self._layers = [
            tuple(np.asarray(weights[f"gru/{layer}/forward/{name}"], np.float32) for name in ("kernel", "recurrent_kernel", "bias"))
            for layer in range(config.layers)
        ]  # fmt: skip

    def read(self, state: State, vectors: Float, ids: Int32, lengths: Int32) -> None:
        """Read the next tokens of N texts; see `EncoderStream.read`."""
        owners = np.repeat(np.arange(len(lengths)), lengths)
        if self._config.convolution:
            inputs, owners = self._convolve(state, vectors, ids, owners)
            projected = multiply_rows(inputs, self._layers[0][0])
        else:
            projected = multiply_rows(vectors, self._layers[0][0]).take(ids, axis=0)
            state["tokens"] += lengths
        self._run(state, projected, owners)

    def _convolve(self, state: State, vectors: Float, ids: Int32, owners: Int) -> tuple[Float, Int]:
        """Return the GRU's new inputs, `(S', E)`, and their texts; they end `k // 2` tokens before the last token."""
        width, (texts, before, size) = self._config.convolution, state["window"].shape
        table = np.concatenate([vectors, state["window"].reshape(-1, size)])
        products = multiply_rows(table, self._taps).reshape(len(table), width, size)
        rows = np.concatenate([len(vectors) + np.arange(texts * before), ids])  # windows, then new tokens
        order = np.argsort(np.concatenate([np.repeat(np.arange(texts), before), owners]), kind="stable")
        rows = rows[order]  # for each text its window, then its new tokens
        lengths = np.bincount(owners, minlength=texts)
        ends = np.cumsum(lengths + before)
        state["window"] = table[rows[(ends[:, None] - np.arange(before, 0, -1)).ravel()]].reshape(
            state["window"].shape
        )
        last = np.arange(len(ids)) + before * (owners + 1)  # the place in `rows` of each new token
        places = np.arange(len(ids)) - (np.cumsum(lengths) - lengths)[owners] + state["tokens"][owners]
        state["tokens"] += lengths
        has_input = places >= self._half_width  # before that, the input would be of a token before the first
        last, owners = last[has_input], owners[has_input]
        seen = np.repeat(np.asarray(self._weights["conv/bias"], np.float32)[None], len(last), axis=0)
        for tap in range(width):
            seen += products[rows[last - (width - 1 - tap)], tap]
        return table[rows[last - self._half_width]] + np.maximum(seen, 0), owners

    def _run(self, state: State, projected: Float, owners: Int) -> None:
        """Run the layers over the inputs of new steps, which are projected by the first kernel, `(S, 3U)`."""
        lengths, states = np.bincount(owners, minlength=len(state)), projected
        for layer, (kernel, recurrent, bias) in enumerate(self._layers):
            inputs = multiply_rows(states, kernel) if layer else projected
            before = state["states"][:, layer].copy()
            states = self._run_layer(inputs, lengths, before, recurrent, bias)
            state["states"][:, layer] = before
        self._pool_in(state, states, owners)

    def _run_layer(
        self, projected: Float, lengths: Int, before: Float, recurrent: Float, bias: Float
    ) -> Float:
        """Return the states after each token, `(S, U)`, and update `before`, `(N, U)`."""
        units, after = self._config.units, self._config.reset_after
        bias = bias.reshape(-1, 3 * units)
        inputs = projected + bias[0]
        states = np.empty((len(inputs), units), np.float32)
        order = np.argsort(-lengths, kind="stable")
        firsts, sorted_lengths = (np.cumsum(lengths) - lengths)[order], lengths[order]
        h = before[order]
        for step in range(int(sorted_lengths[0]) if len(order) else 0):
            running = int(np.searchsorted(-sorted_lengths, -step))  # texts with more than `step` tokens
            rows = firsts[:running] + step
            own, x = h[:running], inputs[rows]
            with np.errstate(over="ignore"):  # a gate is 1 / (1 + inf) = 0 then
                if after:
                    inner = multiply_rows(own, recurrent) + bias[1]
                    gates = 1 / (1 + np.exp(-(x[:, : 2 * units] + inner[:, : 2 * units])))
                    candidate = np.tanh(x[:, 2 * units :] + gates[:, units:] * inner[:, 2 * units :])
                else:
                    inner = multiply_rows(own, np.ascontiguousarray(recurrent[:, : 2 * units]))
                    gates = 1 / (1 + np.exp(-(x[:, : 2 * units] + inner)))
                    reset = multiply_rows(
                        gates[:, units:] * own, np.ascontiguousarray(recurrent[:, 2 * units :])
                    )
                    candidate = np.tanh(x[:, 2 * units :] + reset)
            z = gates[:, :units]
            h[:running] = states[rows] = z * own + (1 - z) * candidate
        before[order] = h
        return states

    def _pool_in(self, state: State, states: Float, owners: Int) -> None:
        """Add the states after new tokens, `(S, U)`, to what the pooling has of each text."""
        lengths, names = np.bincount(owners, minlength=len(state)), state.dtype.names or ()
        if "largest" in names and len(owners):
            has = np.flatnonzero(lengths)
            first = np.flatnonzero(np.diff(owners, prepend=-1))
            before = np.where(state["steps"][has, None] > 0, state["largest"][has], _LOW)
            state["largest"][has] = np.maximum(before, np.maximum.reduceat(states, first, axis=0))
        if self._config.pooling == "attention":
            weights = self._weights
            seen = np.tanh(
                multiply_rows(states, np.asarray(weights["pool/kernel"], np.float32)) + weights["pool/bias"]
            )
            scores = multiply_rows(seen, np.asarray(weights["pool/query"], np.float32)[:, None]).astype(
                np.float64
            )
            shares = np.exp(scores)  # (S, 1)
            state["share"] = add_in_order(state["share"], owners, shares)
            state["sums"] = add_in_order(state["sums"], owners, shares * states)
        elif "sums" in names:
            state["sums"] = add_in_order(state["sums"], owners, states)
        state["steps"] += lengths
