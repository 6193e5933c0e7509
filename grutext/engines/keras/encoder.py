"""The GRU encoder as a Keras layer."""

from __future__ import annotations

from typing import Any

from grutext.config import CONVOLUTIONS, GRUConfig, is_convolution
from grutext.engines.keras.backend import keras, tf
from grutext.engines.keras.pooling import Pooling
from grutext.engines.keras.recurrence import every_step, run_steps
from grutext.errors import ConfigError
from grutext.model.spec import POOLINGS, directions, pooled_width, state_width

Tensor = Any


@tf.custom_gradient
def convolve(steps: Tensor, kernel: Tensor, bias: Tensor) -> Any:
    """Convolves `(T, N, E)` over time with zeros around it; `kernel` is `(width, E, F)`.

    TensorFlow's own convolution takes several times as long for texts; this is one matrix product, and its
    gradient is the convolution with the kernel turned round.
    """
    windows = _windows(steps, kernel.shape[0])
    flat = tf.reshape(kernel, [-1, kernel.shape[2]])

    def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
        turned = tf.reshape(tf.transpose(kernel[::-1], [0, 2, 1]), [-1, kernel.shape[1]])
        dsteps = tf.matmul(_windows(upstream, kernel.shape[0]), turned)
        rows = tf.reshape(upstream, [-1, kernel.shape[2]])
        dkernel = tf.reshape(tf.matmul(windows, rows, transpose_a=True), kernel.shape)
        return tf.reshape(dsteps, tf.shape(steps)), dkernel, tf.reduce_sum(rows, 0)

    count, texts = tf.unstack(tf.shape(steps)[:2])
    return tf.reshape(tf.matmul(windows, flat) + bias, [count, texts, kernel.shape[2]]), gradient


