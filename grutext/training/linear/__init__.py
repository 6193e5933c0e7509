"""The linear part of a model: a linear classifier over n-grams."""
