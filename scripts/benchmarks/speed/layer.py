"""Part `layer`: the encoder's GRU against `keras.layers.GRU`, forward and with gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.speed.job import Bench
from benchmarks.speed.timing import interleave, medians, rates
from grutext.encoder import GRUEncoder
from grutext.engines.keras.backend import keras, tf

TEXTS = 64
_SIZES = tuple((units, steps) for units in (64, 128) for steps in (20, 128, 256))
_PRODUCT_ROWS = 16_384
_BLOCK = 3  # consecutive calls


def measure(bench: Bench) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield a row for each size, with and without padding."""
    for units, steps in _SIZES:
        for ragged in (False, True):
            name = f"E = U = {units}, T = {steps}{', ragged' * ragged}"
            yield name, compare(units, steps, ragged, bench.repeats)


def compare(units: int, steps: int, ragged: bool, repeats: int) -> dict[str, float]:
    """Time both layers on one batch; return milliseconds, and rates in GFLOP/s."""
    rng = np.random.default_rng(1)
    inputs = tf.constant(rng.normal(size=(TEXTS, steps, units)), tf.float32)  # (N, T, E)
    lengths = rng.integers(steps // 2, steps + 1, TEXTS)
    mask = tf.sequence_mask(lengths, steps) if ragged else None  # (N, T)
    theirs = keras.layers.Bidirectional(keras.layers.GRU(units, return_sequences=True))
    ours = GRUEncoder(units, pooling=None)
    calls: dict[str, Callable[[], object]] = {}
    for name, layer in (("keras", theirs), ("ours", ours)):
        layer.build(inputs.shape)
        calls[f"{name}_forward"] = _forward(layer, inputs, mask)
        calls[f"{name}_gradients"] = _gradients(layer, inputs, mask)
    product = tf.function(tf.matmul)
    rows = tf.random.normal([_PRODUCT_ROWS, units], seed=1)
    kernel = tf.random.normal([units, 3 * units], seed=2)
    calls["product"] = lambda: product(rows, kernel)
    seconds = interleave(calls, repeats, _BLOCK)
    plain = seconds.pop("product")
    row = 2 * units * 3 * units / 1e9
    # Two products in two directions; the gradients of a product are two products of the same size.
    whole = 2 * 2 * 3 * TEXTS * steps * row
    return medians(seconds, 1e3) | {
        "product_gflops": rates({"product": plain}, _PRODUCT_ROWS * row)["product"],
        "ours_gflops": rates(seconds, whole)["ours_gradients"],
    }


def _forward(layer: Any, inputs: Any, mask: Any) -> Callable[[], object]:
    run = tf.function(lambda values: layer(values, mask=mask))
    return lambda: run(inputs)


def _gradients(layer: Any, inputs: Any, mask: Any) -> Callable[[], object]:
    @tf.function  # type: ignore[untyped-decorator]
    def run(values: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(values)
            loss = tf.reduce_sum(tf.square(layer(values, mask=mask, training=True)))
        return tape.gradient(loss, [values, *[v.value for v in layer.trainable_variables]])

    return lambda: run(inputs)
