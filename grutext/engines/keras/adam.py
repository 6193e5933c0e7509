"""Adam for a few dense variables and for the touched rows of large tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grutext.config import TrainingConfig
from grutext.engines.keras.backend import tf

Tensor = Any
_BETA1, _BETA2, _TABLE_BETA2, _EPSILON = 0.9, 0.999, 0.99, 1e-7


class Adam:
    """Adam (arXiv 1412.6980) with the gradient's global norm clipped.

    Rows of tables move only when a batch touches them, and so do their moments; a row that is rare
    would otherwise drift on old momentum, and a step would cost as much as the whole table. Their
    second moment is shorter (0.99), since a row meets few steps.

    Args:
        dense: Variables that every step updates.
        tables: Variables of which a step updates some rows.
        config: Rates and the clipping norm.
    """

    def __init__(self, dense: Mapping[str, Any], tables: Mapping[str, Any], config: TrainingConfig) -> None:
        self.config = config
        self.dense, self.tables = dense, tables
        self.steps = tf.Variable(0, dtype=tf.int64)
        self._sizes = [int(tf.size(variable)) for variable in dense.values()]
        shapes = {"dense": [sum(self._sizes)]} | {name: table.shape for name, table in tables.items()}
        self.moments = {
            f"{moment}/{name}": tf.Variable(tf.zeros(shape))
            for moment in ("first", "second")
            for name, shape in shapes.items()
        }

    def step(
        self, gradients: Sequence[Tensor], rows: Sequence[tuple[Tensor, Tensor, Tensor]], rate: Tensor
    ) -> None:
        """Moves the variables.

        Args:
            gradients: One for each dense variable, in their order.
            rows: For each table which distinct rows were touched, their values and their gradients.
            rate: The learning rate of the dense variables.
        """
        # All dense variables as one: a few long operations instead of a dozen short ones for each.
        flat = tf.concat([tf.reshape(gradient, [-1]) for gradient in gradients], 0)
        (flat, *changes), _ = tf.clip_by_global_norm(
            [flat, *(gradient for *_, gradient in rows)], self.config.clip_norm
        )
        self.steps.assign_add(1)
        step = tf.cast(self.steps, tf.float32)
        first, second = self.moments["first/dense"], self.moments["second/dense"]
        first.assign_add((1.0 - _BETA1) * (flat - first))
        second.assign_add((1.0 - _BETA2) * (tf.square(flat) - second))
        moves = tf.split(rate * _direction(first, second, step, _BETA2), self._sizes)
        for variable, move in zip(self.dense.values(), moves, strict=True):
            variable.assign_sub(tf.reshape(move, variable.shape))
        for (name, table), (touched, values, _), gradient in zip(
            self.tables.items(), rows, changes, strict=True
        ):
            first, second = self.moments[f"first/{name}"], self.moments[f"second/{name}"]
            m, v = tf.gather(first, touched), tf.gather(second, touched)
            m += (1.0 - _BETA1) * (gradient - m)
            v += (1.0 - _TABLE_BETA2) * (tf.square(gradient) - v)
            move = rate * self.config.table_rate * _direction(m, v, step, _TABLE_BETA2)
            for variable, value in ((first, m), (second, v), (table, values - move)):
                variable.scatter_update(tf.IndexedSlices(value, touched))


def _direction(first: Tensor, second: Tensor, step: Tensor, beta2: float) -> Tensor:
    """Gives the moments' quotient, corrected for their start at zero."""
    m = first / (1.0 - tf.pow(_BETA1, step))
    v = second / (1.0 - tf.pow(beta2, step))
    return m / (tf.sqrt(v) + _EPSILON)
