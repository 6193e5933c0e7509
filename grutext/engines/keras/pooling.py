"""Poolings in Keras, from the states of a sequence to one vector: a layer for each name in `grutext.model.spec.POOLINGS`.

All of them ignore the padding, and return zeros for a sequence that is all padding.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from grutext.engines.keras.backend import keras, tf
from grutext.engines.keras.recurrence import every_step
from grutext.model.spec import POOLINGS as WIDTHS

Tensor = Any


class Pooling(keras.layers.Layer):
    """The base of the poolings.

    Call with states `(N, T, S)` and, optionally, `mask` `(N, T) bool`, false in the padding.

    Returns:
        One vector for each sequence, `(N, P)`.

    Attributes:
        width: The width P of the vector as a multiple of S.
    """

    width = 1

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, states: Tensor, mask: Tensor = None) -> Tensor:
        states = tf.transpose(states, [1, 0, 2])  # (T, N, S)
        return self.pool(states, every_step(states) if mask is None else tf.transpose(tf.cast(mask, tf.bool)))

    @abstractmethod
    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return the vectors `(N, P)` of states `(T, N, S)`; `mask` `(T, N) bool` is true for the real steps."""

    def compute_output_shape(self, states_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return (states_shape[0], self.width * states_shape[-1])

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        return None


@keras.saving.register_keras_serializable("grutext.encoder")
class MaxPooling(Pooling):
    """The largest value of each state dimension over the real steps, `(N, S)`."""

    # The module that Keras names in a saved model and in its error for an unknown layer: the one to import.
    __module__ = "grutext.encoder"

    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        return pool_max(states, mask)


@keras.saving.register_keras_serializable("grutext.encoder")
class MeanPooling(Pooling):
    """The mean state over the real steps, `(N, S)`."""

    __module__ = "grutext.encoder"

    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        return pool_mean(states, mask)


@keras.saving.register_keras_serializable("grutext.encoder")
class MaxMeanPooling(Pooling):
    """The maximum and the mean over the real steps side by side, `(N, 2 * S)`."""

    __module__ = "grutext.encoder"

    width = WIDTHS["max+mean"]

    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        return tf.concat([pool_max(states, mask), pool_mean(states, mask)], axis=-1)


@keras.saving.register_keras_serializable("grutext.encoder")
class LastPooling(Pooling):
    """The state of each direction after its last real step, `(N, S)`.

    Args:
        bidirectional: Whether the second half of each state is that of a backward direction, which ends at the first step.
    """

    __module__ = "grutext.encoder"

    def __init__(self, bidirectional: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bidirectional = bidirectional

    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        first = tf.argmax(mask, axis=0, output_type=tf.int32)  # (N,)
        last = tf.shape(mask)[0] - 1 - tf.argmax(mask[::-1], axis=0, output_type=tf.int32)  # (N,)
        units = states.shape[-1] // 2 if self.bidirectional else states.shape[-1]
        ends = tf.concat([_pick(states, last)[:, :units], _pick(states, first)[:, units:]], axis=-1)
        return tf.where(tf.reduce_any(mask, axis=0)[:, None], ends, 0.0)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"bidirectional": self.bidirectional}


@keras.saving.register_keras_serializable("grutext.encoder")
class AttentionPooling(Pooling):
    """The mean of the states weighted by softmax(tanh(s K + b) q) over the real steps, `(N, S)`.

    The form is that of Yang et al. 2016 (Hierarchical Attention Networks, equations 5-7).
    """

    __module__ = "grutext.encoder"

    def build(self, states_shape: tuple[int | None, ...]) -> None:
        size = states_shape[-1]
        self.kernel = self.add_weight(shape=(size, size), initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight(shape=(size,), initializer="zeros", name="bias")
        self.query = self.add_weight(shape=(size,), initializer="random_normal", name="query")

    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        kernel, bias, query = (tf.convert_to_tensor(w) for w in (self.kernel, self.bias, self.query))
        scores = tf.linalg.matvec(tf.tanh(tf.einsum("tns,su->tnu", states, kernel) + bias), query)  # (T, N)
        scores = tf.where(mask, scores, scores.dtype.min)
        shares = tf.nn.softmax(scores, axis=0) * tf.cast(mask, scores.dtype)
        return tf.einsum("tns,tn->ns", states, shares)


POOLINGS: dict[str, type[Pooling]] = {
    "last": LastPooling,
    "max": MaxPooling,
    "mean": MeanPooling,
    "attention": AttentionPooling,
    "max+mean": MaxMeanPooling,
}


def pool_max(states: Tensor, mask: Tensor) -> Tensor:
    """Return the largest value of each state dimension, `(N, S)`; the arguments are those of `Pooling.pool`."""
    real = mask[:, :, None]
    largest = tf.reduce_max(tf.where(real, states, states.dtype.min), axis=0)
    return tf.where(tf.reduce_any(real, axis=0), largest, 0.0)


def pool_mean(states: Tensor, mask: Tensor) -> Tensor:
    """Return the mean state, `(N, S)`; the arguments are those of `Pooling.pool`."""
    real = tf.cast(mask[:, :, None], states.dtype)
    count = tf.maximum(tf.reduce_sum(real, axis=0), 1.0)
    return tf.reduce_sum(states * real, axis=0) / count


def _pick(states: Tensor, steps: Tensor) -> Tensor:
    """Return the state of each sequence at a step of its own: `(T, N, S)` and `(N,)` to `(N, S)`."""
    return tf.gather_nd(states, tf.stack([steps, tf.range(tf.size(steps))], axis=1))
