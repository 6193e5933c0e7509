"""Trainings that are stopped, and what is compared when they are resumed."""

import numpy as np
from support.tiny_training import Recorder

from grutext.config import Config
from grutext.model.bundle import weights_digest


class StopAt(Recorder):
    """Presses Ctrl-C after a number of steps."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def step(self, epoch, tokens, loss):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def states(folder):
    return sorted(folder.glob("*.safetensors"))


def check_same(resumed, whole):
    assert weights_digest(resumed) == weights_digest(whole)
    assert resumed.calibration == whole.calibration
    untimed = [{k: v for k, v in record.items() if "seconds" not in k and "per_second" not in k}
               for bundle in (resumed, whole) for record in bundle.history]  # fmt: skip
    assert untimed[: len(untimed) // 2] == untimed[len(untimed) // 2 :]


def kind_of_network():
    """The class that trains here."""
    from grutext.engines.choose import make_network

    return type(make_network(Config(), 2, 2, False, np.ones(2, np.float32)))
