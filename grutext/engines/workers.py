"""The workers that train one model together, and what they send each other.

Each is a process of its own, on its own machine or not, started with the same command. Which processes there are, and which of them this is,
stands in the environment variable TF_CONFIG.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grutext.errors import ConfigError
from grutext.messages import shorten

VARIABLE = "TF_CONFIG"
_TRAINING_JOBS = ("chief", "worker")  # in the order of their ranks
_ADDRESS = re.compile(r"(?:[^:\s]+|\[[^\]\s]+\]):(\d{1,5})", re.ASCII)  # the host of IPv6 is in brackets


@dataclass(frozen=True, slots=True)
class Task:
    """This process among the workers.

    Attributes:
        rank: Its number, from 0; number 0 is the chief, which alone writes the model.
        addresses: `host:port` of each worker, by rank.
        names: Job and index of each worker, such as `worker 1`, by rank.
    """

    rank: int
    addresses: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def count(self) -> int:
        """The number of workers."""
        return len(self.addresses)


def read_task(environment: Mapping[str, str]) -> Task | None:
    """Return what TF_CONFIG says about this process; None if it is not set, or lists this process alone.

    Raises:
        ConfigError: It cannot be used.
    """
    text = environment.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{VARIABLE} is no JSON ({error}); unset it to train on one machine") from None
    if content == {}:
        return None
    cluster: Any
    task: Any
    cluster, task = (content.get(name) if isinstance(content, dict) else None for name in ("cluster", "task"))
    if not _is_cluster(cluster) or not isinstance(task, dict):
        raise ConfigError(
            f'{VARIABLE} needs "cluster", with a list of host:port for each job, and "task", with "type" and "index"; '
            "unset it to train on one machine"
        )
    for job in (*cluster, task.get("type")):
        if job not in _TRAINING_JOBS:
            raise ConfigError(f'{VARIABLE}: the job "{job}" is not supported; it must be chief or worker')
    members = [(job, n, address) for job in _TRAINING_JOBS for n, address in enumerate(cluster.get(job, []))]
    addresses = tuple(address for *_, address in members)
    job, index = task["type"], task.get("index")
    own = cluster.get(job, [])
    if not isinstance(index, int | str) or not str(index).isdecimal() or int(index) >= len(own):
        raise ConfigError(
            f"{VARIABLE}: task.index is {index!r}; the cluster has {len(own)} of {job}, numbered from 0"
        )
    if len(set(addresses)) < len(addresses) or len(cluster.get("chief", [])) > 1:
        raise ConfigError(
            f"{VARIABLE}: each worker needs an address of its own, and there is one chief at most"
        )
    if len(addresses) == 1:
        return None
    for address in addresses:
        if not _is_address(address):
            raise ConfigError(f'{VARIABLE}: the address "{shorten(address)}" must be host:port')
    rank = [(job, n) for job, n, _ in members].index((job, int(index)))
    return Task(rank, addresses, tuple("chief" if job == "chief" else f"worker {n}" for job, n, _ in members))


def _is_cluster(cluster: Any) -> bool:
    """Return whether a value maps jobs to lists of addresses."""
    return isinstance(cluster, dict) and all(
        isinstance(addresses, list) and all(isinstance(address, str) for address in addresses)
        for addresses in cluster.values()
    )


def _is_address(text: str) -> bool:
    """Return whether a text is `host:port`."""
    found = _ADDRESS.fullmatch(text)
    return found is not None and 0 < int(found[1]) < 1 << 16


class Workers(ABC):
    """All workers, as one of them sees them. Each method is called by all of them, in the same order.

    Args:
        task: Which of them this process is.

    Attributes:
        rank: Its number, from 0.
        count: How many they are.
        names: Their names in messages, by rank.
    """

    def __init__(self, task: Task) -> None:
        self.rank, self.count, self.names = task.rank, task.count, task.names

    @property
    def is_chief(self) -> bool:
        """Whether this is the one that writes the model."""
        return self.rank == 0

    @abstractmethod
    def gather(self, content: bytes) -> list[bytes]:
        """Return what each worker passes, by rank.

        Raises:
            ClusterError: A worker ended, or cannot be reached.
        """

    @abstractmethod
    def broadcast(self, content: bytes) -> bytes:
        """Return the bytes that the chief passes; those of the others are ignored.

        Raises:
            ClusterError: A worker ended, or cannot be reached.
        """

    @abstractmethod
    def sum(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return the sum of the workers' values, which have the same shape.

        Raises:
            ClusterError: A worker ended, or cannot be reached.
        """

    def copy_files(self, files: Sequence[Path], folder: Path) -> None:
        """Copy files of the chief to a folder of each other worker, which may be on another disk.

        Args:
            files: The files; those of the others are ignored.
            folder: The folder; it is created. The chief's is left unchanged.
        """
        for name in self.broadcast_value([file.name for file in files]):
            content = self.broadcast(
                next(file for file in files if file.name == name).read_bytes() if self.is_chief else b""
            )
            if not self.is_chief:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)

    def gather_values(self, value: Any) -> list[Any]:
        """Return a value of each worker, by rank; JSON must be able to express them."""
        return [json.loads(content) for content in self.gather(json.dumps(value).encode())]

    def broadcast_value(self, value: Any) -> Any:
        """Return the value that the chief passes, which JSON must be able to express; those of the others are ignored."""
        return json.loads(self.broadcast(json.dumps(value).encode()))

    def share(self, total: int) -> int:
        """Return this worker's share of a number of things that are dealt out one by one, at least 1."""
        return max(1, len(range(self.rank, total, self.count)))
