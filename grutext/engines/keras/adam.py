"""Adam for a few dense variables, and for the rows of large tables that a batch uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grutext.config import TrainingConfig
from grutext.engines.base import ADAM_BETA1, ADAM_BETA2, ADAM_EPSILON, TABLE_BETA2
from grutext.engines.keras.backend import tf

Tensor = Any


class Adam:
    """Adam (Kingma and Ba 2015, arXiv 1412.6980) with the global norm of the gradients clipped.

    Rows of tables, and their moments, change only in steps that use them. Otherwise the old momentum of a
    rare row would keep moving it, and a step would cost as much as the whole table. Their second moment decays faster, since
    a row is used in few steps.

    Args:
        dense: Variables that every step updates, by name.
        tables: Variables whose rows are updated only in steps that use them, by name.
        config: Settings of the training: the rate of the tables, and the clipping norm.

    Attributes:
        steps: Number of updates so far.
        moments: First and second moments of everything, by name; the dense ones as one vector.
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
        """Update the variables.

        Args:
            gradients: One for each dense variable, in their order.
            rows: For each table, the distinct rows that were used, `(R,)`, their values and their gradients, `(R, E)`.
            rate: The learning rate of the dense variables.
        """
        # All dense variables as one: a few long operations instead of a dozen short ones for each.
        flat = tf.concat([tf.reshape(gradient, [-1]) for gradient in gradients], 0)
        (flat, *grad_rows), _ = tf.clip_by_global_norm(
            [flat, *(gradient for *_, gradient in rows)], self.config.clip_norm
        )
        self.steps.assign_add(1)
        step = tf.cast(self.steps, tf.float32)
        first, second = self.moments["first/dense"], self.moments["second/dense"]
        first.assign_add((1.0 - ADAM_BETA1) * (flat - first))
        second.assign_add((1.0 - ADAM_BETA2) * (tf.square(flat) - second))
        updates = tf.split(rate * _direction(first, second, step, ADAM_BETA2), self._sizes)
        for variable, update in zip(self.dense.values(), updates, strict=True):
            variable.assign_sub(tf.reshape(update, variable.shape))
        for (name, table), (touched, values, _), gradient in zip(
            self.tables.items(), rows, grad_rows, strict=True
        ):
            first, second = self.moments[f"first/{name}"], self.moments[f"second/{name}"]
            m, v = tf.gather(first, touched), tf.gather(second, touched)
            m += (1.0 - ADAM_BETA1) * (gradient - m)
            v += (1.0 - TABLE_BETA2) * (tf.square(gradient) - v)
            update = rate * self.config.table_rate * _direction(m, v, step, TABLE_BETA2)
            for variable, value in ((first, m), (second, v), (table, values - update)):
                variable.scatter_update(tf.IndexedSlices(value, touched))


def _direction(first: Tensor, second: Tensor, step: Tensor, beta2: float) -> Tensor:
    """Return the quotient of the moments, each corrected for its start at zero."""
    m = first / (1.0 - tf.pow(ADAM_BETA1, step))
    v = second / (1.0 - tf.pow(beta2, step))
    return m / (tf.sqrt(v) + ADAM_EPSILON)
