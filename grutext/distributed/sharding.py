"""How labelled texts are dealt to shards and to a dev part: by hashes, so that any engine on any machine deals them alike."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from grutext.data import ReadOptions, ShardFile, ShardFolder, hash_text, share_out
from grutext.errors import ConfigError, DataError
from grutext.text import text_key
from grutext.training.splits import default_fraction

MOST_DEV_TEXTS = 10_000  # more improve neither calibration nor the choice of the epoch
RANKS = 2**63
PROBABILITIES = "has probabilities of labels, which shards do not hold; keep the likeliest label"


@dataclass(frozen=True, slots=True)
class ShardSettings:
    """How texts are dealt to shards.

    Attributes:
        shards: The number of shards of the texts to train on; a multiple of the number of workers gives each as many.
        dev_fraction: The share of the texts that is set aside, of at most 10,000 texts; 0 sets none aside, None chooses as
            `grutext train` does: a tenth, but 500 texts if there are more than 5,000, and a twentieth of more than 10,000.
        seed: Decides which texts are set aside, the shard of each, and their order.
    """

    shards: int = 16
    dev_fraction: float | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        if self.shards < 1:
            raise ConfigError(f"shards is {self.shards}; it must be 1 or more")
        if self.dev_fraction is not None and not 0 <= self.dev_fraction < 1:
            raise ConfigError(f"dev_fraction is {self.dev_fraction}; it must be at least 0 and less than 1")

    def rank(self, text: str) -> int:
        """Return the place of a text in the order in which texts are dealt, in 0..2⁶³ - 1.

        Texts that are equal, case and white space aside, have the same one. Of ten million different texts, two have the same
        one with a probability of 1 in 180,000.
        """
        return hash_text(f"{self.seed} {text_key(text)}") % RANKS

    def shard(self, rank: int) -> int:
        """Return the number of the shard of a text, from 0."""
        return rank % self.shards

    def quotas(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """Return the number of texts of each class that are set aside; one stays in each class.

        Args:
            sizes: The number of texts of each class, as `find_class` finds it.
        """
        texts = sum(sizes.values())
        fraction = default_fraction(texts) if self.dev_fraction is None else self.dev_fraction
        if not fraction or not texts:
            return {}
        shares = share_out(
            {(name,): sizes[name] for name in sorted(sizes)}, min(fraction, MOST_DEV_TEXTS / texts)
        )
        return {name: quota for (name,), quota in shares.items() if quota}


class Candidate(NamedTuple):
    """A text that may be set aside: it occurs with one set of labels only.

    Attributes:
        rank: Its `ShardSettings.rank`.
        labels: Its labels.
    """

    rank: int
    labels: tuple[str, ...]


def find_class(labels: Iterable[str], frequencies: Mapping[str, int]) -> str:
    """Return the rarest label of a text, by which texts are stratified; "" if it has none.

    Args:
        labels: The labels of the text.
        frequencies: The number of rows with each label.
    """
    return min(labels, key=lambda label: (frequencies[label], label), default="")


def choose_dev(
    candidates: Iterable[Candidate],
    quotas: Mapping[str, int],
    frequencies: Mapping[str, int],
    counts: Mapping[str, int],
) -> frozenset[int]:
    """Return the ranks of the texts that are set aside: those of the lowest ranks in each class.

    A text without which no text to train on would have one of its labels is not set aside.

    Args:
        candidates: The texts that may be set aside, or those of the lowest ranks of each class, a few more than its quota.
        quotas: The number of texts of each class to set aside.
        frequencies: The number of rows with each label.
        counts: The number of different texts with each label.
    """
    classes: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        classes[find_class(candidate.labels, frequencies)].append(candidate)
    left, chosen = Counter(counts), set[int]()
    for name, quota in quotas.items():
        for candidate in sorted(classes[name])[:quota]:
            if all(left[label] > 1 for label in candidate.labels):
                chosen.add(candidate.rank)
                left.subtract(candidate.labels)
    return frozenset(chosen)


def digest_row(text: str, labels: Iterable[str]) -> int:
    """Return a hash of a text with its labels; the sum over all rows does not depend on their order."""
    return hash_text(json.dumps([text, *labels]))


@dataclass(frozen=True)
class Part:
    """One part of the shards, as it was written.

    Attributes:
        files: Its files.
        labels: The number of texts with each label.
        characters: The number of characters of its texts.
        digest: The sum of `digest_row` over its rows.
    """

    files: tuple[ShardFile, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict)
    characters: int = 0
    digest: int = 0


@dataclass(frozen=True)
class Written:
    """What was written to a folder.

    Attributes:
        train: The texts to train on.
        dev: The texts that were set aside.
        multilabel: Whether a text may have several labels.
        copies: The number of copies that were not written.
    """

    train: Part
    dev: Part
    multilabel: bool
    copies: int

    def describe(self, path: Path, settings: ShardSettings) -> ShardFolder:
        """Return the description of the folder, without writing it."""
        digests = [self.train.digest % 2**64, self.dev.digest % 2**64]
        dealt = json.dumps([digests, settings.shards, settings.seed, self.multilabel])
        return ShardFolder(
            path,
            self.train.files,
            self.dev.files,
            labels=dict(sorted(self.train.labels.items())),
            multilabel=self.multilabel,
            characters=self.train.characters,
            fingerprint=hashlib.sha256(dealt.encode("ascii")).hexdigest(),
            copies=self.copies,
        )


@contextmanager
def new_folder(folder: str | Path) -> Iterator[Path]:
    """Make the folder of the shards and yield its absolute path; delete it if writing them fails.

    Raises:
        DataError: There is such a file or folder already, or it cannot be made.
    """
    path = Path(folder).absolute()
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        raise DataError("exists already; name a new folder, or delete this one", str(folder)) from None
    except OSError as error:
        raise DataError(f"cannot be made: {error.strerror or error}", str(folder)) from None
    try:
        yield path
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


def check_reading(reading: ReadOptions) -> None:
    """Raise a DataError if rows have weights, which shards do not hold."""
    if reading.weight_column is not None:
        raise DataError("shards hold no weights; leave the weight column out")
