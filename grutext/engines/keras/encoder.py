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


@keras.saving.register_keras_serializable("grutext.encoder")
class GRUEncoder(keras.layers.Layer):
    """A GRU encoder: one vector for each sequence, from GRU layers in one or two directions and a pooling.

    Padding is skipped by the GRU and by the pooling; a sequence that is all padding pools to zeros. The equations and the order
    of the gates are in `grutext.model.spec`.

    A process that loads a saved model must import `grutext.encoder` first.

    Args:
        units: Width U of each direction's state.
        layers: Number of GRU layers, each reading the states of the one before.
        bidirectional: Whether a second GRU reads from the end.
        reset_after: Which GRU convention.
        pooling: A name in `grutext.model.spec.POOLINGS`; None returns the states, `(N, T, D * U)`.
        vocabulary_size: Number of token ids, padding included; None for numbers as input.
        embedding_size: Width E of the embedding; used with `vocabulary_size` only.
        convolution: Odd width of a convolution before the GRU; 0 leaves it out.

    Call with token ids `(N, T)` of any integer type, where 0 is padding, if `vocabulary_size` is given; otherwise with
    numbers `(N, T, F)` and, optionally, `mask` `(N, T) bool`, false where a step is to be skipped.

    Returns:
        `(N, P)` in the layer's compute dtype, with P = D * U for `last`, `max`, `mean` and `attention`, and 2 * D * U for
        `max+mean`; or the states, which carry the mask on to the next layer.

    Raises:
        ConfigError: The pooling's name is unknown, or the convolution's width is even or 1.
        ValueError: The input has the wrong number of axes, or its last axis has no fixed size.
        TypeError: The input has strings, or ids that are not integers.

    Example::

        ids = keras.Input((None,), dtype="int32")
        vectors = GRUEncoder(64, vocabulary_size=10_000)(ids)
        model = keras.Model(ids, keras.layers.Dense(3, activation="softmax")(vectors))
    """

    # The module that Keras names in a saved model and in its error for an unknown layer: the one to import.
    __module__ = "grutext.encoder"

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
            raise ConfigError(f'there is no pooling "{pooling}"; it must be one of {", ".join(POOLINGS)}')
        if not is_convolution(convolution):
            raise ConfigError(f"the width of a convolution must be {CONVOLUTIONS}, not {convolution}")
        self.units, self.layers = units, layers
        self.bidirectional, self.reset_after = bidirectional, reset_after
        self.pooling, self.convolution = pooling, convolution
        self.vocabulary_size, self.embedding_size = vocabulary_size, embedding_size
        self.supports_masking = True
        self.pool = Pooling(pooling, units, name="pool") if pooling else None

    def build(self, input_shape: tuple[Any, ...]) -> None:
        self._check_input(input_shape)
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
        self._check_input(inputs.shape, inputs.dtype)
        if self.vocabulary_size is not None:
            mask = tf.not_equal(inputs, 0)
            inputs = tf.gather(self.embedding, inputs)  # (N, T, E)
        steps = tf.transpose(tf.cast(inputs, self.compute_dtype), [1, 0, 2])  # (T, N, E)
        encoded = self.encode(steps, None if mask is None else tf.transpose(tf.cast(mask, tf.bool)))
        return tf.transpose(encoded, [1, 0, 2]) if self.pool is None else encoded

    def encode(self, steps: Tensor, mask: Tensor) -> Tensor:
        """Return pooled vectors, `(N, P)`, or without a pooling the states, `(T, N, D * U)`.

        Args:
            steps: Time first, `(T, N, E)`.
            mask: `(T, N) bool`, false where a step is skipped; None skips no step.
        """
        states = self.states(steps, mask)
        if self.pool is None:
            return states
        return self.pool(states, every_step(states) if mask is None else mask)

    def states(self, steps: Tensor, mask: Tensor) -> Tensor:
        """Return the states, `(T, N, D * U)`; the arguments are those of `encode`."""
        if self.convolution:
            if mask is not None:
                steps *= tf.cast(mask, steps.dtype)[:, :, None]
            kernel, bias = tf.convert_to_tensor(self.conv_kernel), tf.convert_to_tensor(self.conv_bias)
            steps += tf.nn.relu(convolve(steps, kernel, bias))  # (T, N, E)
        for weights in self.gru:
            steps = run_steps(steps, mask, weights, self.reset_after)  # (T, N, D * U)
        return steps

    def compute_output_spec(self, inputs: Any, mask: Any = None) -> Any:
        self._check_input(inputs.shape, inputs.dtype)
        return super().compute_output_spec(inputs, mask=mask)

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

    def _check_input(self, shape: Any, dtype: Any = None) -> None:
        """Raise a ValueError or a TypeError that says what the layer got and what it expects."""
        takes_ids = self.vocabulary_size is not None
        if takes_ids:
            wanted = "GRUEncoder with vocabulary_size expects token ids: integers of shape (N, T)"
            advice = "without vocabulary_size it expects numbers (N, T, F)"
        else:
            wanted = "GRUEncoder without vocabulary_size expects numbers of shape (N, T, F), where F is known"
            advice = "with vocabulary_size it expects token ids (N, T)"
        if dtype is not None:
            dtype = keras.backend.standardize_dtype(dtype)
            if dtype == "string":
                advice = "turn texts into ids first, for example with keras.layers.TextVectorization"
            is_integer = "int" in dtype
            if dtype == "string" or (takes_ids and not is_integer):
                raise TypeError(f"{wanted}, not {dtype} of shape {tuple(shape)}; {advice}")
        if len(shape) != (2 if takes_ids else 3) or (not takes_ids and shape[-1] is None):
            raise ValueError(f"{wanted}, not an input of shape {tuple(shape)}; {advice}")

    def _config(self) -> GRUConfig:
        return GRUConfig(
            units=self.units,
            layers=self.layers,
            bidirectional=self.bidirectional,
            pooling=self.pooling or "max",
        )


@tf.custom_gradient
def convolve(steps: Tensor, kernel: Tensor, bias: Tensor) -> Any:
    """Convolve `(T, N, E)` over time with zeros around it, to `(T, N, F)`; `kernel` is `(width, E, F)`.

    TensorFlow's own convolution takes several times as long for texts. This one is one matrix product, and its
    gradient for the steps is the convolution with the kernel reversed and transposed.
    """
    windows = _windows(steps, kernel.shape[0])
    flat = tf.reshape(kernel, [-1, kernel.shape[2]])

    def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
        reversed_kernel = tf.reshape(tf.transpose(kernel[::-1], [0, 2, 1]), [-1, kernel.shape[1]])
        grad_steps = tf.matmul(_windows(upstream, kernel.shape[0]), reversed_kernel)
        rows = tf.reshape(upstream, [-1, kernel.shape[2]])
        grad_kernel = tf.reshape(tf.matmul(windows, rows, transpose_a=True), kernel.shape)
        return tf.reshape(grad_steps, tf.shape(steps)), grad_kernel, tf.reduce_sum(rows, 0)

    count, texts = tf.unstack(tf.shape(steps)[:2])
    return tf.reshape(tf.matmul(windows, flat) + bias, [count, texts, kernel.shape[2]]), gradient


def _windows(steps: Tensor, width: int) -> Tensor:
    """Return each step with its neighbours side by side, `(T * N, width * E)`."""
    padded = tf.pad(steps, [[width // 2, width // 2], [0, 0], [0, 0]])
    count = tf.shape(steps)[0]
    windows = tf.concat([padded[first : first + count] for first in range(width)], -1)
    return tf.reshape(windows, [-1, width * steps.shape[2]])
