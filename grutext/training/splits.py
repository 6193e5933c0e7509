"""The splits of labelled data: training, dev (for choosing the epoch and for calibration) and test data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from grutext.config import Config
from grutext.data import (
    IN_MEMORY_TABLE,
    Columns,
    Dataset,
    Dialect,
    DiskOptions,
    Example,
    ReadOptions,
    Table,
    TextIndex,
    TextsOnDisk,
    check_trainable,
    describe_counts,
    describe_reading,
    drop_small_classes,
    expand_sources,
    find_shards,
    open_frame,
    read_dataset,
    sample_path,
    split_examples,
)
from grutext.errors import ConfigError
from grutext.progress import Listener
from grutext.text import KnownTexts, text_key
from grutext.training.budget import TimeBudget
from grutext.training.copies import describe_copies, describe_shared
from grutext.training.folds import MOST_TEXTS, Folds
from grutext.training.in_memory import IN_MEMORY, Label, dataset_in_memory
from grutext.training.unlabelled import Unlabelled, UnlabelledReader, describe_source

SAMPLE = "sample"
SAMPLE_COLUMNS = Columns("text", "label")
# Of a training with folds from beginning to end, on two slow cores; only a time budget asks for them.
_CHARACTERS_PER_SECOND, _LINEAR_CHARACTERS_PER_SECOND = 800, 40_000
DEV_FRACTION, DEV_TEXTS, LEAST_FRACTION = 0.1, 500, 0.05

Frame = Any  # a table in memory, see `grutext.data.open_frame`; its types are in packages that need not be installed
# A path, a name such as `sample` or `tfds:ag_news_subset`, several of these, texts and their labels, or a table.
Source = str | Path | list[str] | tuple[Iterable[str], Iterable[Label]] | Frame


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Labelled data for a training.

    A source is a path or a name as the command line takes it (a `.csv`, `.tsv`, `.jsonl`, `.parquet` or fastText `.txt`
    file, a folder of class folders, `tfds:NAME`, `sample`), a list of those with the same columns, or a pair `(texts, labels)` in memory: an iterable of str,
    and as many labels, each a str, a list of str where a text may have several, or a dict with the probability of each label;
    or a table in memory: a DataFrame of pandas or polars, a table of pyarrow, a `Dataset` of Hugging Face, or dictionaries.

    Attributes:
        train: The texts to train on.
        dev: Texts for choosing the best epoch and for calibration. None cross-validates few texts, and sets a part of more
            aside; `sample` and folders of shards have their own.
        dev_fraction: The share of `train` that is set aside, in 0..1; None chooses it by the size of `train`, see `default_fraction`.
        test: Texts for evaluating the finished model; None for none. `sample` has its own.
        reading: How files are read.
        min_class_size: Labels of fewer texts in `train` are dropped, with the texts that have no other label.
        unlabelled: Texts without labels, from which the vocabulary and the pretraining learn as well: a file as
            `grutext predict` reads it, several files as a list of `pathlib.Path`, or an iterable of `str` that are the texts. Texts
            that are in `train`, `dev` or `test` too are left out.
        weights: Where `train` is in memory, the weight of each text in training, at least 0; 1 for each if left out.
        base: Folder of a base, as `grutext.pretrain` makes it, whose words and vectors the training starts from.
    """

    train: Source
    dev: Source | None = None
    dev_fraction: float | None = None
    test: Source | None = None
    reading: ReadOptions = field(default_factory=ReadOptions)
    min_class_size: int = 1
    unlabelled: Unlabelled | None = None
    weights: Iterable[float] | None = None
    base: str | Path | None = None

    def __post_init__(self) -> None:
        if self.weights is not None and not isinstance(self.train, tuple):
            raise ConfigError("weights are for texts in memory; for a file, name a column: weight_column")
        if self.min_class_size < 1:
            raise ConfigError(f"min_class_size is {self.min_class_size}; it must be 1 or more")
        if self.dev is not None and self.dev_fraction is not None:
            raise ConfigError("dev and dev_fraction cannot be combined; leave one of them out")

    def with_examples(self, examples: Sequence[Example], multilabel: bool) -> TrainingData:
        """Return data that differ in the texts to train on, which have been read already; without dev and test data.

        Args:
            examples: The examples to train on.
            multilabel: Whether a text may have several labels.
        """
        labels = [
            example.probabilities or (list(example.labels) if multilabel else example.labels[0])
            for example in examples
        ]
        return replace(
            self,
            train=([example.text for example in examples], labels),
            weights=[example.weight for example in examples],
            dev=None,
            test=None,
            reading=ReadOptions(keep_missing=True),  # the labels have been read already
            min_class_size=1,
        )


