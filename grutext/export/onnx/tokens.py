"""The tokens of a batch of texts, which the GRU part and the text vectors read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from grutext.export.onnx.graph import Graph


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of N texts, as names of values in a graph.

    Attributes:
        lengths: `(N,) int32`, the number of tokens of each text.
        rows: `(M,) int32`, the vocabulary row of each distinct token.
        ids: `(N, T) int32`, the index in `rows` of each token; -1, the last row of a table, for padding. T is one more than the
            longest text has: a step of padding, so that a batch of empty texts is no special case.
        mask: `(N, T) bool`, which of them are not padding.
    """

    lengths: str
    rows: str
    ids: str
    mask: str


def read_tokens(graph: Graph, lengths: str) -> Tokens:
    """Add the inputs `ids` and `rows`."""
    int32, text = TensorProto.INT32, "Index of each token in `rows`; the rest of a row is ignored."
    ids = graph.input("ids", int32, ["N", "T"], text)
    rows = graph.input("rows", int32, ["M"], "Vocabulary row of each distinct token; 0 for unknown ones.")
    texts = graph.add("Shape", lengths)  # [N]
    padding = graph.constant(-1, np.int32)
    step = graph.add("Expand", padding, graph.add("Concat", texts, graph.constant([1], np.int64), axis=0))
    ids = graph.add("Concat", ids, step, axis=1)
    width = graph.add("Gather", graph.add("Shape", ids), graph.constant(1, np.int64))
    width = graph.add("Cast", width, to=int32)
    positions = graph.add("Range", graph.constant(0, np.int32), width, graph.constant(1, np.int32))  # (T,)
    mask = graph.add("Less", positions, graph.column(lengths))
    return Tokens(lengths, rows, graph.add("Where", mask, ids, padding), mask)
