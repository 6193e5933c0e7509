"""Labelled texts that do not fit into memory: kept in files, each with a random share of them."""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from grutext.data.copies import KeySet, TextIndex, hash_text
from grutext.data.examples import Example, digest_example
from grutext.data.labels import respell_example

_FILES = 200  # all are open at once, and some systems allow 256 open files; of 5 GB, each holds 25 MB
# The most that is held out for a dev split: more texts do not improve calibration, more characters cost memory.
_MOST_HELD_OUT, _MOST_CHARACTERS = 10_000, 40_000_000
_BLOCK = 10_000  # texts whose keys are looked up at once
_MOST_COPIES = 100  # of a held-out text; one that is more frequent is in the files


@dataclass(frozen=True, slots=True)
class TextsOnDisk:
    """Labelled texts in files.

    The file of each text is drawn at random, so that every file is like the whole, however the source is sorted.

    Attributes:
        paths: The files; none of them is empty.
        texts: The number of texts in all of them.
        characters: The number of characters in all of them.
        counts: The number of texts with each label.
        sha256: Hash of all texts and labels in the order of the source, held-out texts included.
        spellings: The spellings of labels in the files that are replaced by others as they are read.
    """

    paths: tuple[Path, ...]
    texts: int
    characters: int
    counts: Counter[str]
    sha256: str
    spellings: Mapping[str, str] = field(default_factory=dict)

    def respell(self, replaced: Mapping[str, str]) -> TextsOnDisk:
        """Return the same texts with other spellings of their labels.

        The counts of merged spellings are added, which is too many for texts that had several of them.
        """
        counts: Counter[str] = Counter()
        for label, number in self.counts.items():
            counts[replaced.get(label, label)] += number
        return replace(self, counts=counts, spellings=replaced)

    def read(self, number: int) -> list[Example]:
        """Return the texts of one file, numbered from 0, in the order of the source."""
        with self.paths[number].open(encoding="ascii") as lines:
            return [respell_example(_from_line(line), self.spellings) for line in lines]

    def rewrite(self, change: Callable[[list[Example]], list[Example]]) -> TextsOnDisk:
        """Replace the texts of each file by what `change` returns for them, and return what is on disk then.

        Raises:
            OSError: A file cannot be written.
        """
        counts: Counter[str] = Counter()
        texts = characters = 0
        digest = hashlib.sha256(self.sha256.encode("ascii"))
        for number, path in enumerate(self.paths):
            examples = change(self.read(number))
            with path.open("w", encoding="ascii") as file:
                for example in examples:
                    digest_example(digest, example)
                    file.write(_to_line(example))
                    counts.update(example.labels)
                    characters += len(example.text)
            texts += len(examples)
        filled = tuple(path for path in self.paths if path.stat().st_size)
        return TextsOnDisk(filled, texts, characters, counts, digest.hexdigest())

    def sample(self, characters: int) -> list[Example]:
        """Return random texts with at least this many characters together, or all texts if there are not as many."""
        examples: list[Example] = []
        for number in range(len(self.paths)):
            found = self.read(number)
            random.Random(number).shuffle(found)  # noqa: S311 (no secret; the source may be sorted by label)
            for example in found:
                examples.append(example)
                characters -= len(example.text)
                if characters <= 0:
                    return examples
        return examples


@dataclass(frozen=True, slots=True)
class DiskOptions:
    """When and where texts are written to files.

    Attributes:
        max_characters: Texts with more characters than this together are written to files.
        folder: The folder of the files; it is made when it is needed.
        seed: Decides the file of each text, and which texts are held out.
        dev_fraction: The fraction of texts that is held out for a dev split if texts are written to files; of at most
            10,000 texts.
        key: Returns the same 64-bit number for texts that count as equal; of these, either all or none are held out.
    """

    max_characters: int
    folder: Path
    seed: int
    dev_fraction: float
    key: Callable[[str], int] = hash_text


@dataclass(frozen=True, slots=True)
class Collected:
    """The examples of a source, in memory or in files.

    Attributes:
        examples: All examples in the order of the source; empty if they are in files.
        on_disk: The files; None if the examples are in memory.
        held_out: A random sample for a dev split, which is not in the files; empty if the examples are in memory. No
            text in it has a copy in the files.
        index: The texts in the files and of the sample; None if the examples are in memory.
    """

    examples: list[Example] = field(default_factory=list)
    on_disk: TextsOnDisk | None = None
    held_out: tuple[Example, ...] = ()
    index: TextIndex | None = None


def collect(examples: Iterable[Example], options: DiskOptions) -> Collected:
    """Read examples once, into memory, or into files as soon as they are too many.

    Raises:
        OSError: A file cannot be written.
    """
    iterator = iter(examples)
    in_memory: list[Example] = []
    characters = 0
    for example in iterator:
        in_memory.append(example)
        characters += len(example.text)
        if characters > options.max_characters:
            return _write_files(_chain(in_memory, iterator), options)
    return Collected(examples=in_memory)


def _chain(in_memory: list[Example], rest: Iterator[Example]) -> Iterator[Example]:
    """Yield the examples in memory, then free that memory, then yield the rest."""
    yield from in_memory
    in_memory.clear()
    yield from rest


