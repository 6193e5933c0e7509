"""The state of a training on disk, so that one that was killed can go on.

A state is one file: the weights, the optimizer's moments, the best weights so far, the history and the
place in the epoch. Shuffling and dropout depend on the seed, the epoch and the step alone, so a training
that goes on from a state ends with the same bytes as one that was never interrupted. The file's name
tells its number and its SHA-256; the one before stays until the next is whole and on the disk, and one
that was cut off or damaged is passed over for it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from grutext.engines.base import Trainable
from grutext.errors import TrainingError
from grutext.model.bundle import sync_folder, write_durably
from grutext.model.initial import Arrays

_PATTERN = "[0-9]*-*.safetensors"
TRAINING = "training"
_KEPT = 2  # states: the newest, and the one before it


@dataclass(slots=True)
class EpochProgress:
    """How far an epoch is.

    Attributes:
        batches: Batches that are done.
        texts: Their texts.
        tokens: Their tokens.
        losses: The sum of their texts' losses, in nats.
        seconds: The time that they took.
    """

    batches: int = 0
    texts: int = 0
    tokens: int = 0
    losses: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TrainingState:
    """What a state tells besides the network's own.

    Attributes:
        best: The weights of the best epoch so far.
        history: The epochs so far.
        place: How far the next one is.
        phase: What is trained.
    """

    best: Arrays
    history: list[dict[str, Any]]
    place: EpochProgress = field(default_factory=EpochProgress)
    phase: str = TRAINING


class Checkpoint:
    """Keeps a training's state in a folder.

    Args:
        folder: Made when the first state is kept.
        identity: What data and settings the training has, by what to call them; a state of another is refused.
        resume: Whether a state that is already there is gone on from, or left to be replaced.
        seconds: How long after a state the next is due.

    Attributes:
        has_failed: Whether it was told that a state could not be written.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], resume: bool, seconds: float) -> None:
        self.folder, self.identity, self.resume, self.seconds = folder, dict(identity), resume, seconds
        self._kept_at = time.monotonic()
        self.has_failed = False

    @property
    def due(self) -> bool:
        """Whether the last state is old enough for a new one."""
        return time.monotonic() - self._kept_at >= self.seconds

    def keep(self, network: Trainable, run: TrainingState) -> None:
        """Writes the state.

        Raises:
            OSError: It cannot be written; the last one is still there.
        """
        arrays = {f"now/{name}": array for name, array in network.arrays().items()}
        arrays |= {f"best/{name}": array for name, array in run.best.items()}
        arrays |= {f"training/{name}": array for name, array in network.state().items()}
        told = {"identity": self.identity, "history": run.history, "place": asdict(run.place)}
        told["phase"] = run.phase
        content = save(arrays, {name: json.dumps(value) for name, value in told.items()})
        self.folder.mkdir(parents=True, exist_ok=True)
        states = _states(self.folder)
        number = _number(states[-1]) + 1 if states else 1
        unfinished = self.folder / "unfinished"
        self._kept_at = time.monotonic()  # also where it fails, or each step would try again
        try:
            write_durably(unfinished, content)
        except OSError:
            unfinished.unlink(missing_ok=True)  # the model may need the room
            raise
        unfinished.replace(self.folder / f"{number:06}-{hashlib.sha256(content).hexdigest()}.safetensors")
        sync_folder(self.folder)
        for old in states[: -(_KEPT - 1)]:
            old.unlink(missing_ok=True)

    def restore(self, network: Trainable, phase: str = TRAINING) -> TrainingState | None:
        """Puts the network into the newest whole state; gives None where that is of another phase, or none is wanted.

        Raises:
            TrainingError: Every state is damaged, or they belong to other data or settings.
        """
        states = _states(self.folder) if self.resume else []
        if not states:
            return None
        damaged = list(itertools.takewhile(lambda path: not _is_whole(path), reversed(states)))
        if len(damaged) == len(states):
            raise TrainingError(
                f"{states[-1]} is damaged (its SHA-256 differs); start again without --resume"
            )
        whole = states[-1 - len(damaged)]
        try:
            with safe_open(whole, "np") as file:
                told = {name: json.loads(value) for name, value in file.metadata().items()}
                _check_identity(self.folder, told["identity"], self.identity)
                is_wanted = told["phase"] == phase
                names = file.keys() if is_wanted else ()
                arrays = {name: file.get_tensor(name) for name in names}
            for path in damaged:
                path.unlink(
                    missing_ok=True
                )  # or it would be taken for the one to keep when the next is written
            if not is_wanted:
                return None
            network.assign(_under("now/", arrays))
            network.resume(_under("training/", arrays))
            return TrainingState(
                _under("best/", arrays), told["history"], EpochProgress(**told["place"]), phase
            )
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise TrainingError(f"{whole} lacks or garbles {error}; start again without --resume") from error


def _states(folder: Path) -> list[Path]:
    """Gives the states of a folder, the newest last."""
    return sorted(folder.glob(_PATTERN), key=_number)


def _number(path: Path) -> int:
    return int(path.name.partition("-")[0])


def _is_whole(path: Path) -> bool:
    return hashlib.sha256(path.read_bytes()).hexdigest() == path.stem.partition("-")[2]


def _check_identity(folder: Path, kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raises a TrainingError that names what is not as it was."""
    names = [name for name in {**kept, **wanted} if kept.get(name) != wanted.get(name)]
    if not names:
        return
    known = [f"{name} was {kept.get(name)} and is {wanted.get(name)}" for name in names if "." in name]
    differs = ", ".join([name for name in names if "." not in name] + known)
    raise TrainingError(
        f"{folder} belongs to a training that differs: {differs}; repeat its command, or start again without --resume"
    )


def _under(prefix: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
