"""Keras' GRU layer with the recurrence of `grutext.engines.keras.recurrence`."""

from __future__ import annotations

from typing import Any

from grutext.engines.keras.backend import keras, tf
from grutext.engines.keras.recurrence import Direction, run_direction

Tensor = Any


@keras.saving.register_keras_serializable("grutext.encoder")
class GRU(keras.layers.GRU):
    """A `keras.layers.GRU` that is faster on a CPU, with the same arguments, weights, outputs and files of weights.

    It runs its own recurrence where the arguments allow it: with tanh and sigmoid, without `unroll`, `use_cudnn=True` and, in
    training, `recurrent_dropout`. Elsewhere it runs that of Keras. On a GPU, cuDNN runs what it can, unless `use_cudnn` is
    false; unlike in Keras the mask may be of any kind.

    Its gradient is faster as well if it is called with `training=True`, as `fit` does.

    A process that loads a saved model must import `grutext.encoder` first.
    """

    # The module that Keras names in a saved model and in its error for an unknown layer: the one to import.
    __module__ = "grutext.encoder"

    def __init__(self, units: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(units, *args, **kwargs)
        # XLA would compile the loop once more for each length of the sequences.
        self.supports_jit = False

    def inner_loop(self, sequences: Tensor, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Return the last output, all outputs, and the last state in a list; see `keras.layers.RNN`."""
        if not self.runs_own_recurrence(training):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        if keras.tree.is_nested(mask):
            mask = mask[0]
        steps = tf.transpose(tf.cast(sequences, self.compute_dtype), [1, 0, 2])  # (T, N, F)
        if mask is not None:
            mask = tf.transpose(tf.cast(tf.reshape(mask, tf.shape(sequences)[:2]), tf.bool))  # (T, N)
        outputs = self.run(steps, mask, training=training, start=initial_state[0])  # (T, N, U)
        if self.go_backwards:  # outputs are in the order of reading
            outputs = tf.reverse(outputs, [0])
            mask = None if mask is None else tf.reverse(mask, [0])
        last = outputs[-1]
        if mask is not None:
            # Before the first step that is read, the output is zero and not the initial state.
            shown = mask if self.zero_output_for_mask else tf.cumsum(tf.cast(mask, tf.int32)) > 0
            outputs = tf.where(shown[:, :, None], outputs, 0.0)
        return outputs[-1], tf.transpose(outputs, [1, 0, 2]), [last]

    def runs_own_recurrence(self, training: bool) -> bool:
        """Return whether the arguments allow the own recurrence, in training or in inference."""
        in_training = self.recurrent_dropout or (self.dropout and self.cell.implementation == 1)
        return (
            self.activation is keras.activations.tanh
            and self.recurrent_activation is keras.activations.sigmoid
            and self.use_cudnn is not True
            and not self.unroll
            and not (training and in_training)
        )

    def run(self, steps: Tensor, mask: Tensor, *, training: bool, start: Tensor = None) -> Tensor:
        """Return the states of all steps in the order of time, by the own recurrence.

        Args:
            steps: Time first, `(T, N, F)`.
            mask: `(T, N) bool`, false where a step is skipped; None skips no step.
            training: Whether to drop out inputs; see `Direction` as well.
            start: State before the first step, `(N, U)`; zeros if left out.

        Returns:
            `(T, N, U)`; a skipped step repeats the state before it.
        """
        if training and self.dropout:
            steps *= self.cell.get_dropout_mask(steps[0])  # (N, F), the same at every step, as in Keras
            self.cell.reset_dropout_mask()
        kernel, recurrent = self.cell.kernel, self.cell.recurrent_kernel
        bias = self.cell.bias
        if bias is None:
            bias = tf.zeros([2, 3 * self.units] if self.reset_after else [3 * self.units], steps.dtype)
        direction = Direction(self.reset_after, self.go_backwards, training, self.use_cudnn is not False)
        return run_direction(steps, mask, (kernel, recurrent, bias), direction, start)
