"""The GRU part of a model as an ONNX graph, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.model.bundle import Bundle
from grutext.model.spec import directions
from grutext.text import TokenBatch

BATCH = 64
Float = NDArray[np.float32]
Feed = dict[str, NDArray[Any]]
_LOWEST = np.float32(-3e38)


def is_installed() -> bool:
    """Return whether ONNX Runtime is installed."""
    return all(find_spec(name) for name in ("onnx", "onnxruntime"))


class OnnxGru:
    """A session that computes pooled vectors and logits from ids, for models with one layer and pooling `max+mean`.

    Args:
        bundle: The model.
    """

    def __init__(self, bundle: Bundle) -> None:
        import onnxruntime

        graph = build_graph(bundle).SerializeToString()
        self._session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])

    def run(self, feed: Feed) -> tuple[Float, Float]:
        """Return the vectors `(N, P)` and the logits `(N, C)` of a batch."""
        pooled, logits = self._session.run(["pooled", "logits"], feed)
        return pooled, logits

    def logits(self, tokens: TokenBatch, vectors: Float) -> Float:
        """Return the logits `(N, C)` of texts, in batches of similar length."""
        order = np.argsort(tokens.lengths, kind="stable")
        parts = [self.run(feed)[1] for feed in feeds(tokens, vectors, order)]
        logits = np.empty((len(order), parts[0].shape[1]), np.float32)
        logits[order] = np.concatenate(parts)
        return logits


def feeds(tokens: TokenBatch, vectors: Float, order: NDArray[np.int64]) -> list[Feed]:
    """Return the inputs of the graph for batches of texts in a given order.

    Args:
        tokens: The N texts.
        vectors: `(M, E)`, the vectors of the distinct tokens.
        order: `(N,)`, indices of texts in `tokens`.
    """
    padded = np.concatenate([vectors, np.zeros((1, vectors.shape[1]), np.float32)])  # (M + 1, E)
    starts = np.cumsum(tokens.lengths) - tokens.lengths
    batches = []
    for first in range(0, len(order), BATCH):
        texts = order[first : first + BATCH]
        lengths = tokens.lengths[texts]
        ids = np.full((len(texts), max(1, int(lengths.max()))), len(vectors), np.int32)  # (N, T)
        for row, text in enumerate(texts):
            ids[row, : lengths[row]] = tokens.ids[starts[text] : starts[text] + lengths[row]]
        batches.append({"vectors": padded, "ids": ids, "lengths": lengths})
    return batches


def build_graph(bundle: Bundle) -> Any:
    """Return the ONNX model: embedding rows, convolution, GRU in both directions, maximum and mean, head."""
    from onnx import TensorProto, checker, helper, numpy_helper

    model = bundle.config.gru
    if model.layers > 1 or model.pooling != "max+mean" or not (model.bidirectional and model.reset_after):
        raise ValueError("only a default model has a graph")
    arrays = _graph_arrays(bundle.weights, model.units, directions(model))
    nodes = [helper.make_node("Gather", ["vectors", "ids"], ["embedded"])]  # (N, T, E)
    states = "embedded"
    if model.convolution:
        pads = [model.convolution // 2] * 2
        nodes += [
            helper.make_node("Transpose", ["embedded"], ["channels"], perm=[0, 2, 1]),  # (N, E, T)
            helper.make_node("Conv", ["channels", "conv_kernel", "conv_bias"], ["seen"], pads=pads),
            helper.make_node("Relu", ["seen"], ["positive"]),
            helper.make_node("Transpose", ["positive"], ["back"], perm=[0, 2, 1]),  # (N, T, E)
            helper.make_node("Add", ["embedded", "back"], ["convolved"]),
        ]
        states = "convolved"
    gru = ["steps", "kernel", "recurrent", "bias", "lengths"]
    options = {"hidden_size": model.units, "direction": "bidirectional", "linear_before_reset": 1}
    nodes += [
        helper.make_node("Transpose", [states], ["steps"], perm=[1, 0, 2]),  # (T, N, E)
        helper.make_node("GRU", gru, ["states"], **options),  # (T, D, N, U)
        helper.make_node("Transpose", ["states"], ["by_text"], perm=[2, 0, 1, 3]),  # (N, T, D, U)
        helper.make_node("Reshape", ["by_text", "flat"], ["outputs"]),  # (N, T, D * U)
        helper.make_node("Shape", ["ids"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["last"]),
        helper.make_node("Range", ["zero", "last", "one"], ["places"]),  # (T,)
        helper.make_node("Cast", ["lengths"], ["long"], to=TensorProto.INT64),
        helper.make_node("Unsqueeze", ["long", "axis_1"], ["ends"]),  # (N, 1)
        helper.make_node("Less", ["places", "ends"], ["is_real"]),  # (N, T)
        helper.make_node("Unsqueeze", ["is_real", "axis_2"], ["mask"]),  # (N, T, 1)
        helper.make_node("Where", ["mask", "outputs", "lowest"], ["real"]),
        helper.make_node("ReduceMax", ["real", "axis_1"], ["largest"], keepdims=0),  # (N, D * U)
        helper.make_node("Greater", ["ends", "zero"], ["has"]),  # (N, 1)
        helper.make_node("Where", ["has", "largest", "nothing"], ["maximum"]),
        helper.make_node("Where", ["mask", "outputs", "nothing"], ["summed"]),
        helper.make_node("ReduceSum", ["summed", "axis_1"], ["sum"], keepdims=0),  # (N, D * U)
        helper.make_node("Max", ["ends", "one"], ["counted"]),
        helper.make_node("Cast", ["counted"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("Concat", ["maximum", "mean"], ["pooled"], axis=1),  # (N, P)
        helper.make_node("Gemm", ["pooled", "head_kernel", "head_bias"], ["logits"]),  # (N, C)
    ]
    size = model.embedding_size
    inputs = [
        helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["M", size]),
        helper.make_tensor_value_info("ids", TensorProto.INT32, ["N", "T"]),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, ["N"]),
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", None]) for name in ("pooled", "logits")
    ]
    constants = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "gru", inputs, outputs, constants)
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(built)
    return built


def _graph_arrays(
    weights: Mapping[str, NDArray[Any]], units: int, names: tuple[str, ...]
) -> dict[str, NDArray[Any]]:
    """Return the constants of the graph; ONNX has the same order of gates, with each matrix transposed."""
    gru = [
        [weights[f"gru/0/{name}/{part}"] for name in names] for part in ("kernel", "recurrent_kernel", "bias")
    ]
    arrays = {
        "kernel": np.stack([kernel.T for kernel in gru[0]]),  # (D, 3U, E)
        "recurrent": np.stack([kernel.T for kernel in gru[1]]),  # (D, 3U, U)
        "bias": np.stack([bias.reshape(-1) for bias in gru[2]]),  # (D, 6U)
        "head_kernel": weights["head/kernel"],
        "head_bias": weights["head/bias"],
        "flat": np.array([0, 0, len(names) * units]),
        "zero": np.array(0),
        "one": np.array(1),
        "axis_1": np.array([1]),
        "axis_2": np.array([2]),
        "nothing": np.float32(0),
        "lowest": _LOWEST,
    }
    if "conv/kernel" in weights:
        arrays["conv_kernel"] = weights["conv/kernel"].transpose(2, 1, 0)  # (E, E, k)
        arrays["conv_bias"] = weights["conv/bias"]
    return {
        name: np.ascontiguousarray(array) if np.ndim(array) else np.asarray(array)
        for name, array in arrays.items()
    }
