"""The GRU over time in TensorFlow, with its own gradient; equations in `grutext.model.spec`.

Three things make it faster than a layer that TensorFlow differentiates: the input projection of all
steps is one matrix product, both directions take their steps together in one batched product, and the
gradients of the weights are one product each after the backward loop instead of one a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grutext.nn.backend import tf

Tensor = Any


def run_gru(
    inputs: Tensor, mask: Tensor, weights: Sequence[tuple[Tensor, Tensor, Tensor]], reset_after: bool
) -> Tensor:
    """Gives the states of one layer of one or two directions.

    Args:
        inputs: `(N, T, I) float32`.
        mask: `(N, T) bool`, false where a step is to be skipped; it may have gaps.
        weights: `(kernel, recurrent_kernel, bias)` of the forward and, if there are two, the backward
            direction, with the shapes of the spec.
        reset_after: Which convention.

    Returns:
        `(N, T, D * U) float32`; a skipped step repeats the state before it.
    """
    loop = _reset_after if reset_after else _reset_before
    steps = tf.transpose(inputs, [1, 0, 2])  # (T, N, I)
    kept = tf.transpose(tf.cast(mask, inputs.dtype))[:, :, None]  # (T, N, 1)
    states = []
    for backward, weight in enumerate(weights):
        # A variable read inside a loop would make TensorFlow run the two directions one after the other.
        kernel, recurrent, bias = (tf.convert_to_tensor(w) for w in weight)
        own, inner = (bias[0], bias[1]) if reset_after else (bias, tf.zeros_like(bias))
        gates = tf.einsum("tni,ig->tng", steps, kernel) + own  # (T, N, 3U)
        states.append(_differentiable(loop, bool(backward))(gates, recurrent, inner, kept))  # (T, N, U)
    return tf.transpose(tf.concat(states, axis=-1), [1, 0, 2])


def _differentiable(loop: Any, backward: bool) -> Any:
    """Gives `loop`, which returns its states and their gradient, as one differentiable operation."""

    @tf.custom_gradient
    def run(*tensors: Tensor) -> Any:
        return loop(*tensors, backward)

    return run


def _reset_after(gates: Tensor, recurrent: Tensor, bias: Tensor, mask: Tensor, backward: bool) -> Any:
    """Runs h' = z h + (1 - z) tanh(gx + r (h Uc + dc)) over T steps; see `run_gru` for the shapes."""
    units = recurrent.shape[0]

    def step(t: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        x = gates[t]  # (N, 3U)
        hidden = tf.matmul(h, recurrent) + bias  # (N, 3U)
        zr = tf.sigmoid(x[..., : 2 * units] + hidden[..., : 2 * units])  # (N, 2U)
        z, r = zr[..., :units], zr[..., units:]
        inner = hidden[..., 2 * units :]  # (N, U)
        c = tf.tanh(x[..., 2 * units :] + r * inner)
        return h + mask[t] * (1.0 - z) * (c - h), tf.concat([zr, c, inner], -1)

    states, saved = _loop(step, gates, units, 4 * units, backward)

    def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
        transposed = tf.transpose(recurrent)  # (3U, U)
        before = _previous(states, backward)  # (T, N, U)

        def back(t: Tensor, carry: Tensor) -> tuple[Tensor, ...]:
            z, r, c, inner = tf.split(saved[t], 4, axis=-1)  # (N, U) each
            dh = upstream[t] + carry
            dn = mask[t] * dh
            dc = dn * (1.0 - z) * (1.0 - c * c)
            dz = dn * (before[t] - c) * z * (1.0 - z)
            dr = dc * inner * r * (1.0 - r)
            dzr = tf.concat([dz, dr], -1)
            dhidden = tf.concat([dzr, dc * r], -1)  # (N, 3U)
            carry = dh - dn + dn * z + tf.matmul(dhidden, transposed)
            return carry, tf.concat([dhidden, dc], -1)

        both = _loop_back(back, gates, units, 4 * units, backward)  # (T, N, 4U)
        dhidden = both[..., : 3 * units]
        dgates = tf.concat([both[..., : 2 * units], both[..., 3 * units :]], -1)
        return dgates, _weight_gradient(before, dhidden), tf.reduce_sum(dhidden, [0, 1]), None

    return states, gradient


def _reset_before(gates: Tensor, recurrent: Tensor, bias: Tensor, mask: Tensor, backward: bool) -> Any:
    """Runs h' = z h + (1 - z) tanh(gx + (r h) Uc) over T steps; `bias` is zero and has no gradient."""
    units = recurrent.shape[0]
    into_gates, into_candidate = recurrent[..., : 2 * units], recurrent[..., 2 * units :]

    def step(t: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        x = gates[t]  # (N, 3U)
        zr = tf.sigmoid(x[..., : 2 * units] + tf.matmul(h, into_gates))  # (N, 2U)
        z, r = zr[..., :units], zr[..., units:]
        c = tf.tanh(x[..., 2 * units :] + tf.matmul(r * h, into_candidate))  # (N, U)
        return h + mask[t] * (1.0 - z) * (c - h), tf.concat([zr, c], -1)

    states, saved = _loop(step, gates, units, 3 * units, backward)

    def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
        before = _previous(states, backward)  # (T, N, U)

        def back(t: Tensor, carry: Tensor) -> tuple[Tensor, ...]:
            z, r, c = tf.split(saved[t], 3, axis=-1)  # (N, U) each
            dh = upstream[t] + carry
            dn = mask[t] * dh
            dc = dn * (1.0 - z) * (1.0 - c * c)
            dz = dn * (before[t] - c) * z * (1.0 - z)
            dreset = tf.matmul(dc, into_candidate, transpose_b=True)  # (N, U)
            dr = dreset * before[t] * r * (1.0 - r)
            dzr = tf.concat([dz, dr], -1)
            carry = dh - dn + dn * z + dreset * r + tf.matmul(dzr, into_gates, transpose_b=True)
            return carry, tf.concat([dzr, dc], -1)

        dgates = _loop_back(back, gates, units, 3 * units, backward)  # (T, N, 3U)
        reset = saved[..., units : 2 * units] * before
        drecurrent = tf.concat(
            [
                _weight_gradient(before, dgates[..., : 2 * units]),
                _weight_gradient(reset, dgates[..., 2 * units :]),
            ],
            axis=-1,
        )  # (U, 3U)
        return dgates, drecurrent, tf.zeros_like(bias), None

    return states, gradient


def _loop(step: Any, gates: Tensor, units: int, width: int, backward: bool) -> tuple[Tensor, Tensor]:
    """Runs `step` over time; gives all states and all that the gradient needs, both in time's order."""
    last = tf.shape(gates)[0] - 1
    arrays = [tf.TensorArray(gates.dtype, last + 1, element_shape=[None, size]) for size in (units, width)]

    def body(i: Tensor, h: Tensor, states: Any, saved: Any) -> tuple[Any, ...]:
        t = last - i if backward else i
        h, activations = step(t, h)
        return i + 1, h, states.write(t, h), saved.write(t, activations)

    start = tf.zeros([tf.shape(gates)[1], units], gates.dtype)
    loop = tf.while_loop(lambda i, *_: i <= last, body, [0, start, *arrays])
    return loop[2].stack(), loop[3].stack()


def _loop_back(back: Any, gates: Tensor, units: int, width: int, backward: bool) -> Tensor:
    """Runs `back` against the order of `_loop`; gives the gradients of all steps, in time's order."""
    last = tf.shape(gates)[0] - 1
    array = tf.TensorArray(gates.dtype, last + 1, element_shape=[None, width])

    def body(i: Tensor, carry: Tensor, gradients: Any) -> tuple[Any, ...]:
        t = i if backward else last - i
        carry, gradient = back(t, carry)
        return i + 1, carry, gradients.write(t, gradient)

    start = tf.zeros([tf.shape(gates)[1], units], gates.dtype)
    return tf.while_loop(lambda i, *_: i <= last, body, [0, start, array])[2].stack()


def _previous(states: Tensor, backward: bool) -> Tensor:
    """Gives, for each step, the state that the direction had before it; zeros before its first step."""
    zeros = tf.zeros_like(states[:1])
    return tf.concat([states[1:], zeros], 0) if backward else tf.concat([zeros, states[:-1]], 0)


def _weight_gradient(inputs: Tensor, outputs: Tensor) -> Tensor:
    """Gives the sum over t and n of inputs^T outputs: one product for all steps."""
    return tf.einsum("tni,tng->ig", inputs, outputs)
