"""The deep part that learns: machine code's, where it is to be had, or TensorFlow's."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.errors import MissingExtraError
from grutext.loops import problem
from grutext.model.initial import Arrays
from grutext.training.batches import Batch
from grutext.training.passes import has_passes

# Where there is a GPU that TensorFlow may know; to ask TensorFlow takes seconds.
_GPUS = ("/dev/nvidiactl", "/dev/dxg")


class Network(Protocol):
    """What a training needs of it; see `grutext.nn.network.Network`."""

    @property
    def steps(self) -> int:
        """The number of steps that were made."""

    def train_step(self, batch: Batch, step: int, rate: float) -> float:
        """Learns from one batch, and gives its mean loss."""

    def logits(self, batch: Batch) -> NDArray[np.float32]:
        """Gives the head's outputs for a batch, `(N, C)`."""

    def arrays(self) -> Arrays:
        """Gives a copy of the present weights by the spec's names."""

    def assign(self, arrays: Arrays) -> None:
        """Takes weights by the spec's names."""

    def state(self) -> Arrays:
        """Gives a copy of what training remembers besides the weights."""

    def resume(self, state: Arrays) -> None:
        """Takes what `state` gave."""


def has_loops(config: Config) -> bool:
    """Tells whether machine code trains the model: where it is to be had, knows the encoder, and no GPU is faster."""
    if problem("learning") is not None or not has_passes(config.model):
        return False
    if any(Path(device).exists() for device in _GPUS):
        with suppress(MissingExtraError):
            from grutext.nn import cudnn

            return not cudnn.is_there()
    return True


def make_network(
    config: Config, rows: int, classes: int, multilabel: bool, weights: NDArray[np.float32]
) -> Network:
    """Gives a network before its first step.

    Args:
        config: The whole configuration.
        rows: Rows V of the word table.
        classes: Number C of labels.
        multilabel: Whether each label is decided for itself.
        weights: `(C,)`, how much the texts of each label count.

    Raises:
        MissingExtraError: It is TensorFlow's, and that is not installed.
    """
    head = "sigmoid" if multilabel else "softmax"
    if has_loops(config):
        from grutext.training.learner import Learner

        return Learner(config, rows, classes, head, weights)
    from grutext.nn.network import Network as TensorFlowNetwork

    return TensorFlowNetwork(config, rows, classes, head, weights)


def make_cloze(config: Config, rows: int) -> Network:
    """Gives embedding and encoder before they learn from texts without labels; of `Network` it has no `logits`.

    Args:
        config: The whole configuration.
        rows: Rows V of the word table.
    """
    has_machine_code = has_loops(config)
    # Its head makes of a state what is as wide as an embedding; pooling has no weights, and no label a direction.
    config = replace(
        config,
        model=replace(config.model, pooling="mean"),
        training=replace(config.training, adversarial_radius=0.0),
    )
    if has_machine_code:
        from grutext.training.cloze import Cloze

        return Cloze(config, rows, config.model.embedding_size, "softmax")
    from grutext.nn.cloze import Cloze as TensorFlowCloze

    return TensorFlowCloze(config, rows, config.model.embedding_size, "softmax")
