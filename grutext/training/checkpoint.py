"""The state of a training at the end of its last epoch, so that an interrupted one can go on.

A checkpoint is one file, replaced atomically: the weights, the optimizer's moments, the best weights so
far and the history. Shuffling and dropout depend on the seed and the epoch alone, so a training that
goes on from a checkpoint ends with the same bytes as one that was never interrupted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from grutext.errors import TrainingError
from grutext.model.bundle import write_durably
from grutext.nn.network import Network
from grutext.nn.weights import Arrays, to_arrays

_FILE = "state.safetensors"


@dataclass(frozen=True, slots=True)
class Run:
    """What a checkpoint tells besides the network's own state.

    Attributes:
        best: The weights of the best epoch so far.
        history: The epochs so far.
    """

    best: Arrays
    history: list[dict[str, Any]]


class Checkpoint:
    """Keeps a training's state in a folder.

    Args:
        folder: Made when the first state is kept.
        fingerprint: Identifies data and settings; a state with another one is refused.
        resume: Whether a state that is already there is gone on from, or left to be replaced.
    """

    def __init__(self, folder: Path, fingerprint: str, resume: bool) -> None:
        self.folder, self.fingerprint, self.resume = folder, fingerprint, resume

    def keep(self, network: Network, best: Arrays, history: list[dict[str, Any]]) -> None:
        """Writes the state at the end of an epoch; what was there stays until the new one is whole."""
        arrays = {f"now/{name}": array for name, array in network.arrays().items()}
        arrays |= {f"best/{name}": array for name, array in best.items()}
        arrays |= {f"adam/{name}": array for name, array in to_arrays(network.adam.moments).items()}
        arrays["steps"] = np.array([int(network.adam.steps)], np.int64)
        metadata = {"fingerprint": self.fingerprint, "history": json.dumps(history)}
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f"{_FILE}.new"
        write_durably(temporary, save(arrays, metadata))
        temporary.replace(self.folder / _FILE)

    def restore(self, network: Network) -> Run | None:
        """Puts the network into the kept state; gives None where there is none or none is wanted.

        Raises:
            TrainingError: The state is damaged, or belongs to other data or settings.
        """
        path = self.folder / _FILE
        if not self.resume or not path.exists():
            return None
        try:
            with safe_open(path, "np") as file:
                metadata = file.metadata()
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        except (OSError, SafetensorError) as error:
            raise TrainingError(f"{path} is damaged ({error}); start again without --resume") from error
        if not metadata or metadata.get("fingerprint") != self.fingerprint:
            raise TrainingError(
                f"{self.folder} belongs to a training with other data or settings; repeat its command, or start "
                "again without --resume"
            )
        try:
            network.assign(_under("now/", arrays))
            network.adam.steps.assign(int(arrays["steps"][0]))
            for name, moment in network.adam.moments.items():
                moment.assign(arrays[f"adam/{name}"])
            return Run(_under("best/", arrays), json.loads(metadata["history"]))
        except (KeyError, ValueError) as error:
            raise TrainingError(f"{path} lacks or garbles {error}; start again without --resume") from error


def _under(prefix: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
