"""The GRU over time in TensorFlow, with its own gradient; equations in `grutext.model.spec`.

It is faster than a layer that TensorFlow differentiates: the input projection of all steps is one product, and so is the
gradient of each weight; the backward pass reads the values of a step without copying them; and skipped steps need no branch,
since their update gate is closed before the loop begins.

Inside, time is the first axis, and `u = 1 - z` replaces the update gate, so that `h' = h + u (c - h)`: where u is 0, h stays the
same to the last bit, and so does its gradient. The loops are in `grutext.engines.keras.cells`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grutext.engines.keras import cells, cudnn
from grutext.engines.keras.backend import tf

Tensor = Any
Weights = tuple[Tensor, Tensor, Tensor]
_CLOSED = -1e9  # the sigmoid of it is 0


@dataclass(frozen=True, slots=True)
class Direction:
    """How one direction of a GRU reads.

    Attributes:
        reset_after: Which GRU convention.
        backward: Whether it reads from the end.
        training: Whether gradients are likely to be needed. Without it, TensorFlow differentiates the loop by itself,
            which is slower, but a graph without the own gradient can be exported as a SavedModel.
        cudnn: Whether cuDNN may run it.
    """

    reset_after: bool = True
    backward: bool = False
    training: bool = True
    cudnn: bool = True


def run_direction(
    steps: Tensor, mask: Tensor, weights: Weights, direction: Direction, start: Tensor = None
) -> Tensor:
    """Return the states of one direction, in the order of time.

    Args:
        steps: `(T, N, I) float32`.
        mask: `(T, N) bool`, false where a step is to be skipped; it may have gaps. None skips no step.
        weights: `(kernel, recurrent_kernel, bias)` with the shapes of the spec.
        direction: How it reads.
        start: State before the first step, `(N, U) float32`; zeros if left out.

    Returns:
        `(T, N, U) float32`; a skipped step repeats the state before it.
    """
    # A variable read inside a loop would make TensorFlow run the two directions one after the other.
    kernel, recurrent, bias = (tf.convert_to_tensor(w) for w in weights)
    if start is None:
        start = tf.zeros([tf.shape(steps)[1], recurrent.shape[0]], steps.dtype)

    def run() -> Tensor:
        return _run(steps, mask, (kernel, recurrent, bias), direction, start)

    if not (direction.reset_after and direction.cudnn and cudnn.sees_gpu()):
        return run()
    real = every_step(steps) if mask is None else mask

    def run_cudnn() -> Tensor:
        return cudnn.run(steps, real, (kernel, recurrent, bias), start, backward=direction.backward)

    return tf.cond(cudnn.fits(real), run_cudnn, run)


def every_step(steps: Tensor) -> Tensor:
    """Return a mask `(T, N)` for steps `(T, N, ...)` that skips none of them."""
    return tf.ones(tf.shape(steps)[:2], tf.bool)


def _run(steps: Tensor, mask: Tensor, weights: Weights, direction: Direction, start: Tensor) -> Tensor:
    """Do what `run_direction` does with the loops of `cells`, without cuDNN."""
    kernel, recurrent, bias = weights
    units = recurrent.shape[0]
    input_bias, inner = (bias[0], bias[1]) if direction.reset_after else (bias, tf.zeros_like(bias))
    kernel_gates, kernel_candidate = _split(kernel)
    recurrent_gates, recurrent_candidate = _split(recurrent)
    bias_gates, _ = _split(input_bias + inner)
    gates = _project(steps, kernel_gates, bias_gates)  # (T, N, 2U)
    if mask is not None:
        closed_value = tf.constant(max(_CLOSED, float(steps.dtype.min)), steps.dtype)
        closed = tf.where(mask, tf.zeros_like(closed_value), closed_value)[:, :, None]  # (T, N, 1)
        gates += closed * tf.concat([tf.ones([units], steps.dtype), tf.zeros([units], steps.dtype)], 0)
    candidates = _project(steps, kernel_candidate, input_bias[2 * units :])  # (T, N, U)
    cell: Any = cells.reset_after if direction.reset_after else cells.reset_before
    tensors = (gates, candidates, recurrent_gates, recurrent_candidate, inner[2 * units :], start)
    if not direction.training:
        states, _ = cell(*tensors, direction.backward)
        return states
    return tf.custom_gradient(lambda *tensors: cell(*tensors, direction.backward))(*tensors)


def _split(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Split `(..., 3U)` in the order z, r, c into u and r, `(..., 2U)`, and c; u = 1 - z, so z is negated."""
    z, r, c = tf.split(weights, 3, axis=-1)
    return tf.concat([-z, r], -1), c


def _project(steps: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Return `(T, N, I)` times `(I, O)` plus bias, `(T, N, O)`, computed as one product."""
    rows = tf.matmul(tf.reshape(steps, [-1, kernel.shape[0]]), kernel) + bias
    return tf.reshape(rows, [*tf.unstack(tf.shape(steps)[:2]), kernel.shape[1]])
