"""The whole model: both parts, their fusion, and the familiarity."""

from __future__ import annotations

import json

import onnx
from onnx import TensorProto

from grutext.errors import ExportError
from grutext.export.inputs import has_text_vectors, reads_tokens
from grutext.export.onnx.fusion import fuse, measure_familiarity, scale_scores
from grutext.export.onnx.graph import Graph
from grutext.export.onnx.gru_part import GRUPart
from grutext.export.onnx.linear_part import LinearPart
from grutext.export.onnx.text_vectors import score_vectors
from grutext.export.onnx.tokens import read_tokens
from grutext.model.bundle import Bundle

_LARGEST_FILE = 1 << 31  # bytes, of a protocol buffer


def build_onnx(bundle: Bundle) -> onnx.ModelProto:
    """Return a model as an ONNX graph that ONNX's checker accepts.

    Its inputs are those of `grutext.export.model_inputs`. Its outputs are `probabilities` (N, C) and, if the model has
    one, `familiarity` (N,), both float32.

    Raises:
        ExportError: The model cannot be written exactly.
    """
    size = sum(array.nbytes for array in bundle.weights.values())
    if size > 0.9 * _LARGEST_FILE:
        raise ExportError(
            f"the model has {size:,} bytes of weights; an ONNX file holds 2 GB; train a smaller one"
        )
    graph, calibration = Graph("grutext"), bundle.calibration
    lengths = graph.input(
        "lengths", TensorProto.INT32, ["N"], "Number of tokens of each text; 0 for an empty one."
    )
    logits = margins = None
    known = ""
    tokens = read_tokens(graph, lengths) if reads_tokens(bundle) else None
    if bundle.config.gru.enabled and tokens:
        logits, known = GRUPart(graph, bundle.config, bundle.weights).score(tokens)
    if bundle.config.linear.enabled:
        margins, known = LinearPart(graph, bundle.weights).score(graph.add("Shape", lengths))
        if has_text_vectors(bundle) and tokens:
            margins = graph.add("Add", margins, score_vectors(graph, bundle.weights, tokens))
    scores = scale_scores(graph, logits, margins, bundle)
    text = "Calibrated probability of each label, in the order of the labels."
    graph.output("probabilities", fuse(graph, scores, bundle), ["N", len(bundle.labels)], text)
    if calibration.familiarity:
        familiar = measure_familiarity(graph, scores, known, calibration)
        text = "How much each text is like the training texts; 0 is the average of the dev texts."
        graph.output("familiarity", familiar, ["N"], text)
    metadata = {
        "labels": json.dumps(bundle.labels),
        "multilabel": json.dumps(bundle.multilabel),
        "thresholds": json.dumps(calibration.thresholds),
    }
    return graph.build("A text classifier that grutext trained.", metadata)
