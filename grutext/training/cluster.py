"""What a training needs where TF_CONFIG names several workers: a share of the texts for each, and the same settings for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grutext.config import Config, flatten
from grutext.data import (
    Columns,
    DiskOptions,
    ShardFolder,
    Table,
    describe_reading,
    find_shards,
    fingerprint,
    read_dataset,
)
from grutext.engines.choose import connect
from grutext.engines.workers import VARIABLE, Task, Workers
from grutext.errors import ConfigError, DataError, GrutextError, TrainingError
from grutext.messages import count, shorten
from grutext.model.bundle import Bundle
from grutext.progress import Listener
from grutext.text import text_key
from grutext.training.fit import library_versions
from grutext.training.splits import KnownModel, Splits, TrainingData, name_source, read_split


@dataclass(frozen=True, slots=True)
class Share:
    """What one of several workers has: its share of the texts, and the others.

    Attributes:
        workers: All workers.
        config: The settings.
        folder: The shards of all of them.
        table: The texts of this one, open.
    """

    workers: Workers
    config: Config
    folder: ShardFolder
    table: Table

    def read(self, data: TrainingData, storage: Path, listener: Listener) -> Splits:
        """Read this worker's share of the texts to train on, and all dev and test texts.

        Args:
            data: The sources.
            storage: Where texts are kept that are more than memory should hold.
            listener: Receives notes about what was dropped.

        Raises:
            DataError: A source cannot be read.
            TrainingError: The dev texts of the workers differ.
        """
        training, labels = self.config.training, tuple(sorted(self.folder.labels))
        options = DiskOptions(
            round(training.in_memory_megabytes * 1e6), storage, training.seed, dev_fraction=0.0, key=text_key
        )
        several = self.folder.multilabel
        dataset = read_dataset(self.table, data.reading, multilabel=several, labels=labels, on_disk=options)
        for note in dataset.notes:
            listener.note(note)
        model = KnownModel(Columns(None, None), several, labels)
        dev = read_split(data.dev or self.folder.dev_source, data.reading, model, listener)
        check_same(self.workers, {"the dev part": fingerprint(dev)})
        test = None if data.test is None else read_split(data.test, data.reading, model, listener)
        texts, shards = self.folder.texts, count(len(self.folder.train), "shard")
        listener.note(
            f"{self.folder.path}: {texts:,} texts in {shards}, of which the chief of {self.workers.count} workers reads "
            f"{dataset.texts:,}; {count(len(dev), 'dev text')}"
        )
        return Splits(
            train=dataset.on_disk or dataset.examples,
            dev=dev,
            test=test,
            multilabel=several,
            data={"source": name_source(data.train)} | describe_reading(dataset, data.reading),
            dev_is_split_off=False,
            labels=labels,
        )

    def copy_finished(self, finished: Bundle | None, folder: Path) -> Bundle | None:
        """Return the finished model that the chief found, if it found one.

        Args:
            finished: The model; those of the others are ignored.
            folder: A folder for temporary files.
        """
        if not self.workers.broadcast_value(finished is not None):
            return None
        copy = folder / "finished"
        if finished is not None:
            finished.save(copy)
        self.workers.copy_files(sorted(copy.iterdir()) if finished is not None else [], copy)
        return finished or Bundle.load(copy)


def join(
    task: Task, data: TrainingData, config: Config, more: Mapping[str, Any], listener: Listener
) -> Share:
    """Connect all workers, and check that they do the same.

    Args:
        task: Which of them this process is.
        data: The sources.
        config: The settings as the user chose them.
        more: What else must be the same, by the names that messages use.
        listener: Receives whom the chief waits for.

    Raises:
        ConfigError: A setting or an option has no meaning for several workers.
        DataError: The source is no folder of shards, has fewer shards than there are workers, or no dev part.
        ClusterError: One did not start in time, or this one cannot join the others.
        TrainingError: They differ in data, settings or versions.
    """
    config = _settle(config)
    folder = _find_folder(data, task)
    table = folder.open(task.rank, task.count)
    workers = connect(task, listener.note)
    versions = {f"the version of {name}": number for name, number in library_versions(config).items()}
    reading = {f"--{name.replace('_', '-')}": str(value) for name, value in asdict(data.reading).items()}
    same = {"the shards": folder.fingerprint} | reading | versions | dict(more)
    check_same(workers, same | flatten(config.to_dict()))
    return Share(workers, config, folder, table)


def check_same(workers: Workers, values: Mapping[str, Any]) -> None:
    """Raise a TrainingError on every worker if one of them has other values, by name, than the chief."""
    chief, *others = workers.gather_values(dict(values))
    for rank, other in enumerate(others, start=1):
        names = [name for name in values if chief.get(name) != other.get(name)]
        if names:
            shown = ", ".join(
                f"{name} ({shorten(str(other.get(name)), 40)} instead of {shorten(str(chief.get(name)), 40)})"
                for name in names
            )
            raise TrainingError(
                f"{workers.names[rank]} differs from the chief in {shown}; start the same command on each"
            )


def check_on_chief(workers: Workers, check: Callable[[], None] | None) -> None:
    """Call a check, if there is one, on the chief; if it raises a GrutextError, raise one on every worker."""
    found: GrutextError | None = None
    if workers.is_chief and check is not None:
        try:
            check()
        except GrutextError as error:
            found = error
    problem = workers.broadcast_value("" if found is None else str(found))
    if problem:
        raise found or TrainingError(f"the chief cannot train: {problem}")


def _settle(config: Config) -> Config:
    """Return the settings for several workers.

    Raises:
        ConfigError: One of them has no meaning there.
    """
    training = config.training
    for refused, name in (
        (training.engine == "numba", "training.engine = numba"),
        (training.time_budget > 0, "training.time_budget"),
        (training.adversarial_direction == "shared", "training.adversarial_direction = shared"),
        (not config.gru.enabled, "gru.enabled = false"),
    ):
        if refused:
            raise ConfigError(
                f"{name} is for one machine, but {VARIABLE} names several; leave one of them out"
            )
    return config.override({"training.engine": "tensorflow", "training.adversarial_direction": "own"})


def _find_folder(data: TrainingData, task: Task) -> ShardFolder:
    """Return the folder of shards that is trained on.

    Raises:
        DataError: The source is no such folder, or it has no dev part.
        ConfigError: It is to be read in a way that has no meaning for several workers.
    """
    for refused, name in (
        (data.unlabelled is not None, "texts without labels"),
        (data.dev_fraction is not None, "a dev fraction"),
        (data.min_class_size > 1, "a smallest class size"),
        (data.reading.weight_column is not None, "a weight column"),
    ):
        if refused:
            raise ConfigError(
                f"{name} can be used on one machine, but {VARIABLE} names several; leave it out"
            )
    folder = find_shards(data.train) if isinstance(data.train, str | Path) else None
    if folder is None:
        problem = (
            f"is no folder of shards, which {task.count} workers need ({VARIABLE}); grutext.distributed.write_shards "
            "writes one"
        )
        raise DataError(problem, name_source(data.train))
    if folder.dev_source is None and data.dev is None:
        raise DataError(
            "has no dev part, which several workers need; name dev texts with --dev", str(folder.path)
        )
    return folder
