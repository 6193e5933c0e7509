"""From the scores of the two parts to probabilities and familiarity, as `grutext.inference.fusion` computes them."""

from __future__ import annotations

from typing import NamedTuple

from grutext.export.onnx.graph import Graph
from grutext.model.bundle import Bundle
from grutext.model.spec import LOG_FLOOR, Calibration


class Scores(NamedTuple):
    """The scaled scores of a part, `(N, C)`, and its share in the fusion."""

    values: str
    share: float


def scale_scores(graph: Graph, logits: str | None, margins: str | None, bundle: Bundle) -> list[Scores]:
    """Return the scaled scores of each part.

    Args:
        graph: The graph.
        logits: Of the GRU part, `(N, C)`; None if there is none.
        margins: Of the linear part, `(N, C)`, or `(N, 1)` for two labels; None if there is none.
        bundle: The model.
    """
    calibration, scores = bundle.calibration, []
    if logits is not None:
        scaled = graph.add("Mul", logits, graph.floats(calibration.gru_scale))
        scores.append(Scores(scaled, calibration.fusion))
    if margins is not None:
        scaled = graph.add("Mul", margins, graph.floats(calibration.linear_scale))
        scaled = graph.add("Add", scaled, graph.floats(calibration.linear_shift))
        if len(bundle.labels) == 2 and not bundle.multilabel:
            scaled = graph.add("Concat", graph.add("Neg", scaled), scaled, axis=1)
        scores.append(Scores(scaled, 1.0 - calibration.fusion))
    return scores if len(scores) == 2 else [Scores(scores[0].values, 1.0)]


def fuse(graph: Graph, scores: list[Scores], bundle: Bundle) -> str:
    """Return the probabilities, `(N, C)`."""
    calibration = bundle.calibration
    if not bundle.multilabel:
        scores = [Scores(_lower(graph, values), share) for values, share in scores]
    fused = _mix(graph, scores)
    if not bundle.multilabel and len(calibration.scale) > 1:
        fused = graph.add("LogSoftmax", fused, axis=1)
    fused = graph.add("Mul", fused, graph.floats(calibration.scale))
    fused = graph.add("Add", fused, graph.floats(calibration.shift))
    if not bundle.multilabel:
        return graph.add("Softmax", fused, axis=1)
    return graph.add("Sigmoid", graph.add("Clip", fused, graph.floats(LOG_FLOOR), graph.floats(-LOG_FLOOR)))


def measure_familiarity(graph: Graph, scores: list[Scores], known: str, calibration: Calibration) -> str:
    """Return the familiarity of each text, `(N,)`; `grutext.inference.familiarity` explains it.

    Args:
        graph: The graph.
        scores: The scaled scores of each part.
        known: The share of each text that the model knows, `(N,)`.
        calibration: Has the three coefficients.
    """
    bias, score_weight, known_weight = calibration.familiarity
    top = graph.add("ReduceMax", _mix(graph, scores), axes=[1], keepdims=0)  # (N,)
    top = graph.add("Mul", top, graph.floats(score_weight))
    known = graph.add("Mul", known, graph.floats(known_weight))
    return graph.add("Add", graph.add("Add", top, known), graph.floats(bias))


def _lower(graph: Graph, values: str) -> str:
    """Return scores below 0, which is the highest of each text, and above the floor."""
    highest = graph.add("ReduceMax", values, axes=[1], keepdims=1)  # (N, 1)
    return graph.add("Max", graph.add("Sub", values, highest), graph.floats(LOG_FLOOR))


def _mix(graph: Graph, scores: list[Scores]) -> str:
    """Return the sum of the parts' scores by their shares, `(N, C)`."""
    mixed = [graph.add("Mul", values, graph.floats(share)) for values, share in scores]
    return mixed[0] if len(mixed) == 1 else graph.add("Add", *mixed)
