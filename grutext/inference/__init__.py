"""Trained models that label texts; needs neither TensorFlow nor scikit-learn."""

from grutext.inference.answers import Answer
from grutext.inference.classifier import Classifier, RawScores

__all__ = ["Answer", "Classifier", "RawScores"]
