"""Initial values of the weights, by the names of `grutext.model.spec`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.model.spec import weight_spec

Arrays = dict[str, NDArray[Any]]


def initial_arrays(config: Config, rows: int, classes: int) -> Arrays:
    """Return the initial value of every weight of the GRU part, `float32`, by name; `training.seed` decides them.

    Tables are uniform in ±0.05, kernels Glorot uniform (Glorot and Bengio 2010), recurrent kernels orthogonal, each
    gate's `(U, U)` block on its own (Saxe et al. 2013, arXiv 1312.6120), queries normal, and biases zero.

    Args:
        config: The whole configuration.
        rows: Rows V of the word table.
        classes: Columns C of the head.
    """
    rng = np.random.default_rng([config.training.seed, 1])
    gru_only = replace(config, linear=replace(config.linear, enabled=False))
    arrays: Arrays = {}
    for name, (shape, _) in weight_spec(gru_only, rows, classes, multilabel=False, features=0).items():
        kind = name.rpartition("/")[2]
        if name.startswith("embedding/"):
            value = rng.uniform(-0.05, 0.05, shape)
        elif kind == "recurrent_kernel":
            gates = [np.linalg.qr(rng.normal(size=(shape[0], shape[0])))[0] for _ in range(3)]
            value = np.concatenate(gates, axis=1)
        elif kind == "kernel":
            width = np.prod(shape[:-2], dtype=int)  # of a convolution; 1 for a matrix
            limit = np.sqrt(6.0 / (width * shape[-2] + shape[-1]))
            value = rng.uniform(-limit, limit, shape)
        elif kind == "query":
            value = rng.normal(0.0, 0.05, shape)
        else:
            value = np.zeros(shape)
        arrays[name] = value.astype(np.float32)
    return arrays
