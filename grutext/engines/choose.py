"""Choose the engine that trains the GRU part, and say why."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from grutext.config import Config, GRUConfig
from grutext.engines.base import Network
from grutext.engines.cbow import CBOW
from grutext.engines.numba.encoder import POOLINGS as NUMBA_POOLINGS
from grutext.engines.workers import Task, Workers
from grutext.errors import ConfigError, MissingExtraError
from grutext.kernels import why_unavailable
from grutext.requirements import check_installed, is_installed

if TYPE_CHECKING:
    from grutext.engines.keras.workers import KerasWorkers

# Device files of GPUs that TensorFlow may use; asking TensorFlow itself takes seconds.
_GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg")


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine that trains the GRU part.

    Attributes:
        name: `numba` or `tensorflow`.
        reason: Why this one, or why not the other, in a few words.
    """

    name: str
    reason: str


def choose_engine(config: Config) -> EngineChoice:
    """Return the engine that `training.engine` asks for.

    `auto` is TensorFlow if it sees a GPU, or if Numba cannot train the model or is not available; otherwise Numba.
    This compiles Numba's kernels if they are not cached, which takes about twenty seconds.

    Raises:
        ConfigError: The setting is `numba`, which cannot train this model.
        MissingExtraError: The engine is not installed, or none is.
    """
    check_engine(config)
    if config.training.engine == "tensorflow":
        return EngineChoice("tensorflow", "training.engine asks for it")
    unsupported = _unsupported_by_numba(config.gru)
    if unsupported is not None:
        return EngineChoice("tensorflow", f"Numba does not train {unsupported}")
    if config.training.engine == "auto":
        if _sees_gpu():
            return EngineChoice("tensorflow", "it sees a GPU")
        reason = _why_no_gpu()
    else:
        reason = "training.engine asks for it"
    why_not_numba = why_unavailable("training")
    if why_not_numba is None:
        return EngineChoice("numba", reason)
    if config.training.engine == "numba":
        check_installed("--engine numba", "numba")
        raise ConfigError(f"Numba cannot train here: {why_not_numba}; --engine tensorflow trains without it")
    if not is_installed("tensorflow"):
        check_installed("training", "numba")
        check_installed(f"training without Numba ({why_not_numba})", "tensorflow")
    return EngineChoice(
        "tensorflow", f"Numba: {why_not_numba}" if is_installed("numba") else "Numba is not installed"
    )


def prefers_numba(config: Config) -> bool:
    """Return whether `choose_engine` chooses Numba if its kernels are available; this compiles nothing."""
    if config.training.engine == "tensorflow" or _unsupported_by_numba(config.gru) is not None:
        return False
    return config.training.engine == "numba" or not _sees_gpu()


def check_engine(config: Config) -> None:
    """Check, without loading an engine, that `training.engine` can train the encoder.

    Raises:
        ConfigError: The setting is `numba`, which cannot train this encoder.
        MissingExtraError: Only TensorFlow can train the model, and it is not installed.
    """
    unsupported = _unsupported_by_numba(config.gru)
    if config.training.engine == "numba" and unsupported is not None:
        raise ConfigError(
            f"Numba does not train {unsupported}: it supports the poolings {', '.join(NUMBA_POOLINGS)}, with "
            "gru.reset_after = true; --engine tensorflow (the extra tensorflow) trains the others"
        )
    if unsupported is not None:
        check_installed(f"training {unsupported}", "tensorflow")
    elif config.training.engine == "tensorflow":
        check_installed("--engine tensorflow", "tensorflow")


def make_network(
    config: Config,
    rows: int,
    classes: int,
    multilabel: bool,
    weights: NDArray[np.float32],
    workers: Workers | None = None,
) -> Network:
    """Return a network before its first step.

    Args:
        config: The whole configuration; `training.engine` decides which engine trains.
        rows: Rows V of the word table.
        classes: Number C of labels.
        multilabel: Whether a text may have several labels, so that the head is `sigmoid` instead of `softmax`.
        weights: Weight of each label's texts in the loss, `(C,)`.
        workers: Those that train together, as `connect` returns them; None if this process trains alone.

    Raises:
        ConfigError: As `choose_engine` does.
        MissingExtraError: As `choose_engine` does.
    """
    head = "sigmoid" if multilabel else "softmax"
    if choose_engine(config).name == "numba":
        from grutext.engines.numba.network import NumbaNetwork

        return NumbaNetwork(config, rows, classes, head, weights)
    from grutext.engines.keras.network import KerasNetwork

    return KerasNetwork(config, rows, classes, head, weights, cast("KerasWorkers | None", workers))


def connect(task: Task, note: Callable[[str], None]) -> Workers:
    """Return the workers that train together, once all are there; to be called before anything else uses TensorFlow.

    Args:
        task: Which of them this process is.
        note: Receives whom the chief waits for.

    Raises:
        ClusterError: One did not start in time, or this one cannot join the others.
        MissingExtraError: TensorFlow is not installed.
    """
    from grutext.engines.keras.workers import KerasWorkers

    return KerasWorkers(task, note)


def make_cbow(config: Config, rows: int, workers: Workers | None = None) -> CBOW:
    """Return an embedding before its first step of pretraining.

    Args:
        config: The whole configuration; `training.engine` decides which engine trains.
        rows: Rows V of the word table.
        workers: Those that train together; None if this process trains alone.

    Raises:
        ConfigError: As `choose_engine` does.
        MissingExtraError: As `choose_engine` does.
    """
    if choose_engine(config).name == "numba":
        from grutext.engines.numba.cbow import NumbaCBOW

        return NumbaCBOW(config, rows)
    from grutext.engines.keras.cbow import KerasCBOW

    return KerasCBOW(config, rows, cast("KerasWorkers | None", workers))


def _unsupported_by_numba(gru: GRUConfig) -> str | None:
    """Return the setting of the encoder that Numba does not support; None if it supports all."""
    if gru.pooling not in NUMBA_POOLINGS:
        return f'the pooling "{gru.pooling}"'
    return None if gru.reset_after else "gru.reset_after = false"


def _has_gpu_device() -> bool:
    return any(Path(device).exists() for device in _GPU_DEVICES)


def _why_no_gpu() -> str:
    if not _has_gpu_device():
        return "no GPU was found"
    return "TensorFlow sees no GPU" if is_installed("tensorflow") else "TensorFlow is not installed"


def _sees_gpu() -> bool:
    """Return whether TensorFlow sees a GPU; it is only loaded where there is a device for one."""
    if _has_gpu_device():
        with suppress(MissingExtraError):
            from grutext.engines.keras import cudnn

            return cudnn.sees_gpu()
    return False
