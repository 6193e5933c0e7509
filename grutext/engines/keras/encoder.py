"""The GRU encoder as a Keras layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from grutext.config import CONVOLUTIONS, is_convolution
from grutext.engines.keras.backend import keras, tf
from grutext.engines.keras.gru import GRU
from grutext.engines.keras.pooling import POOLINGS, LastPooling, Pooling
from grutext.engines.keras.recurrence import every_step
from grutext.errors import ConfigError
from grutext.model.spec import DIRECTIONS

Tensor = Any

# Arguments that are those of every GRU layer.
GRU_ARGUMENTS = (
    "activation",
    "recurrent_activation",
    "use_bias",
    "kernel_initializer",
    "recurrent_initializer",
    "bias_initializer",
    "kernel_regularizer",
    "recurrent_regularizer",
    "bias_regularizer",
    "kernel_constraint",
    "recurrent_constraint",
    "bias_constraint",
    "dropout",
    "recurrent_dropout",
    "reset_after",
)


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
        pooling: A name in `grutext.model.spec.POOLINGS`; None returns the states, `(N, T, D * U)`.
        vocabulary_size: Number of token ids, padding included; None for numbers as input.
        embedding_size: Width E of the embedding; used with `vocabulary_size` only.
        convolution: Odd width of a convolution before the GRU; 0 leaves it out.
        seed: Seed of the dropout; each GRU draws numbers of its own.
        **kwargs: Arguments of every GRU, by the names in `GRU_ARGUMENTS`, and those of every Keras layer.

    Call with token ids `(N, T)` of any integer type, where 0 is padding, if `vocabulary_size` is given; otherwise with
    numbers `(N, T, F)`. Both take `mask` `(N, T) bool`, false where a step is to be skipped.

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
        pooling: str | None = "max+mean",
        vocabulary_size: int | None = None,
        embedding_size: int = 64,
        convolution: int = 0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        arguments = {name: kwargs.pop(name) for name in GRU_ARGUMENTS if name in kwargs}
        super().__init__(**kwargs)
        if pooling is not None and pooling not in POOLINGS:
            raise ConfigError(f'there is no pooling "{pooling}"; it must be one of {", ".join(POOLINGS)}')
        if not is_convolution(convolution):
            raise ConfigError(f"the width of a convolution must be {CONVOLUTIONS}, not {convolution}")
        self.units, self.layers, self.bidirectional = units, layers, bidirectional
        self.pooling, self.convolution, self.seed = pooling, convolution, seed
        self.vocabulary_size, self.embedding_size = vocabulary_size, embedding_size
        self.supports_masking = True
        self.supports_jit = False  # as in `GRU`
        self.grus = [
            GRU(
                units,
                **arguments,
                seed=None if seed is None else seed + number,
                return_sequences=True,
                go_backwards=direction == "backward",
                dtype=self.dtype_policy,
                name=f"gru_{layer}_{direction}",
            )
            for number, (layer, direction) in enumerate(self._names())
        ]
        self.pool = self._make_pooling()

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
        for grus in self.gru_layers():
            for gru in grus:
                gru.build((None, None, width))
            width = len(grus) * self.units
        if self.pool is not None:
            self.pool.build((None, None, width))

    def call(self, inputs: Tensor, mask: Tensor = None, training: bool = False) -> Tensor:
        self._check_input(inputs.shape, inputs.dtype)
        if mask is not None:
            mask = tf.cast(mask, tf.bool)
        if self.vocabulary_size is not None:
            real = tf.not_equal(inputs, 0)
            mask = real if mask is None else mask & real
            inputs = tf.gather(self.embedding, inputs)  # (N, T, E)
        steps = tf.transpose(tf.cast(inputs, self.compute_dtype), [1, 0, 2])  # (T, N, E)
        encoded = self.encode(steps, None if mask is None else tf.transpose(mask), training=training)
        return tf.transpose(encoded, [1, 0, 2]) if self.pool is None else encoded

    def encode(self, steps: Tensor, mask: Tensor, *, training: bool = True) -> Tensor:
        """Return pooled vectors, `(N, P)`, or without a pooling the states, `(T, N, D * U)`.

        Args:
            steps: Time first, `(T, N, E)`.
            mask: `(T, N) bool`, false where a step is skipped; None skips no step.
            training: Whether there is dropout; see also `grutext.engines.keras.recurrence.Direction`.
        """
        states = self.states(steps, mask, training=training)
        if self.pool is None:
            return states
        with tf.name_scope(self.pool.name):  # names decide in which order TensorFlow adds
            return self.pool.pool(states, every_step(states) if mask is None else mask)

    def states(self, steps: Tensor, mask: Tensor, *, training: bool = True) -> Tensor:
        """Return the states, `(T, N, D * U)`; the arguments are those of `encode`."""
        if self.convolution:
            if mask is not None:
                steps *= tf.cast(mask, steps.dtype)[:, :, None]
            kernel, bias = tf.convert_to_tensor(self.conv_kernel), tf.convert_to_tensor(self.conv_bias)
            steps += tf.nn.relu(convolve(steps, kernel, bias))  # (T, N, E)
        for grus in self.gru_layers():
            directions = [_states(gru, steps, mask, training) for gru in grus]
            steps = tf.concat(directions, axis=-1)  # (T, N, D * U)
        return steps

    def gru_layers(self) -> Iterator[list[GRU]]:
        """Yield the GRU of each direction, for each layer."""
        count = len(self.grus) // self.layers
        for first in range(0, len(self.grus), count):
            yield self.grus[first : first + count]

    def compute_output_spec(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        self._check_input(inputs.shape, inputs.dtype)
        return super().compute_output_spec(inputs, mask=mask, training=training)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor = None) -> Tensor:
        if self.pool is not None:
            return None
        if self.vocabulary_size is None:
            return previous_mask
        real = keras.ops.not_equal(inputs, 0)
        return real if previous_mask is None else keras.ops.logical_and(real, previous_mask)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        states = (*input_shape[:2], len(self.grus) // self.layers * self.units)
        return states if self.pool is None else self.pool.compute_output_shape(states)

    def get_config(self) -> dict[str, Any]:
        own = {
            name: getattr(self, name)
            for name in (
                "units",
                "layers",
                "bidirectional",
                "pooling",
                "vocabulary_size",
                "embedding_size",
                "convolution",
                "seed",
            )
        }
        gru = self.grus[0].get_config()
        return super().get_config() | own | {name: gru[name] for name in GRU_ARGUMENTS}

    def _names(self) -> Iterator[tuple[int, str]]:
        """Yield layer and direction of each GRU."""
        for layer in range(self.layers):
            for direction in DIRECTIONS if self.bidirectional else DIRECTIONS[:1]:
                yield layer, direction

    def _make_pooling(self) -> Pooling | None:
        if self.pooling is None:
            return None
        if self.pooling == "last":
            return LastPooling(self.bidirectional, dtype=self.dtype_policy, name="pool")
        return POOLINGS[self.pooling](dtype=self.dtype_policy, name="pool")

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
            elif takes_ids:  # without an Input, Sequential makes one of the layer's own dtype
                advice += '; begin a Sequential model with keras.Input((None,), dtype="int32")'
            is_integer = "int" in dtype
            if dtype == "string" or (takes_ids and not is_integer):
                raise TypeError(f"{wanted}, not {dtype} of shape {tuple(shape)}; {advice}")
        if len(shape) != (2 if takes_ids else 3) or (not takes_ids and shape[-1] is None):
            raise ValueError(f"{wanted}, not an input of shape {tuple(shape)}; {advice}")


def _states(gru: GRU, steps: Tensor, mask: Tensor, training: bool) -> Tensor:
    """Return the states of one GRU in the order of time, `(T, N, U)`."""
    if gru.runs_own_recurrence(training):
        return gru.run(steps, mask, training=training)
    mask = None if mask is None else tf.transpose(mask)  # (N, T)
    states = tf.transpose(gru(tf.transpose(steps, [1, 0, 2]), mask=mask, training=training), [1, 0, 2])
    return tf.reverse(states, [0]) if gru.go_backwards else states


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
