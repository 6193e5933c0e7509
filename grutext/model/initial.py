"""The first values of weights, by the names of `grutext.model.spec`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.model.spec import weight_spec

Arrays = dict[str, NDArray[Any]]


def initial_arrays(config: Config, rows: int, classes: int, multilabel: bool) -> Arrays:
    """Gives the first value of every weight of the GRU part; the seed decides them. The arguments are `weight_spec`'s.

    Tables are uniform within 0.05, kernels Glorot uniform, recurrent kernels orthogonal (each gate's
    square for itself; Saxe et al. 2013, arXiv 1312.6120), queries normal, biases zero.
    """
    rng = np.random.default_rng([config.training.seed, 1])
    gru = replace(config, linear=replace(config.linear, enabled=False))
    arrays: Arrays = {}
    for name, (shape, _) in weight_spec(gru, rows, classes, multilabel, 0).items():
        kind = name.rpartition("/")[2]
        if name.startswith("embedding/"):
            value = rng.uniform(-0.05, 0.05, shape)
        elif kind == "recurrent_kernel":
            gates = [np.linalg.qr(rng.normal(size=(shape[0], shape[0])))[0] for _ in range(3)]
            value = np.concatenate(gates, axis=1)
        elif kind == "kernel":
            fan = np.prod(shape[:-2], dtype=int)  # a convolution sees several tokens
            limit = np.sqrt(6.0 / (fan * shape[-2] + shape[-1]))
            value = rng.uniform(-limit, limit, shape)
        elif kind == "query":
            value = rng.normal(0.0, 0.05, shape)
        else:
            value = np.zeros(shape)
        arrays[name] = value.astype(np.float32)
    return arrays
