"""Read texts without labels, from which the vocabulary and the pretraining learn as well."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grutext.data import Columns, DiskOptions, Example, ReadOptions, TextsOnDisk, expand_sources, read_rows
from grutext.data.on_disk import collect
from grutext.errors import ConfigError, DataError
from grutext.inference.texts import list_texts
from grutext.messages import count
from grutext.progress import Listener
from grutext.text import KnownTexts, text_key

# A file as `grutext predict` reads it, several of them as `Path`, or the texts themselves.
Unlabelled = str | Path | Sequence[Path] | Iterable[str]

IN_MEMORY = "unlabelled texts in memory"
_BLOCK = 1_000  # texts that are looked up at once


@dataclass(frozen=True, slots=True)
class UnlabelledReader:
    """Reads texts without labels one by one, and keeps those that are worth learning from.

    Empty texts are left out, and so are texts of the labelled data: they are read anyway, or must not be.

    Attributes:
        options: How files are read; options about labels are ignored.
        columns: The columns of the training data, which are used where a file has them and the options name none.
        labelled: The texts that are left out, by the name of their data in messages.
        storage: When and where texts are written to files instead of kept in memory.
        listener: Receives notes about what was guessed, left out and counted.
    """

    options: ReadOptions
    columns: Columns
    labelled: Mapping[str, KnownTexts]
    storage: DiskOptions
    listener: Listener

    def read(self, source: Unlabelled) -> list[Example] | TextsOnDisk:
        """Return the texts as examples without labels, in files if they are more than memory should hold.

        Raises:
            DataError: A source cannot be read or is named twice, or no text is left.
            ConfigError: The texts in memory are names of files.
            TypeError: An item of the texts in memory is not a `str`.
        """
        left_out: Counter[str] = Counter()
        texts = self._read_files(_files(source)) if _files(source) else _in_memory(source)
        collected = collect(self._filter(texts, left_out), self.storage)
        kept = collected.on_disk.texts if collected.on_disk else len(collected.examples)
        listed = ", ".join(f"{number:,} {why}" for why, number in left_out.items())
        name = describe_source(source)
        if not kept:
            raise DataError(f"there is no text to learn from; left out: {listed or 'none'}", name)
        self.listener.note(
            f"{name}: {count(kept, 'text')} without labels" + (f"; left out: {listed}" if listed else "")
        )
        if collected.on_disk:
            self.listener.note(f"{name}: kept in {self.storage.folder} for the training")
        return collected.on_disk or collected.examples

    def _read_files(self, files: Sequence[str]) -> Iterator[Example]:
        for file in expand_sources(files):
            with read_rows(file, self.options, known=self.columns) as rows:
                for note in rows.notes:
                    self.listener.note(note)
                for row in rows:
                    yield Example(row.text, (), file, row.number)

    def _filter(self, examples: Iterator[Example], left_out: Counter[str]) -> Iterator[Example]:
        """Yield the examples that are kept, and count the others by the reason."""
        while block := list(itertools.islice(examples, _BLOCK)):
            filled = [example for example in block if example.text and not example.text.isspace()]
            if len(filled) < len(block):
                left_out["empty"] += len(block) - len(filled)
            for name, known in self.labelled.items():
                is_known = known.contains([text_key(example.text) for example in filled])
                if is_known.any():
                    left_out[f"in the {name}"] += int(is_known.sum())
                filled = [example for example, known in zip(filled, is_known, strict=True) if not known]
            yield from filled


def describe_source(source: Unlabelled) -> str:
    """Return what a source is called in messages and in a bundle."""
    return ", ".join(_files(source)) or IN_MEMORY


def _files(source: Unlabelled) -> list[str]:
    """Return the names of the files; none for texts in memory."""
    if isinstance(source, (str, Path)):
        return [str(source)]
    if isinstance(source, (list, tuple)) and all(isinstance(one, Path) for one in source):
        return [str(path) for path in source]
    return []


def _in_memory(source: Any) -> Iterator[Example]:
    texts = list_texts(source)
    if texts and all(map(os.path.isfile, texts)):
        raise ConfigError("unlabelled is a list of names of files; pass each as a pathlib.Path")
    for number, text in enumerate(texts, start=1):
        yield Example(text, (), IN_MEMORY, number)
