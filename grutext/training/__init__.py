"""Training: examples and settings to a model. Needs the extra `train`."""

from grutext.training.fit import train
from grutext.training.picture import draw_history
from grutext.training.stops import DivergenceError, Interrupted

__all__ = ["DivergenceError", "Interrupted", "draw_history", "train"]
