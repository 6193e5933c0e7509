"""Training: examples and settings to a model. Needs the extra `train`."""

from grutext.training.fit import train
from grutext.training.picture import draw_history

__all__ = ["draw_history", "train"]
