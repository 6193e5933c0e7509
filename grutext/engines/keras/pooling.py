"""Pooling in Keras, from the states of a text to one vector: a function for each name in `grutext.model.spec.POOLINGS`.

Every pooling takes states `(T, N, S)` and a mask `(T, N) bool` of real tokens, ignores the padding, and returns zeros for
an empty text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grutext.engines.keras.backend import keras, tf
from grutext.model.spec import POOLINGS as WIDTHS

Tensor = Any


def pool_max(states: Tensor, mask: Tensor) -> Tensor:
    """Return the largest value of each state dimension over the tokens, `(N, S)`."""
    real = mask[:, :, None]
    largest = tf.reduce_max(tf.where(real, states, states.dtype.min), axis=0)
    return tf.where(tf.reduce_any(real, axis=0), largest, 0.0)


def pool_mean(states: Tensor, mask: Tensor) -> Tensor:
    """Return the mean state over the tokens, `(N, S)`."""
    real = tf.cast(mask[:, :, None], states.dtype)
    count = tf.maximum(tf.reduce_sum(real, axis=0), 1.0)
    return tf.reduce_sum(states * real, axis=0) / count


def pool_max_mean(states: Tensor, mask: Tensor) -> Tensor:
    """Return the maximum and the mean side by side, `(N, 2 * S)`."""
    return tf.concat([pool_max(states, mask), pool_mean(states, mask)], axis=-1)


def pool_last(states: Tensor, mask: Tensor, units: int) -> Tensor:
    """Return the state of each direction after its last step, `(N, S)`.

    A skipped step repeats the state before it, so the forward direction's last state is at the last
    step, and the backward direction's at the first.
    """
    any_real = tf.cast(tf.reduce_any(mask, axis=0), states.dtype)[:, None]
    return tf.concat([states[-1, :, :units], states[0, :, units:]], axis=-1) * any_real


def pool_attention(states: Tensor, mask: Tensor, kernel: Tensor, bias: Tensor, query: Tensor) -> Tensor:
    """Return the mean of the states weighted by softmax(tanh(s K + b) q) over the tokens, `(N, S)`.

    The form is that of Yang et al. 2016 (Hierarchical Attention Networks, equations 5-7).
    """
    scores = tf.linalg.matvec(tf.tanh(tf.einsum("tns,su->tnu", states, kernel) + bias), query)  # (T, N)
    scores = tf.where(mask, scores, scores.dtype.min)
    shares = tf.nn.softmax(scores, axis=0) * tf.cast(mask, scores.dtype)
    return tf.einsum("tns,tn->ns", states, shares)


POOLINGS: dict[str, Callable[..., Tensor]] = {
    "last": pool_last,
    "max": pool_max,
    "mean": pool_mean,
    "attention": pool_attention,
    "max+mean": pool_max_mean,
}


@keras.saving.register_keras_serializable("grutext.encoder")
class Pooling(keras.layers.Layer):
    """A pooling as a layer: `(T, N, S)` and a mask `(T, N)` to `(N, P)`.

    Args:
        name_of_pooling: A name in `POOLINGS`.
        units: The width U of one direction, by which `last` separates the directions.
    """

    def __init__(self, name_of_pooling: str, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name_of_pooling = name_of_pooling
        self.units = units
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        size = input_shape[-1]
        if self.name_of_pooling == "attention":
            self.kernel = self.add_weight(shape=(size, size), initializer="glorot_uniform", name="kernel")
            self.bias = self.add_weight(shape=(size,), initializer="zeros", name="bias")
            self.query = self.add_weight(shape=(size,), initializer="random_normal", name="query")

    def call(self, states: Tensor, mask: Tensor) -> Tensor:
        function = POOLINGS[self.name_of_pooling]
        if self.name_of_pooling == "last":
            return function(states, mask, self.units)
        if self.name_of_pooling == "attention":
            return function(
                states, mask, *(tf.convert_to_tensor(w) for w in (self.kernel, self.bias, self.query))
            )
        return function(states, mask)

    def compute_output_shape(self, states_shape: Any, mask_shape: Any = None) -> tuple[int | None, ...]:
        return (states_shape[1], WIDTHS[self.name_of_pooling] * states_shape[-1])

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        return None

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"name_of_pooling": self.name_of_pooling, "units": self.units}
