"""A model as an ONNX graph: the equations of `grutext.model.spec`, written from the arrays of a bundle.

A file for each part, as in `grutext.inference`. Comments at the ends of lines are shapes: N texts, T time, M distinct
tokens, K character n-grams of these, Z n-grams of the texts, E embedding, D directions, U units, P pooled, C labels.
"""

from grutext.export.onnx.network import build_onnx

__all__ = ["build_onnx"]
