"""Cuts: some rows of a training set keep their labels, the others become texts without a label."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.sets import BenchSet
from grutext.data import Example

BALANCED_FROM = 50  # labels from which a cut takes equally many rows of each, as in sets of intents


@dataclass(frozen=True, slots=True)
class Cut:
    """A choice of training rows that depends on nothing but these three.

    Attributes:
        set: The data set's name.
        rows: How many training rows keep their labels.
        number: Which of the cuts of this size, from 1.
    """

    set: str
    rows: int
    number: int


def can_cut(labels: Sequence[str], rows: int) -> bool:
    """Return whether so many rows can be taken from rows with these labels, with some left and none missed where balanced."""
    several = len(set(labels))
    return rows < len(labels) and (several < BALANCED_FROM or several <= rows)


def choose_rows(labels: Sequence[str], cut: Cut) -> NDArray[np.int64]:
    """Return the indices of the rows that keep their labels, in random order.

    With `BALANCED_FROM` labels or more, all labels get equally many rows, as far as they have them and up to one.

    Raises:
        ValueError: `can_cut` is false.
    """
    if not can_cut(labels, cut.rows):
        raise ValueError(
            f"{cut.set}: {len(labels)} training rows with {len(set(labels))} labels, no cut of {cut.rows}"
        )
    rng = np.random.default_rng([zlib.crc32(cut.set.encode()), cut.rows, cut.number])
    order = rng.permutation(len(labels))
    if len(set(labels)) < BALANCED_FROM:
        return order[: cut.rows]
    seen: Counter[str] = Counter()
    turns = []  # in which round over the labels each row of `order` comes
    for row in order:
        turns.append(seen[labels[row]])
        seen[labels[row]] += 1
    return order[np.argsort(turns, kind="stable")[: cut.rows]]


def write_cut(bench_set: BenchSet, cut: Cut, folder: Path) -> BenchSet:
    """Write a cut as a data set without dev set; its part `unlabelled` has the training texts without their labels.

    Raises:
        ValueError: As `choose_rows`.
    """
    examples = bench_set.read("train").examples
    chosen = choose_rows([example.labels[0] for example in examples], cut)
    rest = np.setdiff1d(np.arange(len(examples)), chosen)
    new = BenchSet(folder / bench_set.name)
    new.folder.mkdir(parents=True)
    _write(new, "train", (_row(examples[n]) for n in chosen))
    _write(new, "unlabelled", ({"text": examples[n].text} for n in rest))
    _write(new, "test", map(_row, bench_set.read("test").examples))
    return new


def read_unlabelled(cut: BenchSet) -> list[str]:
    """Return the texts without a label of a set that `write_cut` wrote."""
    with gzip.open(cut.folder / "unlabelled.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def _row(example: Example) -> dict[str, str]:
    return {"text": example.text, "label": example.labels[0]}


def _write(bench_set: BenchSet, part: str, rows: Iterable[dict[str, str]]) -> None:
    with gzip.open(bench_set.folder / f"{part}.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
