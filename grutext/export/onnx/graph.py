"""Write an ONNX graph node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from grutext.export.packing import pack

OPSET = 17  # old runtimes know it; the operator GRU is the same from 14 to 21
IR_VERSION = 8  # the one that came with opset 17
Shape = Sequence[int | str]


class Graph:
    """An ONNX graph that is being written.

    Nodes are added in the order of the computation; a method that adds something returns the name of its result, which
    later nodes take as an input.

    Args:
        name: The name of the graph.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, dtype: int, shape: Shape, text: str) -> str:
        """Add an input with its documentation; a name in the shape is an axis of any length."""
        self._inputs.append(helper.make_tensor_value_info(name, dtype, shape, text))
        return name

    def output(self, name: str, value: str, shape: Shape, text: str) -> None:
        """Make a float32 value an output with its documentation."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape, text))

    def constant(self, values: ArrayLike, dtype: type[np.generic]) -> str:
        """Add a small constant."""
        return self.weight(f"constant_{len(self._weights)}", np.array(values, dtype))

    def weight(self, name: str, array: NDArray[Any]) -> str:
        """Add an array as it is."""
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def floats(self, values: ArrayLike) -> str:
        """Add small float32 constants."""
        return self.constant(values, np.float32)

    def stored(self, name: str, array: NDArray[Any]) -> str:
        """Add an array in as few bits as hold it exactly; return it as float32."""
        return self._stored(name, array, None)

    def rows(self, name: str, array: NDArray[Any], rows: str) -> str:
        """Add an array in as few bits as hold it exactly; return some rows of it as float32."""
        return self._stored(name, array, rows)

    def _stored(self, name: str, array: NDArray[Any], rows: str | None) -> str:
        packed = pack(array)
        value = self._taken(name, packed.values, rows)
        if packed.steps is None:
            return value
        steps = self._taken(f"{name}/steps", packed.steps, rows if len(packed.steps) == len(array) else None)
        return self.add("Mul", value, steps)

    def _taken(self, name: str, array: NDArray[Any], rows: str | None) -> str:
        value = self.weight(name, array)
        if rows is not None:
            value = self.add("Gather", value, rows)
        return value if array.dtype == np.float32 else self.add("Cast", value, to=TensorProto.FLOAT)

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output."""
        return self.add_many(operator, inputs, 1, **attributes)[0]

    def add_many(self, operator: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> list[str]:
        """Add a node with several outputs."""
        number = len(self._nodes)
        names = [f"{operator}_{number}" if n == 0 else f"{operator}_{number}_{n}" for n in range(outputs)]
        self._nodes.append(
            helper.make_node(operator, list(inputs), names, name=f"{operator}_{number}", **attributes)
        )
        return names

    def column(self, values: str) -> str:
        """Return values `(S,)` as `(S, 1)`."""
        return self.add("Unsqueeze", values, self.constant([1], np.int64))

    def sum_by(self, groups: str, values: str, shape: str) -> str:
        """Return the sum of the rows of each group in an array of this shape; a group is the index of a row in it.

        ScatterND would not need the groups in the shape of the values, but adds in parallel in some versions of ONNX
        Runtime, and then loses sums.

        Args:
            groups: In the shape of the values.
            values: Float32.
            shape: Of the result.
        """
        return self.add(
            "ScatterElements", self.add("ConstantOfShape", shape), groups, values, axis=0, reduction="add"
        )

    def count_by(self, groups: str, shape: str) -> str:
        """Return how many members each group has, float32, and 1 instead of 0."""
        ones = self.add("Cast", self.add("Equal", groups, groups), to=TensorProto.FLOAT)
        return self.add("Max", self.sum_by(groups, ones, shape), self.floats(1.0))

    def build(self, text: str, metadata: Mapping[str, str]) -> onnx.ModelProto:
        """Return the model, checked by ONNX with all shapes inferred.

        Args:
            text: Its documentation.
            metadata: What it carries for its users.
        """
        graph = helper.make_graph(self._nodes, self._name, self._inputs, self._outputs, self._weights)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="grutext",
            doc_string=text,
        )
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model
