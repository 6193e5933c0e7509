"""Labelled texts, and the options of reading them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from grutext.data.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text and its place in the source.

    Attributes:
        text: The text, character for character as in the source.
        labels: One label; or any number of labels if a text may have several.
        source: The file or data set as the user named it; in a folder of class folders, the path of the text's file.
        row: The number of the line on which the row starts, from 1 and with the header; in parquet and TFDS the number
            of the row.
        weight: The factor on the loss of this text in training, at least 0.
        probabilities: Where the labels are uncertain, the probability of each; `labels` then has the likeliest one, or,
            where a text may have several, those of at least one half.
    """

    text: str
    labels: tuple[str, ...]
    source: str
    row: int
    weight: float = 1.0
    probabilities: Mapping[str, float] | None = None

    @property
    def is_certain(self) -> bool:
        """Whether the text counts once and its labels are certain, as in most data."""
        return self.weight == 1.0 and self.probabilities is None


# One column, several of them, or None where a column is not known.
ColumnNames = str | tuple[str, ...] | None


def list_columns(names: ColumnNames) -> tuple[str, ...]:
    """Return columns as a tuple, which is empty for None."""
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


def join_columns(names: Iterable[str]) -> ColumnNames:
    """Return columns as in `ReadOptions`: one of them as a string, none as None."""
    names = tuple(names)
    return names if len(names) > 1 else names[0] if names else None


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """The options of reading a source.

    Attributes:
        text_column: The column of the texts, or several, whose texts are joined with a line break; None guesses it.
        label_column: The column of the labels, or several, which hold 0 or 1, or a probability, one for each label; None
            guesses it.
        weight_column: The column of the weights of the texts in training; None: each text counts once.
        label_separator: The string between the labels of a cell with several labels; None: a cell has one label.
        encoding: The encoding of text files; `utf-8` also reads a byte order mark. None finds it, by the rule in
            `grutext.data.formats.encodings`.
        skip_empty: Whether rows without a text or a label are dropped, and counted in a note.
        format: One of `grutext.data.format_names()`; None guesses it from the name.
        dialect: What the user says about the dialect of CSV and TSV files; the files say the rest.
        remembered: The dialect that the user named for the training data; it fills what `dialect` leaves open.
        keep_missing: Whether labels such as `nan`, `None` and `N/A` are labels like any other; else they are taken for
            missing in a column that has other labels too.
    """

    text_column: ColumnNames = None
    label_column: ColumnNames = None
    weight_column: str | None = None
    label_separator: str | None = None
    encoding: str | None = None
    skip_empty: bool = False
    format: str | None = None
    dialect: Dialect = field(default_factory=Dialect)
    remembered: Dialect = field(default_factory=Dialect)
    keep_missing: bool = False


def fingerprint(examples: Iterable[Example]) -> str:
    """Return a SHA-256 (hexadecimal) of texts, labels and weights in their order; their source does not matter."""
    digest = hashlib.sha256()
    for example in examples:
        digest_example(digest, example)
    return digest.hexdigest()


def digest_example(digest: hashlib._Hash, example: Example) -> None:
    """Update a SHA-256 with the text and the labels of an example."""
    # JSON in ASCII shows where a text ends, and can hold lone surrogates.
    certainty = [] if example.is_certain else [[example.weight, example.probabilities]]
    digest.update(json.dumps([example.text, *example.labels, *certainty]).encode("ascii") + b"\n")
