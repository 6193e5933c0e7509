"""What a training needs of an engine."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from grutext.model.initial import Arrays

Batch = dict[str, NDArray[Any]]


class Network(Protocol):
    """What a training needs of it; see `grutext.engines.keras.network.Network`."""

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
