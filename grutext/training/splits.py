"""The parts that labelled data comes in: train, dev, test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grutext.data import (
    Columns,
    Example,
    ReadOptions,
    ShardOptions,
    Shards,
    check_trainable,
    read_dataset,
    sample_path,
    split_examples,
)
from grutext.progress import Listener

SAMPLE = "sample"
SAMPLE_COLUMNS = Columns("text", "label")
DEV_FRACTION, DEV_TEXTS, LEAST_FRACTION = 0.1, 500, 0.05


@dataclass(frozen=True, slots=True)
class Splits:
    """What a training is given.

    Attributes:
        train: Examples to learn from, in files if they are more than memory should hold.
        dev: Examples that choose and calibrate.
        test: Examples that only measure; None if there are none.
        multilabel: Whether a text may have several labels.
        data: Where the examples came from, for the bundle.
        dev_is_cut: Whether `dev` was cut from the same data as `train`, all in memory.
    """

    train: list[Example] | Shards
    dev: list[Example]
    test: list[Example] | None
    multilabel: bool
    data: dict[str, Any]
    dev_is_cut: bool


def read_splits(
    source: str,
    reading: dict[str, Any],
    listener: Listener,
    *,
    dev: str | None,
    dev_fraction: float | None,
    test: str | None,
    seed: int,
    folder: Path,
    in_memory: float,
) -> Splits:
    """Reads and checks the parts; the sample brings its own dev and test parts.

    Args:
        source: The training data as the user named it.
        reading: The fields of `ReadOptions`.
        listener: Hears what was guessed, dropped and counted.
        dev: The dev data; None splits a part off the training data.
        dev_fraction: How large a part, if one is split off; None is what `default_fraction` gives.
        test: The test data, if any.
        seed: Decides the split.
        folder: Where texts are kept that are more than memory should hold.
        in_memory: How many megabytes of text memory should hold.

    Raises:
        DataError: Something about the data makes training impossible.
    """
    origin, known = source, Columns(None, None)
    if source == SAMPLE:
        folder = sample_path()
        source = str(folder / "train.csv")
        dev = dev or (str(folder / "dev.csv") if dev_fraction is None else None)
        test = test or str(folder / "test.csv")
        known = SAMPLE_COLUMNS
    share = 0.0 if dev else dev_fraction or LEAST_FRACTION
    shards = ShardOptions(round(in_memory * 1e6), folder, seed, share)
    dataset = read_dataset(source, ReadOptions(**reading), known=known, shards=shards)
    for note in (*dataset.notes, *check_trainable(dataset)):
        listener.note(note)
    columns = Columns(dataset.text_column, dataset.label_column)
    examples: list[Example] | Shards = dataset.shards or dataset.examples
    if dataset.shards:
        listener.note(
            f"{dataset.shards.characters / 1e6:,.0f} MB of text are more than training.in_memory_megabytes "
            f"({in_memory:g}); they are kept in {folder} for the training"
        )
    if dev is None:
        chosen = dataset.held_out
        if not dataset.shards:
            fraction = dev_fraction or default_fraction(dataset.texts)
            examples, chosen = split_examples(dataset.examples, fraction, seed)
        listener.note(f"{len(chosen):,} of {dataset.texts:,} texts are set aside to choose the best epoch")
    else:
        chosen = read_split(dev, reading, columns, dataset.multilabel, listener)
    held_out = None if test is None else read_split(test, reading, columns, dataset.multilabel, listener)
    data = {"source": origin, "text_column": columns.text, "label_column": columns.label}
    return Splits(
        examples, chosen, held_out, dataset.multilabel, data, dev_is_cut=dev is None and not dataset.shards
    )


def default_fraction(texts: int) -> float:
    """Gives the share of so many texts that is set aside: a tenth, but of more than 5,000 no more than 500.

    500 texts calibrate well enough; from 10,000 texts on it is a twentieth, since there is no want of them.
    """
    return min(DEV_FRACTION, max(DEV_TEXTS / max(1, texts), LEAST_FRACTION))


def read_split(
    source: str,
    reading: dict[str, Any],
    columns: Columns,
    multilabel: bool,
    listener: Listener,
) -> list[Example]:
    """Reads a part that goes with data read before.

    Args:
        source: The part as the user named it.
        reading: The fields of `ReadOptions`.
        columns: The columns of the data read before, used where this source has them and the user names none.
        multilabel: Whether a text may have several labels.
        listener: Hears what was guessed, dropped and counted.
    """
    if source == SAMPLE:
        source, columns = str(sample_path() / "test.csv"), SAMPLE_COLUMNS
    dataset = read_dataset(source, ReadOptions(**reading), multilabel=multilabel, known=columns)
    for note in dataset.notes:
        listener.note(note)
    return dataset.examples