@dataclass(frozen=True, slots=True)
class Splits:
    """The data of a training, read and checked.

    Attributes:
        train: Examples to train on; in files if they are more than memory should hold.
        dev: Examples for choosing the best epoch and for calibration; with folds, those of `train` that are in one.
        test: Examples for evaluating the finished model; None if there are none.
        multilabel: Whether a text may have several labels.
        data: Where the examples came from, for the bundle.
        dev_is_split_off: Whether `dev` was split off the same data as `train`, all in memory.
        unlabelled: Texts without labels; in files if they are more than memory should hold; None if there are none.
        folds: The fold of each example of `train`, if these are few; None where a dev set does what folds do.
        labels: The labels by column, of which a worker's share of the texts may lack some; None for those of `train`.
    """

    train: list[Example] | TextsOnDisk
    dev: list[Example]
    test: list[Example] | None
    multilabel: bool
    data: dict[str, Any]
    dev_is_split_off: bool
    unlabelled: list[Example] | TextsOnDisk | None = None
    folds: Folds | None = None
    labels: tuple[str, ...] | None = None


def read_splits(
    data: TrainingData, config: Config, folder: Path, listener: Listener, budget: TimeBudget
) -> Splits:
    """Read and check the data of a training.

    Args:
        data: The sources.
        config: The seed of the split, how many megabytes of text memory should hold, and which parts are trained.
        folder: Where larger texts are kept; it is created when it is needed.
        listener: Receives notes about what was guessed, dropped and counted.
        budget: The time for the training, which may be too short for folds; if they are left out, it is recorded in it.

    Raises:
        DataError: A source cannot be read, or nothing can be learned from it.
        TypeError: Texts or labels in memory have a wrong type; names the position.
        MissingExtraError: A source needs a package that is not installed.
    """
    origin = name_source(data.train)
    dev, test = data.dev, data.test
    if isinstance(data.train, str) and data.train == SAMPLE:
        sample = sample_path()
        if dev is None and data.dev_fraction is None:
            dev = sample / "dev.csv"
        test = sample / "test.csv" if test is None else test
    if parts := _find_dev_parts(data.train):
        if dev is None and data.dev_fraction is None:
            dev = parts
        else:
            listener.note(f"{name_source(parts)}: not read, since other dev texts are asked for")
    share = 0.0 if dev is not None else data.dev_fraction or LEAST_FRACTION
    training, folds = config.training, None
    storage = DiskOptions(round(training.in_memory_megabytes * 1e6), folder, training.seed, share, text_key)
    dataset, index = read_training_texts(data, listener, storage)
    if dataset.on_disk:
        listener.note(
            f"{dataset.on_disk.characters / 1e6:,.0f} MB of text are more than training.in_memory_megabytes "
            f"({training.in_memory_megabytes:g}); they are kept in {folder} for the training"
        )
    columns = Columns(dataset.text_column, dataset.label_column)
    model = KnownModel(columns, dataset.multilabel, tuple(dataset.label_counts))

    # A dialect is that of the training data, and other data may have another format.
    later = replace(data.reading, dialect=Dialect(), remembered=data.reading.dialect)

    def read(source: Source, use: str) -> list[Example]:
        found = read_split(source, later, model, listener)
        for note in describe_shared(name_source(source), found, dataset.source, index, use):
            listener.note(note)
        return found

    examples: list[Example] | TextsOnDisk = dataset.on_disk or dataset.examples
    if dev is not None:
        chosen = read(dev, "which makes its metrics and thresholds too optimistic")
    elif data.dev_fraction is None and _uses_folds(dataset, config, budget):
        folds = Folds.deal(dataset.examples, training.seed, index.keys)
        chosen = [dataset.examples[n] for n in folds.held_out]
        listener.note(
            f"few texts: {folds.count}-fold cross-validation on {len(chosen):,} of {dataset.texts:,} texts replaces a "
            "dev set, and the model learns from all"
        )
    else:
        examples, chosen = _set_aside(dataset, data.dev_fraction, training.seed, index.keys)
        listener.note(f"{len(chosen):,} of {dataset.texts:,} texts are set aside to choose the best epoch")
    tested = None if test is None else read(test, "which makes its metrics too optimistic")
    record = {"source": origin} | describe_reading(dataset, data.reading)
    unlabelled = None
    if data.unlabelled is not None:
        held_out = [text_key(example.text) for example in (*(() if folds else chosen), *(tested or ()))]
        labelled = {"dev or test data": KnownTexts(held_out), "training data": KnownTexts(index.keys)}
        storage = replace(storage, folder=folder / "unlabelled", dev_fraction=0.0)
        reader = UnlabelledReader(later, columns, labelled, storage, listener)
        unlabelled = reader.read(data.unlabelled)
        record |= {"unlabelled": describe_source(data.unlabelled)}
    return Splits(
        train=examples,
        dev=chosen,
        test=tested,
        multilabel=dataset.multilabel,
        data=record,
        dev_is_split_off=dev is None and not dataset.on_disk and folds is None,
        unlabelled=unlabelled,
        folds=folds,
    )


