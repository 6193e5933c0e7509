"""A GRU as a Keras layer, with the weights, the masks and the outputs of `keras.layers.GRU`."""

from __future__ import annotations

from typing import Any

from grutext.engines.keras.backend import keras, tf
from grutext.engines.keras.recurrence import run_direction

Tensor = Any


@keras.saving.register_keras_serializable("grutext.encoder")
class GRU(keras.layers.Layer):
    """A GRU over sequences: a faster `keras.layers.GRU` with tanh, sigmoid and no dropout.

    Weights (`kernel`, `recurrent_kernel`, `bias`, gates in the order z, r, c) have the shapes of Keras, so that
    `set_weights` and `get_weights` carry over. A skipped step repeats the output before it, or zeros at the beginning; if all
    steps are skipped, the state stays the initial one.

    A process that loads a saved model must import `grutext.encoder` first.

    Args:
        units: Width U of the state.
        return_sequences: Whether to return the outputs of all steps, `(N, T, U)`, or the last, `(N, U)`.
        return_state: Whether to return the last state, `(N, U)`, as well.
        go_backwards: Whether to read from the end; the outputs are then in the order of reading.
        reset_after: Which GRU convention; see `grutext.model.spec`.

    Call with `(N, T, F)`, and optionally `initial_state` `(N, U)` and `mask` `(N, T) bool`, false where a step is to be
    skipped; the mask may have gaps.

    Returns:
        The output, or a tuple of the output and the last state, in the layer's compute dtype.

    Raises:
        ValueError: The input does not have three axes.
    """

    # The module that Keras names in a saved model and in its error for an unknown layer: the one to import.
    __module__ = "grutext.encoder"

    def __init__(
        self,
        units: int,
        *,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        reset_after: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units, self.reset_after = units, reset_after
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards = go_backwards
        self.supports_masking = True

    def build(self, sequences_shape: tuple[Any, ...], initial_state_shape: Any = None) -> None:
        gates = 3 * self.units
        bias = (2, gates) if self.reset_after else (gates,)
        if len(sequences_shape) != 3:
            raise ValueError(
                f"GRU expects sequences (N, T, F), not an input of shape {tuple(sequences_shape)}"
            )
        inputs = sequences_shape[-1]
        self.kernel = self.add_weight(shape=(inputs, gates), initializer="glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, gates), initializer="orthogonal", name="recurrent_kernel"
        )
        self.bias = self.add_weight(shape=bias, initializer="zeros", name="bias")

    def call(self, sequences: Tensor, initial_state: Tensor = None, mask: Tensor = None) -> Any:
        steps = tf.transpose(tf.cast(sequences, self.compute_dtype), [1, 0, 2])  # (T, N, F)
        if isinstance(initial_state, (list, tuple)):
            (initial_state,) = initial_state
        mask = None if mask is None else tf.transpose(tf.cast(mask, tf.bool))  # (T, N)
        weights = (self.kernel, self.recurrent_kernel, self.bias)
        states = run_direction(  # (T, N, U)
            steps, mask, weights, self.reset_after, backward=self.go_backwards, start=initial_state
        )
        last = states[0 if self.go_backwards else -1]
        if initial_state is not None and mask is not None:  # the initial state is not an output
            read = tf.cumsum(tf.cast(mask, tf.int32), reverse=self.go_backwards) > 0
            states = tf.where(read[:, :, None], states, 0)
        if self.go_backwards:
            states = tf.reverse(states, [0])
        output = tf.transpose(states, [1, 0, 2]) if self.return_sequences else states[-1]
        return (output, last) if self.return_state else output

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        state = (sequences_shape[0], self.units)
        output = (*sequences_shape[:2], self.units) if self.return_sequences else state
        return (output, state) if self.return_state else output

    def compute_mask(self, sequences: Any, previous_mask: Any = None) -> Any:
        mask = previous_mask[0] if isinstance(previous_mask, (list, tuple)) else previous_mask
        mask = mask if self.return_sequences else None
        return (mask, None) if self.return_state else mask

    def get_config(self) -> dict[str, Any]:
        names = ("units", "return_sequences", "return_state", "go_backwards", "reset_after")
        return super().get_config() | {name: getattr(self, name) for name in names}
