"""The loops of the GRU over time, each with its own gradient: one for each convention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grutext.engines.keras.backend import tf

Tensor = Any


def reset_after(
    gates: Tensor, candidates: Tensor, into_gates: Tensor, into_candidate: Tensor, bias: Tensor,
    start: Tensor, backward: bool,
) -> Any:  # fmt: skip
    """Runs h' = h + u (tanh(x + r (h Uc + b)) - h); gives the states and their gradient."""
    units = start.shape[-1]

    def step(t: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        ur, u, r = _open(gates[t], h, into_gates)
        inner = tf.matmul(h, into_candidate) + bias  # (N, U)
        c = tf.tanh(candidates[t] + r * inner)  # (N, U)
        change = c - h
        after = h + u * change
        return after, after, h, ur, c, change, inner

    widths = [units, units, 2 * units, units, units, units]
    _, states, before, *saved = _loop(step, start, gates, widths, backward)

    def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
        def back(t: Tensor, carry: Tensor) -> tuple[Tensor, ...]:
            dh = upstream[t] + carry
            ur, c, change, inner = (array.read(t) for array in saved)
            u, r = tf.split(ur, 2, axis=-1)
            dn = dh * u
            dc = tf.raw_ops.TanhGrad(y=c, dy=dn)
            dinner = dc * r
            dur = tf.raw_ops.SigmoidGrad(y=ur, dy=tf.concat([dh * change, dc * inner], -1))
            by_gates = tf.matmul(dur, into_gates, transpose_b=True)
            by_candidate = tf.matmul(dinner, into_candidate, transpose_b=True)
            return tf.add_n([dh - dn, by_gates, by_candidate]), dur, dc, dinner

        dstart, *arrays = _loop(back, tf.zeros_like(start), gates, [2 * units, units, units], not backward)
        dgates, dcandidates, dinner = (array.stack() for array in arrays)  # (T, N, 2U or U)
        return _of_weights(before.stack(), dgates, dcandidates, dinner, dstart)

    return states.stack(), gradient


def reset_before(
    gates: Tensor, candidates: Tensor, into_gates: Tensor, into_candidate: Tensor, bias: Tensor,
    start: Tensor, backward: bool,
) -> Any:  # fmt: skip
    """Runs h' = h + u (tanh(x + (r h) Uc) - h); `bias` is zero and has no gradient."""
    units = start.shape[-1]

    def step(t: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        ur, u, r = _open(gates[t], h, into_gates)
        reset = r * h
        c = tf.tanh(candidates[t] + tf.matmul(reset, into_candidate))  # (N, U)
        change = c - h
        after = h + u * change
        return after, after, h, reset, ur, c, change

    widths = [units, units, units, 2 * units, units, units]
    _, states, before, reset, *saved = _loop(step, start, gates, widths, backward)

    def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
        def back(t: Tensor, carry: Tensor) -> tuple[Tensor, ...]:
            dh = upstream[t] + carry
            ur, c, change = (array.read(t) for array in saved)
            u, r = tf.split(ur, 2, axis=-1)
            dn = dh * u
            dc = tf.raw_ops.TanhGrad(y=c, dy=dn)
            dreset = tf.matmul(dc, into_candidate, transpose_b=True)
            dur = tf.raw_ops.SigmoidGrad(y=ur, dy=tf.concat([dh * change, dreset * before.read(t)], -1))
            return tf.add_n([dh - dn, tf.matmul(dur, into_gates, transpose_b=True), dreset * r]), dur, dc

        dstart, *arrays = _loop(back, tf.zeros_like(start), gates, [2 * units, units], not backward)
        dgates, dcandidates = (array.stack() for array in arrays)  # (T, N, 2U or U)
        dinto_gates = _product(before.stack(), dgates)
        dinto_candidate = _product(reset.stack(), dcandidates)
        return dgates, dcandidates, dinto_gates, dinto_candidate, tf.zeros_like(bias), dstart

    return states.stack(), gradient


def _open(inputs: Tensor, h: Tensor, into_gates: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gives the opened gates of a step, `(N, 2U)`, and u and r of them, `(N, U)`."""
    ur = tf.sigmoid(inputs + tf.matmul(h, into_gates))
    return ur, *tf.split(ur, 2, axis=-1)


def _of_weights(
    h: Tensor, dgates: Tensor, dcandidates: Tensor, dinner: Tensor, dstart: Tensor
) -> tuple[Tensor, ...]:
    """Gives the gradients of `reset_after` in the order of its arguments; `h` are the states before each step."""
    dbias = tf.reduce_sum(dinner, [0, 1])
    return dgates, dcandidates, _product(h, dgates), _product(h, dinner), dbias, dstart


def _loop(step: Any, carry: Tensor, like: Tensor, widths: Sequence[int], backward: bool) -> tuple[Any, ...]:
    """Runs `carry, *values = step(t, carry)` over time; gives the last carry and an array for each value.

    Args:
        step: Takes and gives `(N, U)`; its values are `(N, width)`.
        carry: What the first step takes.
        like: `(T, ...)`, tells the number of steps and the type.
        widths: Of the values.
        backward: Whether it begins at the end; the arrays are in the order of time all the same.
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
    """Gives the sum over t and n of inputs^T outputs: one product for all steps."""
    rows, columns = inputs.shape[-1], outputs.shape[-1]
    return tf.matmul(tf.reshape(inputs, [-1, rows]), tf.reshape(outputs, [-1, columns]), transpose_a=True)
