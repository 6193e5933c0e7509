"""Texts that occur more than once in a source, or in two sources."""

from __future__ import annotations

import hashlib
import json
import zlib
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from grutext.data.examples import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PARTS = 16  # of the keys, which are sorted one after the other to need less memory at a time


def hash_text(text: str) -> int:
    """Return a 64-bit hash of a text, the same on every machine.

    Of fifty million different texts, two have the same one with a probability of 1 in 15,000.
    """
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


class Repetition(NamedTuple):
    """How often texts occur again.

    Attributes:
        texts: The number of texts, copies included.
        copies: The number of texts that are equal to an earlier one.
        contradicting: The number of different texts that occur with different labels.
    """

    texts: int
    copies: int
    contradicting: int


class KeySet:
    """A set of 64-bit keys in 8 bytes each, in which many keys are looked up at once.

    New keys are in a Python set until `pack` moves them to sorted arrays, of which each is longer than all after it.
    """

    def __init__(self) -> None:
        self._new: set[int] = set()
        self._runs: list[NDArray[np.uint64]] = []

    def add(self, key: int) -> None:
        """Add a key."""
        self._new.add(key)

    def is_new(self, key: int) -> bool:
        """Return whether a key was added since the last `pack`."""
        return key in self._new

    def pack(self) -> None:
        """Move the new keys to a sorted array."""
        import numpy as np

        run = np.sort(np.fromiter(self._new, np.uint64, len(self._new)))
        while self._runs and len(self._runs[-1]) <= len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)
        self._new.clear()

    def find(self, keys: Sequence[int]) -> NDArray[np.bool_]:
        """Return which of N keys were added before the last `pack`, shape (N,), bool."""
        import numpy as np

        wanted = np.array(keys, np.uint64)
        found = np.zeros(len(wanted), np.bool_)
        for run in filter(len, self._runs):
            found |= run[np.searchsorted(run, wanted).clip(0, len(run) - 1)] == wanted
        return found


class TextIndex:
    """Which texts a source has, and with which labels: a hash of 8 bytes and one of 4 for each text.

    Args:
        key: Returns a 64-bit number for a text, the same one for texts that count as equal.

    Attributes:
        key: As given.
        keys: The number of each text, in the order in which they were added.
    """

    def __init__(self, key: Callable[[str], int] = hash_text) -> None:
        self.key = key
        self.keys = array("Q")
        self._labels = array("I")

    @classmethod
    def of(cls, examples: Iterable[Example], key: Callable[[str], int] = hash_text) -> TextIndex:
        """Return the index of some examples."""
        index = cls(key)
        for example in examples:
            index.add(example, key(example.text))
        return index

    def add(self, example: Example, key: int) -> None:
        """Add an example whose text has this key."""
        self.keys.append(key)
        self._labels.append(zlib.crc32(json.dumps(sorted(example.labels)).encode("ascii")))

    def contains(self, keys: Sequence[int]) -> NDArray[np.bool_]:
        """Return which of N keys belong to a text of the source, shape (N,), bool."""
        import numpy as np  # not at the top: `grutext train --help` imports this package, and needs no NumPy

        wanted = np.array(keys, np.uint64)
        distinct = np.unique(wanted)
        found = np.zeros(len(distinct), np.bool_)
        own = np.frombuffer(self.keys, np.uint64)
        if len(distinct):
            places = np.searchsorted(distinct, own).clip(0, len(distinct) - 1)
            found[places[distinct[places] == own]] = True
            return np.asarray(found[np.searchsorted(distinct, wanted)])
        return found

    def count(self) -> Repetition:
        """Count the texts that occur again."""
        import numpy as np

        keys, labels = np.frombuffer(self.keys, np.uint64), np.frombuffer(self._labels, np.uint32)
        copies = contradicting = 0
        for part in range(_PARTS):
            here = keys % _PARTS == part
            some, own = keys[here], labels[here]
            order = np.lexsort((own, some))
            some, own = some[order], own[order]
            again = some[1:] == some[:-1]
            copies += int(again.sum())
            contradicting += len(np.unique(some[1:][again & (own[1:] != own[:-1])]))
        return Repetition(len(keys), copies, contradicting)