def read_training_texts(
    data: TrainingData, listener: Listener, on_disk: DiskOptions | None = None
) -> tuple[Dataset, TextIndex]:
    """Read and check the texts to train on, with an index of equal texts.

    Args:
        data: The sources, of which only `train` is read.
        listener: Receives notes about what was guessed, dropped and counted.
        on_disk: When and where texts are written to files; None holds all of them in memory.

    Raises:
        DataError: The source cannot be read, or nothing can be learned from it.
        TypeError: Texts or labels in memory have a wrong type; names the position.
    """
    if isinstance(data.train, tuple):
        texts, labels = data.train
        dataset = dataset_in_memory(texts, labels, data.reading, weights=data.weights)
    elif isinstance(data.train, str) and data.train == SAMPLE:
        dataset = read_dataset(
            str(sample_path() / "train.csv"), data.reading, known=SAMPLE_COLUMNS, on_disk=on_disk
        )
    else:
        dataset = read_dataset(open_source(data.train), data.reading, on_disk=on_disk)
    dropped = drop_small_classes(dataset, data.min_class_size)
    for note in (*dataset.notes, *dropped, *check_trainable(dataset)):
        listener.note(note)
    index = dataset.index or TextIndex.of(dataset.examples, text_key)
    for note in describe_copies(dataset.source, index, dataset.examples):
        listener.note(note)
    listener.note(describe_counts(dataset.source, dataset.label_counts))
    return dataset, index


def _find_dev_parts(source: Source) -> list[str]:
    """Return the texts that were set aside in the folders of shards that are trained on."""
    names = [str(source)] if isinstance(source, str | Path) else source
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return []
    folders = map(find_shards, expand_sources(names))
    return [folder.dev_source for folder in folders if folder is not None and folder.dev_source is not None]


def _set_aside(
    dataset: Dataset, fraction: float | None, seed: int, keys: Sequence[int]
) -> tuple[list[Example] | TextsOnDisk, list[Example]]:
    """Return the texts to train on, and a dev set; texts in files were split when they were read."""
    if dataset.on_disk:
        return dataset.on_disk, dataset.held_out
    return split_examples(dataset.examples, fraction or default_fraction(dataset.texts), seed, keys)


