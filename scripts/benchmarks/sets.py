"""The data sets to measure on: folders with `train.jsonl.gz`, `test.jsonl.gz` and perhaps `dev.jsonl.gz`."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path

from grutext.data import Dataset, read_dataset

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class BenchSet:
    """One data set; its name is that of its folder."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def path(self, part: str) -> Path | None:
        """Return the file of a part, or None if there is none."""
        path = self.folder / f"{part}.jsonl.gz"
        return path if path.is_file() else None

    def read(self, part: str) -> Dataset:
        """Read a part; a list of labels anywhere in the training set makes the whole set multi-label."""
        return read_dataset(str(self.folder / f"{part}.jsonl.gz"), multilabel=self.multilabel)

    @property
    def multilabel(self) -> bool:
        """Whether a text may have several labels, according to the first row of the training set."""
        with gzip.open(self.folder / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
            return any(isinstance(value, list) for value in json.loads(next(lines)).values())

    def count_training_rows(self) -> int:
        """Count the rows of the training set."""
        with gzip.open(self.folder / "train.jsonl.gz", "rb") as lines:
            return sum(1 for line in lines if line.strip())


def find_sets(data: Path) -> list[BenchSet]:
    """Return all sets of a folder, the smallest training set first."""
    found = [
        BenchSet(train.parent)
        for train in data.glob("*/train.jsonl.gz")
        if (train.parent / "test.jsonl.gz").is_file()
    ]
    return sorted(found, key=lambda one: ((one.folder / "train.jsonl.gz").stat().st_size, one.name))


def mostly_han(texts: list[str]) -> bool:
    """Return whether at least half of the characters, without white space, are Chinese."""
    characters = "".join("".join(text.split()) for text in texts)
    return 2 * len(_HAN.findall(characters)) > len(characters)
