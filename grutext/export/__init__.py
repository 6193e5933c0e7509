"""Models for other runtimes: ONNX with the contract of its inputs, and plain NumPy arrays."""

from grutext.export.files import FORMATS, export
from grutext.export.inputs import model_inputs

__all__ = ["FORMATS", "export", "model_inputs"]
