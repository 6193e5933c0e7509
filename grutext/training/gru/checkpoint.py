"""The state of a training on disk, from which it can be resumed.

A state is one file: the weights, the optimizer's moments, the best weights so far, the history and the
progress of the epoch. Shuffling and dropout depend on the seed, the epoch and the step alone, so a resumed
training ends with the same bytes as one that was never interrupted. The file's name holds its number and its
SHA-256; the previous state stays until the next one is complete and flushed to the disk, and a state that was
cut off or damaged is skipped in favour of the previous one.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from grutext.engines.base import Trainable
from grutext.engines.workers import Workers
from grutext.errors import TrainingError
from grutext.model.bundle import sync_folder, write_durably
from grutext.model.initial import Arrays

_PATTERN = "[0-9]*-*.safetensors"
PRETRAINING, FOLDS, TRAINING = "pretraining", "folds", "training"  # the phases
_STATES = 2  # that are kept: the newest and the one before it


@dataclass(slots=True)
class EpochProgress:
    """How much of an epoch is done.

    Attributes:
        batches: Batches that are done.
        texts: Texts in them.
        tokens: Tokens in them, without padding.
        losses: The sum of the texts' losses, in nats.
        seconds: The time that the batches took.
    """

    batches: int = 0
    texts: int = 0
    tokens: int = 0
    losses: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TrainingState:
    """What is saved besides the network's weights and the optimizer's moments.

    Attributes:
        best: The weights of the best epoch so far, by the spec's names.
        history: A record for each epoch so far.
        progress: How much of the next epoch is done.
        phase: The current phase.
        left_out: What finished phases left out for the time budget; see `grutext.training.budget.TimeBudget`.
        out_of_fold: The results of the folds, once they have been trained; see `grutext.training.gru.held_out.OutOfFold`.
    """

    best: Arrays
    history: list[dict[str, Any]]
    progress: EpochProgress = field(default_factory=EpochProgress)
    phase: str = TRAINING
    left_out: Mapping[str, str] = field(default_factory=dict)
    out_of_fold: Arrays = field(default_factory=dict)


class Checkpoint:
    """Folder to which the state of a training is saved.

    Args:
        folder: The folder; it is created when the first state is saved.
        identity: Data, settings and versions of the training, by the names that messages use; a state of another training
            is refused.
        resume: Whether to resume from a state that is already there; otherwise it is ignored and replaced.
        seconds: Seconds between two states.

    Attributes:
        has_failed: Whether a failure to write a state was reported.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], resume: bool, seconds: float) -> None:
        self.folder, self.identity, self.resume, self.seconds = folder, dict(identity), resume, seconds
        self._saved_at = time.monotonic()
        self.has_failed = False

    @property
    def due(self) -> bool:
        """Whether the last state is old enough for a new one."""
        return time.monotonic() - self._saved_at >= self.seconds

    def save(self, network: Trainable, state: TrainingState) -> None:
        """Write the state.

        Raises:
            OSError: It cannot be written; the previous one is still there.
        """
        arrays = {f"now/{name}": array for name, array in network.arrays().items()}
        arrays |= {f"best/{name}": array for name, array in state.best.items()}
        arrays |= {f"folds/{name}": array for name, array in state.out_of_fold.items()}
        arrays |= {f"training/{name}": array for name, array in network.state().items()}
        metadata = {
            "identity": self.identity,
            "history": state.history,
            "progress": asdict(state.progress),
            "phase": state.phase,
            "left_out": dict(state.left_out),
        }
        content = to_bytes(arrays, {name: json.dumps(value) for name, value in metadata.items()})
        self.folder.mkdir(parents=True, exist_ok=True)
        states = _list_states(self.folder)
        number = _number(states[-1]) + 1 if states else 1
        unfinished = self.folder / "unfinished"
        self._saved_at = time.monotonic()  # even if saving fails, or each step would try again
        try:
            write_durably(unfinished, content)
        except OSError:
            unfinished.unlink(missing_ok=True)  # the model may need the space
            raise
        unfinished.replace(self.folder / f"{number:06}-{hashlib.sha256(content).hexdigest()}.safetensors")
        sync_folder(self.folder)
        for old in states[: -(_STATES - 1)]:
            old.unlink(missing_ok=True)

    def restore(self, network: Trainable, phase: str = TRAINING) -> TrainingState | None:
        """Restore the network from the newest undamaged state.

        Returns:
            The rest of the state; None if there is none, if it is of another phase, or if `resume` is false. The
            network is then left as it is.

        Raises:
            TrainingError: Every state is damaged, or they belong to other data or settings.
        """
        states = _list_states(self.folder) if self.resume else []
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
                metadata = {name: json.loads(value) for name, value in file.metadata().items()}
                check_identity(self.folder, metadata["identity"], self.identity)
                is_wanted = metadata["phase"] == phase
                names = file.keys() if is_wanted else ()
                arrays = {name: file.get_tensor(name) for name in names}
            for path in damaged:  # or `save` would count it among the states to keep
                path.unlink(missing_ok=True)
            if not is_wanted:
                return None
            network.assign(_under("now/", arrays))
            network.resume(_under("training/", arrays))
            return TrainingState(
                best=_under("best/", arrays),
                history=metadata["history"],
                progress=EpochProgress(**metadata["progress"]),
                phase=phase,
                left_out=metadata["left_out"],
                out_of_fold=_under("folds/", arrays),
            )
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise TrainingError(f"{whole} cannot be read ({error}); start again without --resume") from error


def share_state(folder: Path, workers: Workers) -> None:
    """Copy the chief's newest undamaged state to the folders of the other workers, which may be on other disks."""
    whole = filter(_is_whole, reversed(_list_states(folder) if workers.is_chief else []))
    workers.copy_files(list(itertools.islice(whole, 1)), folder)


def read_identity(folder: Path) -> dict[str, Any] | None:
    """Return the identity of the training whose states are in a folder; None if there is none that can be read."""
    for path in reversed(_list_states(folder)):
        with (
            suppress(OSError, SafetensorError, KeyError, ValueError, TypeError),
            safe_open(path, "np") as file,
        ):
            return dict(json.loads(file.metadata()["identity"]))
    return None


def list_differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return what differs between two trainings as one line, with both values of a setting; "" if nothing does."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    settings = [f"{name} was {before.get(name)} and is {now.get(name)}" for name in names if "." in name]
    return ", ".join([name for name in names if "." not in name] + settings)


def check_identity(folder: Path, saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise a TrainingError that names the differences between a saved training and the wanted one, if any."""
    differences = list_differences(saved, wanted)
    if differences:
        raise TrainingError(
            f"{folder} belongs to a training that differs: {differences}; repeat its command, or start again "
            "without --resume"
        )


def _list_states(folder: Path) -> list[Path]:
    """Return the states in a folder, the newest last."""
    return sorted(folder.glob(_PATTERN), key=_number)


def _number(path: Path) -> int:
    return int(path.name.partition("-")[0])


def _is_whole(path: Path) -> bool:
    return hashlib.sha256(path.read_bytes()).hexdigest() == path.stem.partition("-")[2]


def _under(prefix: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
