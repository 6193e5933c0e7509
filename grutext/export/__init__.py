"""Models for other runtimes: ONNX with the contract of its inputs, TensorFlow, and plain NumPy arrays."""

from grutext.export.files import FORMATS, export, size_of
from grutext.export.inputs import model_inputs
from grutext.export.shrinking import Sizes, shrink

__all__ = ["FORMATS", "Sizes", "export", "model_inputs", "shrink", "size_of"]