def _write_files(examples: Iterable[Example], options: DiskOptions) -> Collected:
    options.folder.mkdir(parents=True, exist_ok=True)
    paths = [options.folder / f"texts-{number:03}.jsonl" for number in range(_FILES)]
    digest = hashlib.sha256()
    draw = random.Random(options.seed)  # noqa: S311 (no secret)
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(path.open("w", encoding="ascii")) for path in paths]
        writer = _Writer(files, draw, TextIndex(options.key))
        sample = _Sample(writer, draw)
        iterator = iter(examples)
        while block := list(itertools.islice(iterator, _BLOCK)):
            for example in block:
                digest_example(digest, example)
            keys = [options.key(example.text) for example in block]
            if options.dev_fraction == 0.0:
                for example, key in zip(block, keys, strict=True):
                    writer.write(example, key)
            else:
                sample.add(block, keys)
        held_out = sample.finish(options.dev_fraction)
    filled = tuple(path for path in paths if path.stat().st_size)
    on_disk = TextsOnDisk(filled, writer.texts, writer.characters, writer.counts, digest.hexdigest())
    for example in held_out:
        writer.index.add(example, options.key(example.text))
    return Collected(on_disk=on_disk, held_out=tuple(held_out), index=writer.index)


def _to_line(example: Example) -> str:
    certainty = [] if example.is_certain else [example.weight, example.probabilities]
    return json.dumps([example.text, example.labels, example.source, example.row, *certainty]) + "\n"


def _from_line(line: str) -> Example:
    text, labels, *rest = json.loads(line)
    return Example(text, tuple(labels), *rest)


class _Writer:
    """Writes each example to a random one of the open files, and counts."""

    def __init__(self, files: Sequence[TextIO], draw: random.Random, index: TextIndex) -> None:
        self.index = index
        self.counts: Counter[str] = Counter()
        self.texts = self.characters = 0
        self._files, self._draw = files, draw

    def write(self, example: Example, key: int) -> None:
        self._files[self._draw.randrange(_FILES)].write(_to_line(example))
        self.index.add(example, key)
        self.counts.update(example.labels)
        self.texts += 1
        self.characters += len(example.text)


class _Sample:
    """The held-out examples: those with the lowest random numbers; the others are written to files.

    The copies of a text have the same random number: a copy of a text that is in the files is written to them as well.
    """

    def __init__(self, writer: _Writer, draw: random.Random) -> None:
        self._writer, self._draw = writer, draw
        # The first entry of the heap has the highest random number.
        self._lowest: list[tuple[float, int, int, Example]] = []
        self._ranks: dict[int, float] = {}  # by key
        self._copies: Counter[int] = Counter()
        self._written = KeySet()
        self._added = self._characters = 0

    def add(self, examples: Sequence[Example], keys: Sequence[int]) -> None:
        """Add a block of examples."""
        for example, key, is_written in zip(examples, keys, self._written.find(keys), strict=True):
            if is_written or self._written.is_new(key):
                self._added += 1
                self._writer.write(example, key)
            else:
                self._add(example, key)
        self._written.pack()

    def _add(self, example: Example, key: int) -> None:
        if key not in self._ranks:
            self._ranks[key] = -self._draw.random()
        heapq.heappush(self._lowest, (self._ranks[key], -self._added, key, example))
        self._added += 1
        self._copies[key] += 1
        self._characters += len(example.text)
        if self._copies[key] > _MOST_COPIES:
            self._release({key})
        while len(self._lowest) > _MOST_HELD_OUT or self._characters > _MOST_CHARACTERS:
            self._release_highest()

    def finish(self, fraction: float) -> list[Example]:
        """Return the held-out examples, `fraction` of all or fewer, in the order of the source."""
        wanted = round(self._added * fraction)
        if wanted > 1:
            self._release({key for key, copies in self._copies.items() if 2 * copies > wanted})
        while len(self._lowest) > wanted:
            self._release_highest()
        groups: dict[int, list[tuple[int, Example]]] = {}
        for _, number, key, example in sorted(self._lowest, key=lambda entry: -entry[1]):
            groups.setdefault(key, []).append((-number, example))
        held_out: list[tuple[int, Example]] = []
        for key, members in groups.items():
            if all(self._writer.counts[label] for _, example in members for label in example.labels):
                held_out += members
            else:  # they are the only ones with their label
                for _, example in members:
                    self._writer.write(example, key)
        return [example for _, example in sorted(held_out, key=lambda entry: entry[0])]

    def _release_highest(self) -> None:
        """Write the text with the highest random number, and its copies, to the files."""
        rank = self._lowest[0][0]
        while self._lowest and self._lowest[0][0] == rank:
            self._write(heapq.heappop(self._lowest))

    def _release(self, keys: set[int]) -> None:
        """Write the texts with these keys to the files."""
        if not keys:
            return
        released = [entry for entry in self._lowest if entry[2] in keys]
        self._lowest = [entry for entry in self._lowest if entry[2] not in keys]
        heapq.heapify(self._lowest)
        for entry in sorted(released):
            self._write(entry)

    def _write(self, entry: tuple[float, int, int, Example]) -> None:
        _, _, key, example = entry
        self._ranks.pop(key, None)
        self._copies.pop(key, None)
        self._characters -= len(example.text)
        self._written.add(key)
        self._writer.write(example, key)
