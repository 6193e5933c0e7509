"""The GRU part that learns: machine code's, where it is to be had, or TensorFlow's."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config
from grutext.engines.base import Network
from grutext.engines.numba.encoder import knows_encoder
from grutext.errors import MissingExtraError
from grutext.kernels import problem

# Where there is a GPU that TensorFlow may know; to ask TensorFlow takes seconds.
_GPUS = ("/dev/nvidiactl", "/dev/dxg")


def has_loops(config: Config) -> bool:
    """Tells whether machine code trains the model: where it is to be had, knows the encoder, and no GPU is faster."""
    if problem("training") is not None or not knows_encoder(config.gru):
        return False
    if any(Path(device).exists() for device in _GPUS):
        with suppress(MissingExtraError):
            from grutext.engines.keras import cudnn

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
        from grutext.engines.numba.network import NumbaNetwork

        return NumbaNetwork(config, rows, classes, head, weights)
    from grutext.engines.keras.network import KerasNetwork

    return KerasNetwork(config, rows, classes, head, weights)


def make_masked_lm(config: Config, rows: int) -> Network:
    """Gives embedding and encoder before they learn from texts without labels; of `Network` it has no `logits`.

    Args:
        config: The whole configuration.
        rows: Rows V of the word table.
    """
    has_machine_code = has_loops(config)
    # Its head makes of a state what is as wide as an embedding; pooling has no weights, and no label a direction.
    config = replace(
        config,
        gru=replace(config.gru, pooling="mean"),
        training=replace(config.training, adversarial_radius=0.0),
    )
    if has_machine_code:
        from grutext.engines.numba.masked_lm import NumbaMaskedLM

        return NumbaMaskedLM(config, rows, config.gru.embedding_size, "softmax")
    from grutext.engines.keras.masked_lm import KerasMaskedLM

    return KerasMaskedLM(config, rows, config.gru.embedding_size, "softmax")
