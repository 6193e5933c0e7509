"""What the first block of a source tells about its columns: which could hold the texts, and which the labels."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from grutext.data.cells import is_missing
from grutext.data.label_cells import parse_list, read_flag
from grutext.data.records import Record
from grutext.errors import DataError

LONGEST_LABEL = 40
MOST_EMPTY = 0.5  # share of empty cells above which a column holds no labels
MOST_NUMBERS = 20  # different numbers above which a column of numbers measures or counts something
_EXAMPLES = 3
# From Thai on, many scripts write sentences without spaces.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_LETTER = re.compile(r"[^\W\d_]")
_NUMBER = re.compile(r"[-+]?[\d.,:%/ -]+")
_END_OF_SENTENCE = (".", "!", "?", "。", "\uff01", "\uff1f", "…")


@dataclass(slots=True)
class Profile:
    """The values of a column in the first block.

    Attributes:
        name: The column.
        rows: The number of rows.
        filled: The number of rows whose cell is neither missing nor blank.
        cells: The number of values, list items counted singly.
        characters: The number of characters of all values.
        prose: The number of cells of text that have several words.
        words: The number of words of these.
        numbers: The number of values that are numbers or dates.
        flags: The number of cells with 0, 1 or the like.
        values: The different values, in order of appearance.
    """

    name: str
    rows: int = 0
    filled: int = 0
    cells: int = 0
    characters: int = 0
    prose: int = 0
    words: int = 0
    numbers: int = 0
    flags: int = 0
    values: dict[str, None] = field(default_factory=dict)

    def add(self, value: Any) -> None:
        """Count the cell of one more row."""
        self.rows += 1
        cells = [cell for cell in _cells(value) if cell]
        if not cells:
            return
        self.filled += 1
        self.flags += read_flag(value) is not None
        if isinstance(value, str) and _is_prose(value):
            self.prose += 1
            self.words += len(value.split())
        for cell in cells:
            self.cells += 1
            self.characters += len(cell)
            self.numbers += _NUMBER.fullmatch(cell[: LONGEST_LABEL + 1]) is not None
            self.values[cell] = None

    @property
    def length(self) -> float:
        """The mean number of characters of a value."""
        return self.characters / max(self.cells, 1)

    @property
    def has_texts(self) -> bool:
        """Whether at least half of the cells that are filled have several words."""
        return self.prose > 0 and self.prose >= self.filled / 2

    @property
    def has_sentences(self) -> bool:
        """Whether its texts are mostly different and have three words or more on average."""
        return self.has_texts and self.words >= 3 * self.prose and len(self.values) > self.filled / 2

    @property
    def has_flags(self) -> bool:
        """Whether each cell holds 0 or 1, or the like."""
        return 0 < self.rows == self.flags

    @property
    def has_labels(self) -> bool:
        """Whether the values are short, repeat, and are there in at least half of the rows."""
        different = len(self.values)
        most = MOST_NUMBERS if 2 * self.numbers > self.cells else self.cells
        return (
            self.filled > 0
            and self.filled >= self.rows * (1 - MOST_EMPTY)
            and self.length <= LONGEST_LABEL
            and different <= max(self.cells / 2, 3)
            and different <= max(most, 3)
        )

    @property
    def examples(self) -> list[str]:
        """Its first different values."""
        return list(self.values)[:_EXAMPLES]


def profile_columns(records: Iterable[Record], columns: Sequence[str]) -> dict[str, Profile]:
    """Return the profile of each column."""
    profiles = {column: Profile(column) for column in columns}
    for record in records:
        for column, profile in profiles.items():
            profile.add(record.fields.get(column))
    return profiles


def find_texts(profiles: Collection[Profile]) -> list[Profile]:
    """Return the columns that could hold the texts, the longest first.

    Those whose texts are less than half as long as the longest ones are left out.
    """
    texts = sorted(
        (profile for profile in profiles if profile.has_texts), key=lambda profile: -profile.length
    )
    return [profile for profile in texts if 2 * profile.length >= texts[0].length]


def find_labels(profiles: Collection[Profile]) -> list[Profile]:
    """Return the columns that could hold the labels.

    A column has two different values at least, unless it is the only one.
    """
    return [
        profile
        for profile in profiles
        if profile.has_labels and (len(profile.values) > 1 or len(profiles) == 1)
    ]


def looks_like_data(profile: Profile) -> bool:
    """Return whether the name of a column looks like one of its values, because the file has no line of column names."""
    name = profile.name.strip()
    sentence = len(name.split()) > 3 or len(name) > LONGEST_LABEL or name.endswith(_END_OF_SENTENCE)
    return name in profile.values or sentence or _NUMBER.fullmatch(name) is not None


def _cells(value: Any) -> list[str]:
    listed = None
    if isinstance(value, str):
        with contextlib.suppress(
            DataError
        ):  # a list that is no list of labels is a value like any other here
            listed = parse_list(value.strip()[: LONGEST_LABEL * 10])
    values = value if isinstance(value, list) else [value] if listed is None else listed
    return [str(item).strip() for item in values if not is_missing(item)]


def _is_prose(text: str) -> bool:
    several_words = len(text.split(maxsplit=1)) > 1 and _LETTER.search(text) is not None
    return several_words or _UNSPACED.search(text) is not None
