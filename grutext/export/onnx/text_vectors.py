"""The text vectors of the linear part; `grutext.text.text_vectors` has their equation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from grutext.export.onnx.graph import Graph
from grutext.export.onnx.tokens import Tokens
from grutext.text import LEAST_DISTANCE


def score_vectors(graph: Graph, weights: Mapping[str, NDArray[Any]], tokens: Tokens) -> str:
    """Return the products of the text vectors with their kernel, `(N, C)` or `(N, 1)`.

    Args:
        graph: The graph.
        weights: Arrays by the names of the spec.
        tokens: The texts.
    """
    words = graph.add(
        "Gather", graph.weight("text_vectors/words", weights["text_vectors/words"]), tokens.rows
    )
    scale = graph.rows("text_vectors/scale", weights["text_vectors/scale"], tokens.rows)
    words = graph.add("Mul", graph.add("Cast", words, to=TensorProto.FLOAT), graph.column(scale))  # (M, K)
    center = weights["text_vectors/center"]
    table = graph.add("Concat", words, graph.floats(np.zeros((1, len(center)))), axis=0)  # (M + 1, K)
    each = graph.add("Gather", table, tokens.ids)  # (N, T, K)
    sums = graph.add("ReduceSum", each, graph.constant([1], np.int64), keepdims=0)  # (N, K)
    length = _norm(graph, sums)
    centered = graph.add(
        "Sub", _divide(graph, sums, length, 1e-12), graph.stored("text_vectors/center", center)
    )
    vectors = _divide(graph, centered, _norm(graph, centered), LEAST_DISTANCE)
    is_filled = graph.add("Greater", length, graph.floats(0.0))
    vectors = graph.add("Where", is_filled, vectors, graph.floats(0.0))
    kernel = graph.stored("linear/vector_kernel", weights["linear/vector_kernel"])
    return graph.add("MatMul", vectors, kernel)


def _norm(graph: Graph, rows: str) -> str:
    """Return the lengths of rows `(N, K)`, `(N, 1)`."""
    return graph.add("ReduceL2", rows, axes=[1], keepdims=1)


def _divide(graph: Graph, rows: str, length: str, least: float) -> str:
    return graph.add("Div", rows, graph.add("Max", length, graph.floats(least)))
