"""Labelled texts that do not fit into memory: kept in files, each with a random share of them."""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from grutext.data.examples import Example, digest_example

_SHARDS = 200  # all are open at once, and some systems allow 256 open files; of 5 GB, each holds 25 MB
# The most that is held out for a dev split: more texts do not improve calibration, more characters cost memory.
_MOST_HELD_OUT, _MOST_CHARACTERS = 10_000, 40_000_000


@dataclass(frozen=True, slots=True)
class Shards:
    """Labelled texts in files.

    The file of each text is drawn at random, so that every file is like the whole, however the source is sorted.

    Attributes:
        paths: The files; none of them is empty.
        texts: The number of texts in all of them.
        characters: The number of characters in all of them.
        counts: The number of texts with each label.
        sha256: Hash of all texts and labels in the order of the source, held-out texts included.
    """

    paths: tuple[Path, ...]
    texts: int
    characters: int
    counts: Counter[str]
    sha256: str

    def read(self, number: int) -> list[Example]:
        """Return the texts of one file, numbered from 0, in the order of the source."""
        with self.paths[number].open(encoding="ascii") as lines:
            return [
                Example(text, tuple(labels), source, row)
                for text, labels, source, row in map(json.loads, lines)
            ]

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
class ShardOptions:
    """When and where texts are written to files.

    Attributes:
        max_characters: Texts with more characters than this together are written to files.
        folder: The folder of the files; it is made when it is needed.
        seed: Decides the file of each text, and which texts are held out.
        dev_fraction: The fraction of texts that is held out for a dev split if texts are written to files; of at most
            10,000 texts.
    """

    max_characters: int
    folder: Path
    seed: int
    dev_fraction: float


@dataclass(frozen=True, slots=True)
class Collected:
    """The examples of a source, in memory or in files.

    Attributes:
        examples: All examples in the order of the source; empty if they are in files.
        shards: The files; None if the examples are in memory.
        held_out: A random sample for a dev split, which is not in the files; empty if the examples are in memory.
    """

    examples: list[Example] = field(default_factory=list)
    shards: Shards | None = None
    held_out: tuple[Example, ...] = ()


def collect(examples: Iterable[Example], options: ShardOptions) -> Collected:
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
            return _write_shards(_chain(in_memory, iterator), options)
    return Collected(examples=in_memory)


def _chain(in_memory: list[Example], rest: Iterator[Example]) -> Iterator[Example]:
    """Yield the examples in memory, then free that memory, then yield the rest."""
    yield from in_memory
    in_memory.clear()
    yield from rest


def _write_shards(examples: Iterable[Example], options: ShardOptions) -> Collected:
    draw = random.Random(options.seed)  # noqa: S311 (no secret)
    options.folder.mkdir(parents=True, exist_ok=True)
    paths = [options.folder / f"texts-{number:03}.jsonl" for number in range(_SHARDS)]
    digest = hashlib.sha256()
    counts: Counter[str] = Counter()
    texts = characters = held = 0
    # The held-out examples are those with the lowest random numbers; the heap's first entry has the highest of these.
    lowest: list[tuple[float, int, Example]] = []
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(path.open("w", encoding="ascii")) for path in paths]

        def write(example: Example) -> None:
            nonlocal texts, characters
            values = [example.text, example.labels, example.source, example.row]
            files[draw.randrange(_SHARDS)].write(json.dumps(values) + "\n")
            counts.update(example.labels)
            texts += 1
            characters += len(example.text)

        for number, example in enumerate(examples):
            digest_example(digest, example)
            if options.dev_fraction == 0.0:
                write(example)
                continue
            heapq.heappush(lowest, (-draw.random(), -number, example))
            held += len(example.text)
            while len(lowest) > _MOST_HELD_OUT or held > _MOST_CHARACTERS:
                released = heapq.heappop(lowest)[2]
                held -= len(released.text)
                write(released)
        wanted = round((texts + len(lowest)) * options.dev_fraction)
        while len(lowest) > wanted:
            write(heapq.heappop(lowest)[2])
        held_out = []
        for _, _, example in sorted(lowest, key=lambda entry: -entry[1]):
            if all(counts[label] for label in example.labels):
                held_out.append(example)
            else:
                write(example)  # the only one with its label
    filled = tuple(path for path in paths if path.stat().st_size)
    shards = Shards(filled, texts, characters, counts, digest.hexdigest())
    return Collected(shards=shards, held_out=tuple(held_out))
