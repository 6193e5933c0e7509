"""The gates of a GRU layer along one text, in compiled kernels; only with `reset_after`."""

from __future__ import annotations

import numpy as np

from grutext.config import GRUConfig
from grutext.engines.layers import Float, Gates, Weights
from grutext.model.spec import directions


def run_gates(layer: int, config: GRUConfig, weights: Weights, inputs: Float) -> Gates:
    """Return what `grutext.engines.numpy.gates.run_gates` does."""
    from grutext.kernels.inference import run_forward

    steps, mask = np.ascontiguousarray(inputs[:, None]), np.ones((len(inputs), 1), np.bool_)
    states, gates = [], []
    for is_backward, direction in enumerate(directions(config)):
        arrays = (
            np.ascontiguousarray(weights[f"gru/{layer}/{direction}/{kind}"], np.float32)
            for kind in ("kernel", "recurrent_kernel", "bias")
        )
        of_direction, three, _ = run_forward(steps, mask, *arrays, bool(is_backward))
        states.append(of_direction[:, 0])
        gates.append(three[:, 0].reshape(len(inputs), 3, config.units))
    update, reset, candidate = np.stack(gates).transpose(2, 0, 1, 3)
    return Gates(1 - update, reset, candidate, np.stack(states))
