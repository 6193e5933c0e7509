"""The GRU on a GPU by cuDNN, through `keras.layers.GRU`, in the cases that it supports.

cuDNN only supports `reset_after`, padding at the end, and sequences of at least one step. Here an empty sequence is
read as one step, whose state is discarded.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from grutext.engines.keras.backend import keras, tf

Tensor = Any


def sees_gpu() -> bool:
    """Return whether TensorFlow sees a GPU."""
    return bool(tf.config.list_logical_devices("GPU"))


def fits(mask: Tensor) -> Tensor:
    """Return whether all padding of a mask `(T, N)` is at the end, as a scalar tensor."""
    return tf.reduce_all(mask[:-1] | ~mask[1:])


def run(
    steps: Tensor, mask: Tensor, weights: tuple[Tensor, Tensor, Tensor], start: Tensor, *, backward: bool
) -> Tensor:
    """Do what `grutext.engines.keras.recurrence.run_direction` does, for a mask that `fits`."""
    count = tf.reduce_sum(tf.cast(mask, tf.int32), axis=0)  # (N,)
    lengths = tf.maximum(count, 1)
    if backward:
        steps = tf.reverse_sequence(steps, lengths, seq_axis=0, batch_axis=1)
    layer = _layer(steps.shape[-1], start.shape[-1], steps.dtype.name)
    (states, last), _ = layer.stateless_call(
        list(weights),
        [variable.value for variable in layer.non_trainable_variables],
        tf.transpose(steps, [1, 0, 2]),
        initial_state=start,
        mask=tf.sequence_mask(lengths, tf.shape(steps)[0]),
    )
    states = tf.transpose(states, [1, 0, 2])  # (T, N, U)
    if backward:
        states = tf.reverse_sequence(states, lengths, seq_axis=0, batch_axis=1)
    # In the padding cuDNN returns zeros.
    padding = start if backward else tf.where(count[:, None] > 0, last, start)
    return tf.where(mask[:, :, None], states, padding)


@cache
def _layer(inputs: int, units: int, dtype: str) -> Any:
    """Return a layer whose own weights are never read."""
    with tf.init_scope():
        layer = keras.layers.GRU(units, return_sequences=True, return_state=True, dtype=dtype)
        layer.build((None, None, inputs))
    return layer
