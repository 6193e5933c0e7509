"""The training losses, one for each kind of head: `softmax` for one label, `sigmoid` for several.

`targets` is `(N, C)`: 1 where a label applies, or the probability that it does. `weights` is the weight of each label's
texts in the loss, `(C,)`; see `grutext.training.class_weights`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grutext.engines.keras.backend import tf

Tensor = Any


def softmax_loss(logits: Tensor, targets: Tensor, smoothing: float, weights: Tensor) -> Tensor:
    """Return the cross-entropy of each text, `(N,)`, in nats; a row of `targets` sums to 1."""
    classes = tf.cast(tf.shape(targets)[-1], targets.dtype)
    smooth = (1.0 - smoothing) * targets + smoothing / classes
    losses = tf.nn.softmax_cross_entropy_with_logits(smooth, logits)  # (N,)
    return tf.linalg.matvec(targets, weights) * losses


def sigmoid_loss(logits: Tensor, targets: Tensor, smoothing: float, weights: Tensor) -> Tensor:
    """Return the binary cross-entropy of each text, summed over its labels, `(N,)`, in nats.

    `smoothing` is not used: pulling hundreds of rare labels towards one half would outweigh the few that apply.
    """
    return tf.reduce_sum(tf.nn.weighted_cross_entropy_with_logits(targets, logits, weights), axis=-1)


LOSSES: dict[str, Callable[[Tensor, Tensor, float, Tensor], Tensor]] = {
    "softmax": softmax_loss,
    "sigmoid": sigmoid_loss,
}
