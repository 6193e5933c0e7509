"""The GRU over time in TensorFlow, with its own gradient; equations in `grutext.model.spec`.

What makes it faster than a layer that TensorFlow differentiates: the input projection of all steps is one
product, and so are the gradients of the weights; what a step needs again on the way back is handed over as
it is, without a copy; and a skipped step costs nothing, since its gate is shut before the loop begins.

Inside, time is the first axis, and `u = 1 - z` takes the place of the update gate, so that
`h' = h + u (c - h)`: where u is 0, h stays the same to the last bit, and so does its gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grutext.nn import cudnn
from grutext.nn.backend import tf

Tensor = Any
Weights = tuple[Tensor, Tensor, Tensor]
_SHUT = -1e9  # sigmoid gives 0


def run_steps(steps: Tensor, mask: Tensor, weights: Sequence[Weights], reset_after: bool) -> Tensor:
    """Gives the states of one layer of one or two directions.

    Args:
        steps: `(T, N, I) float32`.
        mask: `(T, N) bool`, false where a step is to be skipped; it may have gaps.
        weights: `(kernel, recurrent_kernel, bias)` of the forward and, if there are two, the backward
            direction, with the shapes of the spec.
        reset_after: Which convention.

    Returns:
        `(T, N, D * U) float32`; a skipped step repeats the state before it.
    """
    states = [
        run_direction(steps, mask, weight, reset_after, backward=bool(backward))
        for backward, weight in enumerate(weights)
    ]
    return tf.concat(states, axis=-1)


def run_direction(
    steps: Tensor, mask: Tensor, weights: Weights, reset_after: bool, *, backward: bool, start: Tensor = None
) -> Tensor:
    """Gives the states of one direction, in the order of time.

    Args:
        steps: `(T, N, I) float32`.
        mask: `(T, N) bool`, false where a step is to be skipped.
        weights: `(kernel, recurrent_kernel, bias)` with the shapes of the spec.
        reset_after: Which convention.
        backward: Whether it reads from the end.
        start: `(N, U) float32`, the state before the first step; zeros if left out.

    Returns:
        `(T, N, U) float32`; a skipped step repeats the state before it.
    """
    # A variable read inside a loop would make TensorFlow run the two directions one after the other.
    kernel, recurrent, bias = (tf.convert_to_tensor(w) for w in weights)
    if start is None:
        start = tf.zeros([tf.shape(steps)[1], recurrent.shape[0]], steps.dtype)

    def run() -> Tensor:
        return _run(steps, mask, (kernel, recurrent, bias), start, reset_after, backward)

    def hand_over() -> Tensor:
        return cudnn.run(steps, mask, (kernel, recurrent, bias), start, backward=backward)

    return tf.cond(cudnn.fits(mask), hand_over, run) if reset_after and cudnn.is_there() else run()


def _run(
    steps: Tensor, mask: Tensor, weights: Weights, start: Tensor, reset_after: bool, backward: bool
) -> Tensor:
    """Does what `run_direction` does, by a loop of our own."""
    kernel, recurrent, bias = weights
    units = recurrent.shape[0]
    own, inner = (bias[0], bias[1]) if reset_after else (bias, tf.zeros_like(bias))
    kernel_gates, kernel_candidate = _split(kernel)
    recurrent_gates, recurrent_candidate = _split(recurrent)
    bias_gates, _ = _split(own + inner)
    shutting = tf.constant(max(_SHUT, float(steps.dtype.min)), steps.dtype)
    closed = tf.where(mask, tf.zeros_like(shutting), shutting)[:, :, None]  # (T, N, 1)
    shut = closed * tf.concat([tf.ones([units], steps.dtype), tf.zeros([units], steps.dtype)], 0)
    gates = _project(steps, kernel_gates, bias_gates) + shut  # (T, N, 2U)
    candidates = _project(steps, kernel_candidate, own[2 * units :])  # (T, N, U)
    cell: Any = _reset_after if reset_after else _reset_before

    @tf.custom_gradient
    def loop(*tensors: Tensor) -> Any:
        return cell(*tensors, backward)

    return loop(gates, candidates, recurrent_gates, recurrent_candidate, inner[2 * units :], start)


def _reset_after(
    gates: Tensor, candidates: Tensor, into_gates: Tensor, into_candidate: Tensor, bias: Tensor,
    start: Tensor, backward: bool,
) -> Any:  # fmt: skip
    """Runs h' = h + u (tanh(x + r (h Uc + b)) - h); gives the states and their gradient."""
    units = start.shape[-1]

    def step(t: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        ur = tf.sigmoid(gates[t] + tf.matmul(h, into_gates))  # (N, 2U)
        u, r = tf.split(ur, 2, axis=-1)
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
        h = before.stack()
        dbias = tf.reduce_sum(dinner, [0, 1])
        return dgates, dcandidates, _product(h, dgates), _product(h, dinner), dbias, dstart

    return states.stack(), gradient


def _reset_before(
    gates: Tensor, candidates: Tensor, into_gates: Tensor, into_candidate: Tensor, bias: Tensor,
    start: Tensor, backward: bool,
) -> Any:  # fmt: skip
    """Runs h' = h + u (tanh(x + (r h) Uc) - h); `bias` is zero and has no gradient."""
    units = start.shape[-1]

    def step(t: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        ur = tf.sigmoid(gates[t] + tf.matmul(h, into_gates))  # (N, 2U)
        u, r = tf.split(ur, 2, axis=-1)
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


def _split(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Parts `(..., 3U)` in the order z, r, c into those of u and r, `(..., 2U)`, and of c; u is 1 - z."""
    z, r, c = tf.split(weights, 3, axis=-1)
    return tf.concat([-z, r], -1), c


def _project(steps: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Gives `(T, N, I)` times `(I, O)` plus bias in one product, `(T, N, O)`."""
    rows = tf.matmul(tf.reshape(steps, [-1, kernel.shape[0]]), kernel) + bias
    return tf.reshape(rows, [*tf.unstack(tf.shape(steps)[:2]), kernel.shape[1]])


def _product(inputs: Tensor, outputs: Tensor) -> Tensor:
    """Gives the sum over t and n of inputs^T outputs: one product for all steps."""
    rows, columns = inputs.shape[-1], outputs.shape[-1]
    return tf.matmul(tf.reshape(inputs, [-1, rows]), tf.reshape(outputs, [-1, columns]), transpose_a=True)
