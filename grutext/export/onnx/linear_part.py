"""The linear part: from n-grams to margins. Its n-grams are looked up inside the graph, by their hashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from grutext.errors import ExportError
from grutext.export.onnx.graph import Graph
from grutext.text import CHARACTER_FAMILY, MAX_COUNT

# Keys that have the same upper bits: at most 16 on average, and about 40 where a million keys are evenly distributed.
_NEIGHBOUR_BITS = 4
_MOST_NEIGHBOURS = 256


class LinearPart:
    """Writes the linear part of a model.

    Args:
        graph: The graph.
        weights: Arrays by the names of the spec.

    Raises:
        ExportError: The model knows no n-grams, or their hashes are crafted.
    """

    def __init__(self, graph: Graph, weights: Mapping[str, NDArray[Any]]) -> None:
        self._graph, self._weights = graph, weights
        self._keys = weights["linear/keys"]
        if not len(self._keys):
            raise ExportError("the linear part of the model knows no n-gram; train it with --no-linear")
        bits = max(1, len(self._keys).bit_length() - _NEIGHBOUR_BITS)
        self._shift = np.uint32(32 - bits)
        upper = self._keys >> self._shift
        self._first = np.searchsorted(upper, np.arange(1 << bits)).astype(np.int32)
        self._neighbours = int(np.bincount(upper).max())
        if self._neighbours > _MOST_NEIGHBOURS:
            raise ExportError(
                "the hashes of the model's n-grams are crafted: they are not evenly distributed"
            )

    def score(self, texts: str) -> tuple[str, str]:
        """Return the margins, `(N, C)` or `(N, 1)`, and the share of each text's n-grams that are known, `(N,)`.

        Args:
            texts: The shape `[N]`.
        """
        graph = self._graph
        keys = graph.input("keys", TensorProto.UINT32, ["Z"], "Hash of each distinct n-gram of each text.")
        counts = graph.input("counts", TensorProto.INT32, ["Z"], "How often the n-gram occurs in its text.")
        owners = graph.input("key_texts", TensorProto.INT32, ["Z"], "Index of the n-gram's text.")
        columns, found = self._look_up(keys)
        values = graph.add("Mul", self._weigh(columns, counts), found)
        values = self._normalize(values, columns, owners, texts)
        products = graph.rows("linear/kernel", self._weights["linear/kernel"], columns)
        products = graph.add("Mul", products, graph.column(values))  # (Z, C)
        bias = self._weights["linear/bias"]
        shape = graph.add("Concat", texts, graph.constant([len(bias)], np.int64), axis=0)
        rows = graph.add("Expand", graph.column(owners), graph.add("Shape", products))
        margins = graph.add("Add", graph.sum_by(rows, products, shape), graph.stored("linear/bias", bias))
        known = graph.add("Div", graph.sum_by(owners, found, texts), graph.count_by(owners, texts))
        return margins, known

    def _look_up(self, wanted: str) -> tuple[str, str]:
        """Return the feature of each n-gram, `(Z,) int32`, and 1 for the known ones, 0 for others, `(Z,) float32`.

        As in `grutext.text.KeyIndex`, the upper bits of a key lead to the first feature that has them. All that may have them are
        compared at once.
        """
        graph = self._graph
        shift = graph.constant(self._shift, np.uint32)
        upper = graph.add(
            "Cast", graph.add("BitShift", wanted, shift, direction="RIGHT"), to=TensorProto.INT32
        )
        first = graph.add("Gather", graph.weight("linear/first", self._first), upper)  # (Z,)
        places = graph.add("Add", graph.column(first), graph.constant(np.arange(self._neighbours), np.int32))
        places = graph.add("Min", places, graph.constant(len(self._keys) - 1, np.int32))  # (Z, neighbours)
        candidates = graph.add("Gather", graph.weight("linear/keys", self._keys), places)
        candidates = graph.add("Cast", candidates, to=TensorProto.INT64)
        wanted = graph.column(graph.add("Cast", wanted, to=TensorProto.INT64))
        same = graph.add("Cast", graph.add("Equal", candidates, wanted), to=TensorProto.INT32)
        at = graph.add("ArgMax", same, axis=1, keepdims=1)
        columns = graph.add("GatherElements", places, at, axis=1)
        columns = graph.add("Squeeze", columns, graph.constant([1], np.int64))
        found = graph.add("ReduceMax", same, axes=[1], keepdims=0)
        return columns, graph.add("Cast", found, to=TensorProto.FLOAT)

    def _weigh(self, columns: str, counts: str) -> str:
        """Return `(1 + log count) * scale`, `(Z,)`."""
        graph = self._graph
        counts = graph.add("Min", counts, graph.constant(MAX_COUNT, np.int32))
        logs = graph.add("Log", graph.add("Cast", counts, to=TensorProto.FLOAT))
        scale = graph.rows("linear/scale", self._weights["linear/scale"], columns)
        return graph.add("Mul", graph.add("Add", logs, graph.floats(1.0)), scale)

    def _normalize(self, values: str, columns: str, owners: str, texts: str) -> str:
        """Return the values `(Z,)` divided by their L2 norm within their text and family of n-grams."""
        graph = self._graph
        first_character = int(np.searchsorted(self._keys, CHARACTER_FAMILY))
        family = graph.add("GreaterOrEqual", columns, graph.constant(first_character, np.int32))
        family = graph.add("Cast", family, to=TensorProto.INT32)
        groups = graph.add("Add", graph.add("Mul", owners, graph.constant(2, np.int32)), family)  # (Z,)
        shape = graph.add("Mul", texts, graph.constant([2], np.int64))  # [2N]
        norms = graph.add("Sqrt", graph.sum_by(groups, graph.add("Mul", values, values), shape))
        norms = graph.add("Max", norms, graph.floats(1e-12))
        return graph.add("Div", values, graph.add("Gather", norms, groups))
