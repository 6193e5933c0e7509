"""The loops of the GRU over time, with their gradients: one function for each convention.

Here u = 1 - z is the update gate. A function returns the states and their gradient function, as
`tf.custom_gradient` requires. `u` and `r` are called gates; all inputs are already projected.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grutext.engines.keras.backend import tf

Tensor = Any


def reset_after(
    gates: Tensor, candidates: Tensor, into_gates: Tensor, into_candidate: Tensor, bias: Tensor,
    start: Tensor, backward: bool,
) -> Any:  # fmt: skip
    """Run h' = h + u (tanh(x + r (h Uc + b)) - h) over time.

    Args:
        gates: Projected inputs of u and r, bias included, `(T, N, 2U)`.
        candidates: Projected inputs of the candidate, bias included, `(T, N, U)`.
        into_gates: Recurrent kernel of u and r, `(U, 2U)`.
        into_candidate: Recurrent kernel of the candidate, `(U, U)`.
        bias: Recurrent bias b of the candidate, `(U,)`.
        start: State before the first step, `(N, U)`.
        backward: Whether to begin at the end.

    Returns:
        The states, `(T, N, U)`, and the function that turns their gradient into the gradients of all arguments.
    """
    units = start.shape[-1]

    def step(t: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        ur, u, r = _gates(gates[t], h, into_gates)
        inner = tf.matmul(h, into_candidate) + bias  # (N, U)
        c = tf.tanh(candidates[t] + r * inner)  # (N, U)
        change = c - h
        after = h + u * change
        return after, after, h, ur, c, change, inner

    widths = [units, units, 2 * units, units, units, units]
    _, states, before, *saved = _loop(step, start, gates, widths, backward)

    def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
        def back(t: Tensor, carry: Tensor) -> tuple[Tensor, ...]:
            grad_h = upstream[t] + carry
            ur, c, change, inner = (array.read(t) for array in saved)
            u, r = tf.split(ur, 2, axis=-1)
            grad_n = grad_h * u
            grad_c = tf.raw_ops.TanhGrad(y=c, dy=grad_n)
            grad_inner = grad_c * r
            grad_ur = tf.raw_ops.SigmoidGrad(y=ur, dy=tf.concat([grad_h * change, grad_c * inner], -1))
            by_gates = tf.matmul(grad_ur, into_gates, transpose_b=True)
            by_candidate = tf.matmul(grad_inner, into_candidate, transpose_b=True)
            return tf.add_n([grad_h - grad_n, by_gates, by_candidate]), grad_ur, grad_c, grad_inner

        grad_start, *arrays = _loop(
            back, tf.zeros_like(start), gates, [2 * units, units, units], not backward
        )
        grad_gates, grad_candidates, grad_inner = (array.stack() for array in arrays)  # (T, N, 2U or U)
        return _all_gradients(before.stack(), grad_gates, grad_candidates, grad_inner, grad_start)

    return states.stack(), gradient


def reset_before(
    gates: Tensor, candidates: Tensor, into_gates: Tensor, into_candidate: Tensor, bias: Tensor,
    start: Tensor, backward: bool,
) -> Any:  # fmt: skip
    """Run h' = h + u (tanh(x + (r h) Uc) - h) over time; see `reset_after`. `bias` is zero and has no gradient."""
    units = start.shape[-1]

    def step(t: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        ur, u, r = _gates(gates[t], h, into_gates)
        reset = r * h
        c = tf.tanh(candidates[t] + tf.matmul(reset, into_candidate))  # (N, U)
        change = c - h
        after = h + u * change
        return after, after, h, reset, ur, c, change

    widths = [units, units, units, 2 * units, units, units]
    _, states, before, reset, *saved = _loop(step, start, gates, widths, backward)

    def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
        def back(t: Tensor, carry: Tensor) -> tuple[Tensor, ...]:
            grad_h = upstream[t] + carry
            ur, c, change = (array.read(t) for array in saved)
            u, r = tf.split(ur, 2, axis=-1)
            grad_n = grad_h * u
            grad_c = tf.raw_ops.TanhGrad(y=c, dy=grad_n)
            grad_reset = tf.matmul(grad_c, into_candidate, transpose_b=True)
            grad_ur = tf.raw_ops.SigmoidGrad(
                y=ur, dy=tf.concat([grad_h * change, grad_reset * before.read(t)], -1)
            )
            return (
                tf.add_n([grad_h - grad_n, tf.matmul(grad_ur, into_gates, transpose_b=True), grad_reset * r]),
                grad_ur,
                grad_c,
            )

        grad_start, *arrays = _loop(back, tf.zeros_like(start), gates, [2 * units, units], not backward)
        grad_gates, grad_candidates = (array.stack() for array in arrays)  # (T, N, 2U or U)
        grad_into_gates = _product(before.stack(), grad_gates)
        grad_into_candidate = _product(reset.stack(), grad_candidates)
        return (
            grad_gates,
            grad_candidates,
            grad_into_gates,
            grad_into_candidate,
            tf.zeros_like(bias),
            grad_start,
        )

    return states.stack(), gradient


def _gates(inputs: Tensor, h: Tensor, into_gates: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gates of a step together, `(N, 2U)`, and u and r apart, `(N, U)`."""
    ur = tf.sigmoid(inputs + tf.matmul(h, into_gates))
    return ur, *tf.split(ur, 2, axis=-1)


def _all_gradients(
    h: Tensor, grad_gates: Tensor, grad_candidates: Tensor, grad_inner: Tensor, grad_start: Tensor
) -> tuple[Tensor, ...]:
    """Return the gradients of `reset_after` in the order of its arguments; `h` is the state before each step."""
    grad_bias = tf.reduce_sum(grad_inner, [0, 1])
    return (
        grad_gates,
        grad_candidates,
        _product(h, grad_gates),
        _product(h, grad_inner),
        grad_bias,
        grad_start,
    )


def _loop(step: Any, carry: Tensor, like: Tensor, widths: Sequence[int], backward: bool) -> tuple[Any, ...]:
    """Run `carry, *values = step(t, carry)` over time; return the last carry and a `TensorArray` for each value.

    Args:
        step: From the state `(N, U)` before step t to the one after it, and values `(N, width)`.
        carry: The state before the first step, `(N, U)`.
        like: A tensor `(T, ...)` with the number of steps and the dtype.
        widths: Widths of the values.
        backward: Whether to begin at the end; the arrays are always in the order of time.
    """
    last = tf.shape(like)[0] - 1
    arrays = [
        tf.TensorArray(like.dtype, last + 1, element_shape=[None, width], clear_after_read=False)
        for width in widths
    ]

    def body(i: Tensor, carry: Tensor, *arrays: Any) -> tuple[Any, ...]:
        t = last - i if backward else i
        carry, *values = step(t, carry)
        return i + 1, carry, *(array.write(t, value) for array, value in zip(arrays, values, strict=True))

    return tf.while_loop(lambda i, *_: i <= last, body, [0, carry, *arrays])[1:]


def _product(inputs: Tensor, outputs: Tensor) -> Tensor:
    """Return the sum over t and n of inputs^T outputs, `(I, O)`, as one product for all steps."""
    rows, columns = inputs.shape[-1], outputs.shape[-1]
    return tf.matmul(tf.reshape(inputs, [-1, rows]), tf.reshape(outputs, [-1, columns]), transpose_a=True)
