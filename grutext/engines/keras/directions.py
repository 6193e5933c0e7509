"""Shared adversarial directions, which are stored from step to step, so that a step needs no second pass to find them."""

from __future__ import annotations

from typing import Any

from grutext.engines.base import DIRECTION_RATE, direction_rows
from grutext.engines.keras.backend import tf

Tensor = Any


class Directions:
    """For each pair of a word and a label, the direction in which moving the word's vector raises the loss.

    A row is a moving average of the gradients of the loss of that label's texts for the word's vector, where the
    gradients of a text are scaled to length 1 together; it starts as zeros. Unlike the gradient of the text itself, it
    is known before the text is read. (Perturbations that are stored for each word: Li and Qiu 2020, arXiv 2004.14543.)
    If there are many pairs, some share a row.

    Args:
        rows: Rows V of the word table.
        classes: Number C of labels.
        size: Width E of a word's vector.

    Attributes:
        table: The directions, `(R, E)`.
    """

    def __init__(self, rows: int, classes: int, size: int) -> None:
        self.classes = classes
        self.table = tf.Variable(tf.zeros([direction_rows(rows, classes), size]))

    def pairs(self, words: Tensor, targets: Tensor) -> Tensor:
        """Return the row of each token, `(T, N) int32`.

        Args:
            words: Row of each token in the word table, `(T, N) int32`.
            targets: `(N, C)`; a text with several labels counts with its first, and a text without labels with label 0.
        """
        labels = tf.argmax(targets, axis=1, output_type=tf.int32)  # (N,)
        return (words * self.classes + labels) % self.table.shape[0]

    def recall(self, pairs: Tensor) -> Tensor:
        """Return the directions `(T, N, E)` of pairs `(T, N)`."""
        return tf.gather(self.table, pairs)

    def learn(self, pairs: Tensor, grad_vectors: Tensor, mask: Tensor) -> None:
        """Update the directions of a batch's tokens with the gradients for their vectors, `(T, N, E)`."""
        real = tf.boolean_mask(grad_vectors / text_norms(grad_vectors), mask)  # (S, E)
        touched, which = tf.unique(tf.boolean_mask(pairs, mask))
        means = tf.math.unsorted_segment_mean(real, which, tf.size(touched))
        known = tf.gather(self.table, touched)
        self.table.scatter_update(tf.IndexedSlices(known + DIRECTION_RATE * (means - known), touched))


def text_norms(vectors: Tensor) -> Tensor:
    """Return the Euclidean norm of each text's part of `(T, N, E)`, over all its tokens, `(1, N, 1)`; at least 1e-12."""
    return tf.maximum(tf.sqrt(tf.reduce_sum(tf.square(vectors), axis=[0, 2], keepdims=True)), 1e-12)
