"""Trained models that label texts; needs neither TensorFlow nor scikit-learn."""

from grutext.inference.answers import Answer
from grutext.inference.classifier import Classifier, RawScores
from grutext.inference.columns import AnswerOptions

__all__ = ["Answer", "AnswerOptions", "Classifier", "RawScores"]
