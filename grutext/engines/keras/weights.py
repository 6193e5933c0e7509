"""Variables of a Keras encoder to and from arrays by the names of `grutext.model.spec`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.engines.keras.encoder import GRUEncoder
from grutext.model.initial import Arrays
from grutext.model.spec import DIRECTIONS


def encoder_variables(encoder: GRUEncoder) -> dict[str, Any]:
    """Return the variables of a built encoder that has no embedding of its own, by the names of `encoder_spec`."""
    variables: dict[str, Any] = {}
    if encoder.convolution:
        variables |= {"conv/kernel": encoder.conv_kernel, "conv/bias": encoder.conv_bias}
    for layer, grus in enumerate(encoder.gru_layers()):
        for direction, gru in zip(DIRECTIONS, grus, strict=False):
            for kind in ("kernel", "recurrent_kernel", "bias"):
                variables[f"gru/{layer}/{direction}/{kind}"] = getattr(gru.cell, kind)
    if encoder.pooling == "attention":
        for kind in ("kernel", "bias", "query"):
            variables[f"pool/{kind}"] = getattr(encoder.pool, kind)
    return variables


def assign(variables: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Set every variable from the array of its name, as `float32`."""
    for name, variable in variables.items():
        variable.assign(arrays[name].astype(np.float32))


def to_arrays(variables: Mapping[str, Any]) -> Arrays:
    """Return a copy of every variable's value by name."""
    return {name: np.array(variable.numpy()) for name, variable in variables.items()}
