"""Adversarial directions that are remembered, so that a training step needs no pass of its own to find them."""

from __future__ import annotations

from typing import Any

from grutext.engines.keras.backend import tf

Tensor = Any
_MOST_ROWS = 65_536
_RATE = 0.3  # how much the newest gradient counts


class Directions:
    """For each pair of a word and a label, where the loss of that label's texts rises, as far as the word moves them.

    A row is the mean of the gradients that the loss had for the word's vector, a text's gradients being of length 1
    together, weighted towards the latest; it begins as zeros. It is thus known before a pass over a text begins,
    unlike the text's own gradient. (Perturbations that are kept by word: Li and Qiu 2020, arXiv 2004.14543.) Where
    pairs are many, some share a row.

    Args:
        rows: Rows V of the word table.
        classes: Number C of labels.
        size: Width E of a word's vector.
    """

    def __init__(self, rows: int, classes: int, size: int) -> None:
        self.classes = classes
        self.table = tf.Variable(tf.zeros([min(rows * classes, _MOST_ROWS), size]))

    def pairs(self, words: Tensor, targets: Tensor) -> Tensor:
        """Gives the row of each token, `(T, N)`.

        Args:
            words: `(T, N) int32`, its row in the word table.
            targets: `(N, C)`; of several labels the first counts, and no label counts as the first one.
        """
        labels = tf.argmax(targets, axis=1, output_type=tf.int32)  # (N,)
        return (words * self.classes + labels) % self.table.shape[0]

    def recall(self, pairs: Tensor) -> Tensor:
        """Gives what is known of pairs `(T, N)`, `(T, N, E)`."""
        return tf.gather(self.table, pairs)

    def learn(self, pairs: Tensor, pull: Tensor, mask: Tensor) -> None:
        """Takes the gradients `(T, N, E)` of a batch's losses for the vectors of its tokens."""
        real = tf.boolean_mask(pull / text_norms(pull), mask)  # (S, E)
        touched, place = tf.unique(tf.boolean_mask(pairs, mask))
        means = tf.math.unsorted_segment_mean(real, place, tf.size(touched))
        known = tf.gather(self.table, touched)
        self.table.scatter_update(tf.IndexedSlices(known + _RATE * (means - known), touched))


def text_norms(pull: Tensor) -> Tensor:
    """Gives the length of each text's gradient `(T, N, E)`, all its tokens together, `(1, N, 1)`; never 0."""
    return tf.maximum(tf.sqrt(tf.reduce_sum(tf.square(pull), axis=[0, 2], keepdims=True)), 1e-12)
