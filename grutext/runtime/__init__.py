"""The trained model in NumPy: what answers, without TensorFlow."""

from grutext.runtime.classifier import Classifier

__all__ = ["Classifier"]
