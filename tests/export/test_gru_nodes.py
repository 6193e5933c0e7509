"""ONNX's own tests of the operator GRU, computed by the cell of the NumPy engine."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("onnx")

from onnx.backend.test.case.node import gru as node_tests

from grutext.config import GRUConfig
from grutext.engines.layers import BatchLayout
from grutext.engines.numpy.gru import Layer, run_layer
from grutext.engines.numpy.inputs import Rows, with_ones
from grutext.engines.numpy.pooling import States
from grutext.engines.numpy.workspace import Workspace
from grutext.model.spec import DIRECTIONS

EXPORTS = sorted(name for name in dir(node_tests.GRU) if name.startswith("export_"))


@pytest.fixture
def node_case(monkeypatch):
    """Return the node, the inputs by name and the outputs by name of one of ONNX's tests."""

    def load(export: str) -> SimpleNamespace:
        cases = []
        monkeypatch.setattr(node_tests, "expect", lambda node, **case: cases.append((node, case)))
        getattr(node_tests.GRU, export)()
        ((node, case),) = cases
        outputs = [name for name in node.output if name]
        return SimpleNamespace(
            attributes={a.name: a.s.decode() if a.s else a.i for a in node.attribute},
            inputs=dict(zip(node.input, case["inputs"], strict=True)),
            outputs=dict(zip(outputs, case["outputs"], strict=True)),
        )

    return load


def compute(attributes, inputs) -> dict[str, np.ndarray]:
    """Return Y (T, D, N, U) and Y_h (D, N, U), computed by the cell of the NumPy engine."""
    reverse = attributes.get("direction") == "reverse"
    steps = inputs["X"]  # (T, N, I)
    steps = steps[::-1] if reverse else steps
    length, texts, width = steps.shape
    kernel, recurrent = inputs["W"], inputs["R"]  # (D, 3U, I), (D, 3U, U)
    directions, units = len(kernel), recurrent.shape[-1]
    bias = inputs.get("B", np.zeros((directions, 6 * units), np.float32)).reshape(directions, 2, 3 * units)
    after = bool(attributes.get("linear_before_reset", 0))
    config = GRUConfig(
        embedding_size=width, units=units, bidirectional=directions == 2, reset_after=after, convolution=0
    )
    weights = {}
    for number, name in enumerate(DIRECTIONS[:directions]):
        weights[f"gru/0/{name}/kernel"] = kernel[number].T
        weights[f"gru/0/{name}/recurrent_kernel"] = recurrent[number].T
        weights[f"gru/0/{name}/bias"] = bias[number] if after else bias[number].sum(axis=0)
    layer = Layer.of(0, config, weights)
    rows = steps.transpose(1, 0, 2).reshape(texts * length, width)  # text after text
    batch = BatchLayout(np.arange(texts) * length, np.full(texts, length), directions)
    states = States(batch, units)
    run_layer(layer, batch, Rows(with_ones(rows), layer), states, Workspace())
    found, _ = states.rows()
    found = found.reshape(texts, length, directions, units).transpose(1, 2, 0, 3)  # (T, D, N, U)
    last = np.stack([found[-1, 0], *([found[0, 1]] if directions == 2 else [])])
    return {"Y": found[::-1] if reverse else found, "Y_h": last}


@pytest.mark.parametrize("export", EXPORTS)
def test_the_cell_computes_what_onnx_expects(node_case, export):
    case = node_case(export)
    batchwise = bool(case.attributes.get("layout", 0))
    if batchwise:
        case.inputs["X"] = case.inputs["X"].swapaxes(0, 1)
    found = compute(case.attributes, case.inputs)
    if batchwise:
        found = {"Y": found["Y"].transpose(2, 0, 1, 3), "Y_h": found["Y_h"].swapaxes(0, 1)}
    assert case.outputs
    for name, expected in case.outputs.items():
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-5, err_msg=name)


def test_there_are_tests_of_both_directions_and_of_random_weights():
    assert {"export_bidirectional", "export_reverse", "export_seq_length"} <= set(EXPORTS)
