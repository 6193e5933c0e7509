"""What is counted of the texts of a source while they are read: about 44 bytes for each text."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from grutext.data import Example, Rows
from grutext.data.copies import KeySet
from grutext.data_quality.characters import NO_SCRIPT, find_odd_characters, find_script
from grutext.data_quality.findings import Place
from grutext.data_quality.model_measures import ModelMeasures
from grutext.data_quality.statistics import RARE_SCRIPT, Contradictions, Copies, Lengths, TextStatistics
from grutext.text import text_key

_BLOCK = 1_000  # texts that are looked at together
SNIPPET = 60  # characters of a repeated text that are kept
_MOST_SNIPPETS = 10_000


class Profile:
    """The texts of a source, counted.

    Args:
        measures: What a model says about texts; None without a model.

    Attributes:
        label_counts: The number of texts with each label.
        scripts: The number of texts in each script.
        odd: The rows with each kind of odd character, and the characters around the first one.
        empty: The rows without a text.
    """

    def __init__(self, measures: ModelMeasures | None = None) -> None:
        self.measures = measures
        self.label_counts: Counter[str] = Counter()
        self.scripts: Counter[str] = Counter()
        self.odd: defaultdict[str, tuple[Rows, list[str]]] = defaultdict(lambda: (Rows(most=None), []))
        self.empty = Rows(most=None)
        self.label_sets: list[tuple[str, ...]] = []
        self.snippets: dict[int, str] = {}
        self._label_ids: dict[tuple[str, ...], int] = {}
        self._sources: dict[str, int] = {}
        self._keys, self._labels = array("Q"), array("I")
        self._source_of, self._rows, self._lengths = array("I"), array("Q"), array("I")
        self._of_script: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))  # positions of texts
        self._seen = KeySet()

    def read(self, examples: Iterable[Example]) -> None:
        """Count examples, block after block."""
        rest = iter(examples)
        while block := list(islice(rest, _BLOCK)):
            self._add([example for example in block if not self._is_empty(example)])

    def _is_empty(self, example: Example) -> bool:
        if example.text and not example.text.isspace():
            return False
        self.empty.add(example.source, example.row)
        return True

    def _add(self, block: list[Example]) -> None:
        """Count examples with a text."""
        keys = [text_key(example.text) for example in block]
        for example, key, was_seen in zip(block, keys, self._seen.find(keys), strict=True):
            if (was_seen or self._seen.is_new(key)) and len(self.snippets) < _MOST_SNIPPETS:
                self.snippets.setdefault(key, example.text[:SNIPPET])
            self._seen.add(key)
            labels = tuple(sorted(example.labels))
            if labels not in self._label_ids:
                self._label_ids[labels] = len(self.label_sets)
                self.label_sets.append(labels)
            self._keys.append(key)
            self._labels.append(self._label_ids[labels])
            self._source_of.append(self._sources.setdefault(example.source, len(self._sources)))
            self._rows.append(example.row)
            self._lengths.append(len(example.text))
            self.label_counts.update(labels)
            self._look_at_characters(example)
        self._seen.pack()
        if self.measures is not None and block:
            self.measures.add([example.text for example in block])

    def _look_at_characters(self, example: Example) -> None:
        script = find_script(example.text)
        self.scripts[script] += 1
        self._of_script[script].append(len(self._keys) - 1)
        for kind, around in find_odd_characters(example.text):
            rows, shown = self.odd[kind]
            rows.add(example.source, example.row)
            if not shown:
                shown.append(around)

    @property
    def texts(self) -> int:
        """The number N of texts that are not empty."""
        return len(self._keys)

    @property
    def keys(self) -> NDArray[np.uint64]:
        """`(N,)`, a number for each text, equal for copies."""
        return np.frombuffer(self._keys, np.uint64) if self._keys else np.zeros(0, np.uint64)

    @property
    def labels(self) -> NDArray[np.uint32]:
        """`(N,)`, the position of the labels of each text in `label_sets`."""
        return np.frombuffer(self._labels, np.uint32) if self._labels else np.zeros(0, np.uint32)

    @property
    def lengths(self) -> NDArray[np.uint32]:
        """`(N,)`, the number of characters of each text."""
        return np.frombuffer(self._lengths, np.uint32) if self._lengths else np.zeros(0, np.uint32)

    def places(self, texts: Iterable[int]) -> tuple[Place, ...]:
        """Return file and line of texts that are given by their positions."""
        names = list(self._sources)
        return tuple((names[self._source_of[n]], self._rows[n]) for n in texts)

    def statistics(self) -> TextStatistics:
        """Return what the findings are made from."""
        lengths = Lengths.of(self.lengths)
        copies, contradictions = self._count_repeated()
        return TextStatistics(
            self.texts,
            self.label_counts,
            lengths,
            self.scripts,
            self.empty,
            copies,
            contradictions,
            {kind: (rows, shown[0]) for kind, (rows, shown) in self.odd.items()},
            self._find_rare_scripts(),
            self.places(np.flatnonzero(self.lengths > lengths.outlier)),
        )

    def _find_rare_scripts(self) -> dict[str, tuple[Place, ...]]:
        """Return the places of the texts in each script that is rare, and of those without a letter."""
        most = RARE_SCRIPT * self.texts
        return {
            script: self.places(texts)
            for script, texts in self._of_script.items()
            if script == NO_SCRIPT or len(texts) < most
        }

    def _count_repeated(self) -> tuple[Copies, Contradictions]:
        """Count the texts that occur again with the same labels, and those that occur with different ones."""
        copies: list[NDArray[np.int64]] = []
        contradicting: list[NDArray[np.int64]] = []
        for group in self._repeated():
            (contradicting if len(set(self.labels[group].tolist())) > 1 else copies).append(group)
        again, against = Copies(), Contradictions()
        if copies:
            often = max(copies, key=len)
            places = sorted(int(text) for group in copies for text in group[1:])
            number = sum(map(len, copies)) - len(copies)
            again = Copies(number, len(often), self._snippet(often[0]), self.places(places))
        if contradicting:
            first = contradicting[0]
            other = next(text for text in first if self.labels[text] != self.labels[first[0]])
            labels = tuple(self.label_sets[self.labels[text]] for text in (first[0], other))
            everywhere = self.places(np.concatenate(contradicting).tolist())
            against = Contradictions(len(contradicting), self._snippet(first[0]), labels, everywhere)
        return again, against

    def _snippet(self, text: int) -> str:
        """Return the beginning of a repeated text."""
        return self.snippets.get(int(self.keys[text]), "")

    def _repeated(self) -> Iterator[NDArray[np.int64]]:
        """Yield the positions of the copies of each text that occurs more than once, in the order of the source."""
        keys = self.keys
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.diff(keys[order], prepend=~keys[order][:1]))
        groups = [group for group in np.split(order, starts[1:]) if len(group) > 1]
        yield from sorted(groups, key=lambda group: int(group[0]))
