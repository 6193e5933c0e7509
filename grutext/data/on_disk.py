"""Labelled texts that are more than memory should hold: kept in files, each a random share of them."""

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

_SHARDS = 200  # so many files are open at once, which some systems limit to 256; of 5 GB each holds 25 MB
# Of a dev part that is cut: texts, beyond which more do not calibrate better, and characters, for memory's sake.
_MOST_HELD_BACK, _MOST_CHARACTERS = 10_000, 40_000_000


@dataclass(frozen=True, slots=True)
class Shards:
    """Labelled texts in files.

    Each text lies in a file that chance chose, so that every file is like the whole, however the source was
    sorted. Files that nothing fell into are left out.

    Attributes:
        paths: The files.
        texts: The number of texts in all of them.
        characters: Their characters.
        counts: How many texts each label has.
        sha256: Of all texts and labels in the order of the source, those held back included.
    """

    paths: tuple[Path, ...]
    texts: int
    characters: int
    counts: Counter[str]
    sha256: str

    def read(self, number: int) -> list[Example]:
        """Gives the texts of a file, by its number from 0, in the order of the source."""
        with self.paths[number].open(encoding="ascii") as lines:
            return [
                Example(text, tuple(labels), source, row)
                for text, labels, source, row in map(json.loads, lines)
            ]

    def sample(self, characters: int) -> list[Example]:
        """Gives random texts of together at least so many characters, if there are as many."""
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
class Spill:
    """What becomes of more texts than memory should hold.

    Attributes:
        limit: Characters that memory should hold at most.
        folder: Where files go; made when it is needed.
        seed: Decides in which file a text falls, and which are held back.
        share: Of texts that go into files, the share held back for a dev part; 10,000 at most.
    """

    limit: int
    folder: Path
    seed: int
    share: float


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was read of a source, in memory or in files.

    Attributes:
        examples: All texts, in the order of the source; none where there are files.
        shards: The files; None where memory was enough.
        held_back: Of what went into files, a random sample for a dev part.
    """

    examples: list[Example] = field(default_factory=list)
    shards: Shards | None = None
    held_back: tuple[Example, ...] = ()


def gather(examples: Iterable[Example], spill: Spill) -> Gathered:
    """Reads examples, once, into memory, or into files as soon as they are too many.

    Raises:
        OSError: A file cannot be written.
    """
    iterator = iter(examples)
    held: list[Example] = []
    characters = 0
    for example in iterator:
        held.append(example)
        characters += len(example.text)
        if characters > spill.limit:
            return _spill(_chain(held, iterator), spill.folder, spill.seed, spill.share)
    return Gathered(examples=held)


def _chain(held: list[Example], rest: Iterator[Example]) -> Iterator[Example]:
    """Yields what memory holds, which is let go, and then the rest."""
    yield from held
    held.clear()
    yield from rest


def _spill(examples: Iterable[Example], folder: Path, seed: int, share: float) -> Gathered:
    draw = random.Random(seed)  # noqa: S311 (no secret)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"texts-{number:03}.jsonl" for number in range(_SHARDS)]
    digest = hashlib.sha256()
    counts: Counter[str] = Counter()
    texts = characters = held = 0
    lowest: list[tuple[float, int, Example]] = []  # those with the lowest draws, the highest of them first
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
            if share == 0.0:
                write(example)
                continue
            heapq.heappush(lowest, (-draw.random(), -number, example))
            held += len(example.text)
            while len(lowest) > _MOST_HELD_BACK or held > _MOST_CHARACTERS:
                let_go = heapq.heappop(lowest)[2]
                held -= len(let_go.text)
                write(let_go)
        wanted = round((texts + len(lowest)) * share)
        while len(lowest) > wanted:
            write(heapq.heappop(lowest)[2])
        kept = []
        for _, _, example in sorted(lowest, key=lambda entry: -entry[1]):
            if all(counts[label] for label in example.labels):
                kept.append(example)
            else:
                write(example)  # the only one with its label
    filled = tuple(path for path in paths if path.stat().st_size)
    return Gathered(
        shards=Shards(filled, texts, characters, counts, digest.hexdigest()), held_back=tuple(kept)
    )
