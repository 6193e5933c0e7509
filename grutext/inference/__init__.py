"""The trained model in NumPy: what answers, without TensorFlow."""

from grutext.inference.classifier import Classifier

__all__ = ["Classifier"]
