"""The GRU part: embedding, convolution, GRU layers, pooling and head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from grutext.config import Config
from grutext.export.onnx.graph import Graph
from grutext.export.onnx.pooling import POOLINGS, States
from grutext.export.onnx.tokens import Tokens
from grutext.model.spec import directions, state_width


class GRUPart:
    """Writes the GRU part of a model.

    Args:
        graph: The graph.
        config: The model's settings.
        weights: Arrays by the names of the spec.
    """

    def __init__(self, graph: Graph, config: Config, weights: Mapping[str, NDArray[Any]]) -> None:
        self._graph, self._config, self._weights = graph, config, weights

    def score(self, tokens: Tokens) -> tuple[str, str]:
        """Return the logits `(N, C)`, and the share of each text's tokens that are in the vocabulary, `(N,)`."""
        graph, ids, lengths = self._graph, tokens.ids, tokens.lengths
        padding = graph.floats(np.zeros((1, self._config.gru.embedding_size)))
        vectors = graph.add("Concat", self._embed(tokens.rows), padding, axis=0)  # (M + 1, E)
        inputs = graph.add("Gather", vectors, ids)  # (N, T, E)
        if self._config.gru.convolution:
            inputs = self._convolve(inputs)
        states = self._encode(graph.add("Transpose", inputs, perm=[1, 0, 2]), lengths, tokens.mask)
        pooled = [
            POOLINGS[name](graph, states, self._weights) for name in self._config.gru.pooling.split("+")
        ]
        vector = pooled[0] if len(pooled) == 1 else graph.add("Concat", *pooled, axis=1)  # (N, P)
        logits = graph.add("MatMul", vector, graph.stored("head/kernel", self._weights["head/kernel"]))
        logits = graph.add("Add", logits, graph.stored("head/bias", self._weights["head/bias"]))
        return logits, self._known_tokens(tokens.rows, ids, lengths)

    def _embed(self, rows: str) -> str:
        """Return the vectors of the distinct tokens, `(M, E)`: a word row plus the mean of the n-grams' rows."""
        graph = self._graph
        vectors = graph.rows("embedding/words", self._weights["embedding/words"], rows)
        if not self._config.text.subword_max:
            return vectors
        text = "Row in the subword table of each character n-gram of the distinct tokens."
        buckets = graph.input("buckets", TensorProto.INT32, ["K"], text)
        types = graph.input(
            "bucket_types", TensorProto.INT32, ["K"], "Index in `rows` of the n-gram's token."
        )
        taken = graph.rows("embedding/subwords", self._weights["embedding/subwords"], buckets)  # (K, E)
        owners = graph.add("Expand", graph.column(types), graph.add("Shape", taken))
        sums = graph.sum_by(owners, taken, graph.add("Shape", vectors))
        counts = graph.column(graph.count_by(types, graph.add("Shape", rows)))  # (M, 1)
        return graph.add("Add", vectors, graph.add("Div", sums, counts))

    def _convolve(self, vectors: str) -> str:
        """Return each vector plus relu(sum of the neighbours' products + b), `(N, T, E)`."""
        graph, half = self._graph, self._config.gru.convolution // 2
        kernel = graph.stored("conv/kernel", self._weights["conv/kernel"].transpose(2, 1, 0))  # (E, E, k)
        bias = graph.stored("conv/bias", self._weights["conv/bias"])
        seen = graph.add(
            "Conv", graph.add("Transpose", vectors, perm=[0, 2, 1]), kernel, bias, pads=[half, half]
        )
        seen = graph.add("Transpose", graph.add("Relu", seen), perm=[0, 2, 1])
        return graph.add("Add", vectors, seen)

    def _encode(self, inputs: str, lengths: str, mask: str) -> States:
        """Return the states of the last layer for inputs `(T, N, E)`."""
        graph, config = self._graph, self._config.gru
        width = state_width(config)
        steps, last = inputs, ""
        for layer in range(config.layers):
            states, last = graph.add_many(
                "GRU",
                [steps, *self._layer_weights(layer), lengths],
                2,
                direction="bidirectional" if config.bidirectional else "forward",
                hidden_size=config.units,
                linear_before_reset=int(config.reset_after),
            )  # (T, D, N, U), (D, N, U)
            side_by_side = graph.add("Transpose", states, perm=[0, 2, 1, 3])
            steps = graph.add("Reshape", side_by_side, graph.constant([0, 0, width], np.int64))
        last = graph.add("Transpose", last, perm=[1, 0, 2])
        return States(
            steps=steps,
            last=graph.add("Reshape", last, graph.constant([0, width], np.int64)),
            mask=graph.add("Transpose", mask, perm=[1, 0]),
            lengths=lengths,
        )

    def _layer_weights(self, layer: int) -> tuple[str, str, str]:
        """Return a layer's kernel `(D, 3U, I)`, recurrent kernel `(D, 3U, U)` and bias `(D, 6U)`."""
        graph, config = self._graph, self._config.gru
        kernel, recurrent, bias = (
            np.stack([self._weights[f"gru/{layer}/{direction}/{array}"] for direction in directions(config)])
            for array in ("kernel", "recurrent_kernel", "bias")
        )
        if not config.reset_after:  # no recurrent bias
            bias = np.concatenate([bias, np.zeros_like(bias)], axis=1)
        return (
            graph.stored(f"gru/{layer}/kernel", kernel.transpose(0, 2, 1)),
            graph.stored(f"gru/{layer}/recurrent_kernel", recurrent.transpose(0, 2, 1)),
            graph.stored(f"gru/{layer}/bias", bias.reshape(len(bias), -1)),
        )

    def _known_tokens(self, rows: str, ids: str, lengths: str) -> str:
        graph = self._graph
        rows = graph.add("Concat", rows, graph.constant([0], np.int32), axis=0)  # the last is for padding
        known = graph.add("Greater", graph.add("Gather", rows, ids), graph.constant(0, np.int32))
        known = graph.add("Cast", known, to=TensorProto.FLOAT)
        counts = graph.add("ReduceSum", known, graph.constant([1], np.int64), keepdims=0)  # (N,)
        lengths = graph.add("Max", graph.add("Cast", lengths, to=TensorProto.FLOAT), graph.floats(1.0))
        return graph.add("Div", counts, lengths)
