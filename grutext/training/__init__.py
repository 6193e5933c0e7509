"""Training: examples and settings to a model. Needs the extra `train`."""

from grutext.training.fit import train
from grutext.training.gru.interruption import DivergenceError, Interrupted
from grutext.training.plot import draw_history

__all__ = ["DivergenceError", "Interrupted", "draw_history", "train"]