def _uses_folds(dataset: Dataset, config: Config, budget: TimeBudget) -> bool:
    """Return whether a data set is small enough for folds, and the time long enough; record it if it is not."""
    if dataset.on_disk or dataset.texts > MOST_TEXTS:
        return False
    characters = sum(len(example.text) for example in dataset.examples)
    speed = _CHARACTERS_PER_SECOND if config.gru.enabled else _LINEAR_CHARACTERS_PER_SECOND
    if (
        characters / speed <= budget.seconds
    ):  # not what is left of it, so that a resumed training decides the same
        return True
    budget.left_out["folds"] = "a dev set was set aside instead of cross-validation on all texts"
    return False


def name_source(source: Source) -> str:
    """Return what a source is called in messages and in a bundle: its path or name, or what kind of data in memory it is."""
    if isinstance(source, str | Path):
        return str(source)
    if isinstance(source, list) and all(isinstance(name, str) for name in source):
        return ", ".join(source)
    return IN_MEMORY if isinstance(source, tuple) else IN_MEMORY_TABLE


def open_source(source: str | Path | list[str] | Frame) -> list[str] | Table:
    """Return what `read_dataset` takes: the names of a source, or an open table in memory."""
    if isinstance(source, str | Path):
        return [str(source)]
    if isinstance(source, list) and all(isinstance(name, str) for name in source):
        return source
    return open_frame(source)


def default_fraction(texts: int) -> float:
    """Return the share of `texts` texts to set aside for dev: a tenth, but 500 texts if there are more than 5,000.

    500 texts are enough for calibration. From 10,000 texts on it is a twentieth, since there are enough texts.
    """
    return min(DEV_FRACTION, max(DEV_TEXTS / max(1, texts), LEAST_FRACTION))


@dataclass(frozen=True, slots=True)
class KnownModel:
    """The properties of the model for which data are read.

    Attributes:
        columns: The columns of the training data.
        multilabel: Whether a text may have several labels.
        labels: The labels that the model knows.
    """

    columns: Columns
    multilabel: bool
    labels: tuple[str, ...]


def read_split(source: Source, reading: ReadOptions, model: KnownModel, listener: Listener) -> list[Example]:
    """Read labelled texts for a model; `sample` is the sample's test split.

    Args:
        source: The texts, as in `TrainingData`.
        reading: How files are read.
        model: The model. Its columns are used where this source has them and `reading` names none; labels that only differ
            from its labels in spelling become these.
        listener: Receives notes about what was guessed, dropped and counted.

    Raises:
        DataError: The source cannot be read, its rows cannot be used, or the model knows none of its labels.
        TypeError: Texts or labels in memory have a wrong type.
    """
    if isinstance(source, tuple):
        texts, labels = source
        dataset = dataset_in_memory(texts, labels, reading, multilabel=model.multilabel, known=model.labels)
    else:
        columns = model.columns
        reading = replace(reading, weight_column=None)  # each text counts once in an evaluation
        if isinstance(source, str) and source == SAMPLE:
            source, columns = sample_path() / "test.csv", SAMPLE_COLUMNS
        dataset = read_dataset(
            open_source(source), reading, multilabel=model.multilabel, known=columns, labels=model.labels
        )
    for note in dataset.notes:
        listener.note(note)
    return dataset.examples


def note_unknown(source: str, unknown: Mapping[str, int], listener: Listener) -> None:
    """Note the labels of a split that the model does not know, if there are any.

    Args:
        source: What the split is called.
        unknown: The labels and the number of their texts, as a report has them.
        listener: Receives the note.
    """
    if unknown:
        names = ", ".join(f'"{label}" ({number:,})' for label, number in unknown.items())
        listener.note(f"{source}: labels that the model does not know, counted as errors: {names}")
