"""Training: examples and settings to a model. Needs the extra `train`."""

from grutext.training.fit import train
from grutext.training.gru.interruption import DivergenceError, Interrupted
from grutext.training.plot import plot_history

__all__ = ["DivergenceError", "Interrupted", "plot_history", "train"]