def _windows(steps: Tensor, width: int) -> Tensor:
    """Gives each step with its neighbours, `(T * N, width * E)`."""
    padded = tf.pad(steps, [[width // 2, width // 2], [0, 0], [0, 0]])
    count = tf.shape(steps)[0]
    windows = tf.concat([padded[first : first + count] for first in range(width)], -1)
    return tf.reshape(windows, [-1, width * steps.shape[2]])


@keras.saving.register_keras_serializable("grutext")
class GRUEncoder(keras.layers.Layer):
    """Gives a vector for each sequence: GRU layers in one or two directions, then a pooling.

    Input is either token ids `(N, T)` of any integer type, where 0 is padding and `vocabulary_size` is
    given, or numbers `(N, T, F)` with an optional `mask` `(N, T)`; without a mask every step is real.
    Padding is skipped by the GRU and by the pooling; a sequence of padding only gives zeros.
    The equations and the order of the gates stand in `grutext.model.spec`.

    Args:
        units: Width U of each direction's state.
        layers: GRU layers, one upon the other.
        bidirectional: Whether a second GRU reads from the end.
        reset_after: Which GRU convention.
        pooling: A name in `grutext.model.spec.POOLINGS`; None gives the states `(N, T, D * U)`.
        vocabulary_size: Number of token ids, padding included; None takes numbers as input.
        embedding_size: Width E of the embedding, where ids are given.
        convolution: Odd width of a convolution before the GRU; 0 leaves it out.

    Returns:
        `(N, P) float32`, with P = D * U for `last`, `max`, `mean` and `attention`, and 2 * D * U for
        `max+mean`; or the states, whose mask goes on with them.

    Raises:
        ConfigError: The pooling's name is unknown, or the convolution's width is even or 1.

    Example::

        ids = keras.Input((None,), dtype="int32")
        vectors = GRUEncoder(64, vocabulary_size=10_000)(ids)
        model = keras.Model(ids, keras.layers.Dense(3, activation="softmax")(vectors))
    """

    def __init__(
        self,
        units: int = 64,
        *,
        layers: int = 1,
        bidirectional: bool = True,
        reset_after: bool = True,
        pooling: str | None = "max+mean",
        vocabulary_size: int | None = None,
        embedding_size: int = 64,
        convolution: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if pooling is not None and pooling not in POOLINGS:
            raise ConfigError(f'there is no pooling "{pooling}"; it is one of {", ".join(POOLINGS)}')
        if not is_convolution(convolution):
            raise ConfigError(f"the width of a convolution is {CONVOLUTIONS}, and not {convolution}")
        self.units, self.layers = units, layers
        self.bidirectional, self.reset_after = bidirectional, reset_after
        self.pooling, self.convolution = pooling, convolution
        self.vocabulary_size, self.embedding_size = vocabulary_size, embedding_size
        self.supports_masking = True
        self.pool = Pooling(pooling, units, name="pool") if pooling else None

    def build(self, input_shape: tuple[Any, ...]) -> None:
        width = input_shape[-1]
        if self.vocabulary_size is not None:
            width = self.embedding_size
            shape = (self.vocabulary_size, width)
            self.embedding = self.add_weight(shape=shape, initializer="uniform", name="embedding")
        if self.convolution:
            window = (self.convolution, width, width)
            self.conv_kernel = self.add_weight(shape=window, initializer="glorot_uniform", name="conv_kernel")
            self.conv_bias = self.add_weight(shape=(width,), initializer="zeros", name="conv_bias")
        self.gru: list[list[tuple[Any, Any, Any]]] = []
        for layer in range(self.layers):
            names = [f"gru_{layer}_{direction}" for direction in directions(self._config())]
            self.gru.append([self._add_direction(name, width) for name in names])
            width = state_width(self._config())
        if self.pool is not None:
            self.pool.build((input_shape[0], input_shape[1], width))

    def call(self, inputs: Tensor, mask: Tensor = None) -> Tensor:
        if self.vocabulary_size is not None:
            mask = tf.not_equal(inputs, 0)
            inputs = tf.gather(self.embedding, inputs)  # (N, T, E)
        steps = tf.transpose(tf.cast(inputs, self.compute_dtype), [1, 0, 2])  # (T, N, E)
        encoded = self.encode(steps, None if mask is None else tf.transpose(tf.cast(mask, tf.bool)))
        return tf.transpose(encoded, [1, 0, 2]) if self.pool is None else encoded

    def encode(self, steps: Tensor, mask: Tensor) -> Tensor:
        """Gives pooled vectors `(N, P)`, or states `(T, N, D * U)`, of vectors `(T, N, E)` and a mask `(T, N)`, if any."""
        states = self.states(steps, mask)
        if self.pool is None:
            return states
        return self.pool(states, every_step(states) if mask is None else mask)

    def states(self, steps: Tensor, mask: Tensor) -> Tensor:
        """Gives the states `(T, N, D * U)` of vectors `(T, N, E)` and a mask `(T, N)`, if any."""
        if self.convolution:
            if mask is not None:
                steps *= tf.cast(mask, steps.dtype)[:, :, None]
            kernel, bias = tf.convert_to_tensor(self.conv_kernel), tf.convert_to_tensor(self.conv_bias)
            steps += tf.nn.relu(convolve(steps, kernel, bias))  # (T, N, E)
        for weights in self.gru:
            steps = run_steps(steps, mask, weights, self.reset_after)  # (T, N, D * U)
        return steps

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor = None) -> Tensor:
        if self.pool is not None:
            return None
        return previous_mask if self.vocabulary_size is None else keras.ops.not_equal(inputs, 0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        if self.pool is None:
            return (*input_shape[:2], state_width(self._config()))
        return (input_shape[0], pooled_width(self._config()))

    def get_config(self) -> dict[str, Any]:
        names = (
            "units",
            "layers",
            "bidirectional",
            "reset_after",
            "pooling",
            "vocabulary_size",
            "embedding_size",
            "convolution",
        )
        return super().get_config() | {name: getattr(self, name) for name in names}

    def _add_direction(self, name: str, width: int) -> tuple[Any, Any, Any]:
        bias = (2, 3 * self.units) if self.reset_after else (3 * self.units,)
        return (
            self.add_weight(
                shape=(width, 3 * self.units), initializer="glorot_uniform", name=f"{name}_kernel"
            ),
            self.add_weight(
                shape=(self.units, 3 * self.units), initializer="orthogonal", name=f"{name}_recurrent"
            ),
            self.add_weight(shape=bias, initializer="zeros", name=f"{name}_bias"),
        )

    def _config(self) -> GRUConfig:
        return GRUConfig(
            units=self.units,
            layers=self.layers,
            bidirectional=self.bidirectional,
            pooling=self.pooling or "max",
        )
