"""A model as a TensorFlow SavedModel that takes strings: the whole way from text to probabilities in TensorFlow's operators.

It needs no Python and no extension where it runs, such as TensorFlow Serving. Texts are normalised, split and hashed exactly as
`grutext.text` does it, with the version of Unicode that Python has when the model is exported.
"""

from grutext.export.savedmodel.module import save_savedmodel

__all__ = ["save_savedmodel"]
