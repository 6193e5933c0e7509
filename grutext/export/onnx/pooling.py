"""Pooling, from the states of a text to one vector; the operator GRU returns zeros beyond the end of a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from grutext.export.onnx.graph import Graph

_LOW = -3e38  # below every state and every score
Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class States:
    """The states of a batch of N texts, as names of values in a graph.

    Attributes:
        steps: `(T, N, D * U) float32`, zero beyond the end of a text.
        last: `(N, D * U) float32`, the last state of each direction.
        mask: `(T, N) bool`, which steps are not beyond the end.
        lengths: `(N,) int32`.
    """

    steps: str
    last: str
    mask: str
    lengths: str


def _last(_graph: Graph, states: States, _weights: Weights) -> str:
    return states.last


def _max(graph: Graph, states: States, _weights: Weights) -> str:
    mask = graph.add("Unsqueeze", states.mask, graph.constant([2], np.int64))  # (T, N, 1)
    largest = graph.add("Where", mask, states.steps, graph.floats(_LOW))
    largest = graph.add("ReduceMax", largest, axes=[0], keepdims=0)  # (N, D * U)
    empty = graph.add("Equal", graph.column(states.lengths), graph.constant(0, np.int32))
    return graph.add("Where", empty, graph.floats(0.0), largest)


def _mean(graph: Graph, states: States, _weights: Weights) -> str:
    """Return the mean state; it is summed in float64, since thousands of steps lose too much in float32."""
    steps = graph.add("Cast", states.steps, to=TensorProto.DOUBLE)
    sums = graph.add("ReduceSum", steps, graph.constant([0], np.int64), keepdims=0)  # (N, D * U)
    lengths = graph.add("Max", states.lengths, graph.constant(1, np.int32))
    lengths = graph.add("Cast", graph.column(lengths), to=TensorProto.DOUBLE)
    return graph.add("Cast", graph.add("Div", sums, lengths), to=TensorProto.FLOAT)


def _attention(graph: Graph, states: States, weights: Weights) -> str:
    """Return the mean weighted by softmax(tanh(s K + b) q); of an empty text, all states are zero."""
    seen = graph.add("MatMul", states.steps, graph.stored("pool/kernel", weights["pool/kernel"]))
    seen = graph.add("Tanh", graph.add("Add", seen, graph.stored("pool/bias", weights["pool/bias"])))
    scores = graph.add(
        "MatMul", seen, graph.stored("pool/query", weights["pool/query"][:, None])
    )  # (T, N, 1)
    mask = graph.add("Unsqueeze", states.mask, graph.constant([2], np.int64))
    shares = graph.add("Softmax", graph.add("Where", mask, scores, graph.floats(_LOW)), axis=0)
    weighted = graph.add("Mul", states.steps, shares)
    return graph.add("ReduceSum", weighted, graph.constant([0], np.int64), keepdims=0)


# A pooling whose name has a plus, such as `max+mean`, is several of these side by side.
POOLINGS: dict[str, Callable[[Graph, States, Weights], str]] = {
    "last": _last,
    "max": _max,
    "mean": _mean,
    "attention": _attention,
}
