"""The values that this room gives to the others: examples, and how they were read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text, and where it was found.

    Attributes:
        text: The text, character for character as the source has it.
        labels: One label; or any number of them where a text may have several.
        source: The file or data set as the user named it; the file's path inside a folder of class folders.
        row: The line on which the record starts, counted from 1 with the header; in parquet and TFDS the
            number of the row.
    """

    text: str
    labels: tuple[str, ...]
    source: str
    row: int


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a source is read.

    Attributes:
        text_column: The column that holds the texts; None guesses.
        label_column: The column that holds the labels; None guesses.
        label_separator: What stands between the labels of a cell that holds several.
        encoding: How bytes become characters; `utf-8` also takes a byte order mark.
        skip_empty: Whether rows without text or label are dropped (and counted).
        format: One of `grutext.data.format_names()`; None guesses it from the name.
    """

    text_column: str | None = None
    label_column: str | None = None
    label_separator: str | None = None
    encoding: str = "utf-8"
    skip_empty: bool = False
    format: str | None = None


def fingerprint(examples: Iterable[Example]) -> str:
    """Gives a SHA-256 (hexadecimal) of texts and labels in their order, wherever they were read from."""
    digest = hashlib.sha256()
    for example in examples:
        digest_example(digest, example)
    return digest.hexdigest()


def digest_example(digest: hashlib._Hash, example: Example) -> None:
    """Adds an example to a SHA-256 in the making."""
    # ASCII JSON is unambiguous about where a text ends, and takes lone surrogates.
    digest.update(json.dumps([example.text, *example.labels]).encode("ascii") + b"\n")
