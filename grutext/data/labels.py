"""Labels from the values of a label column."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from grutext.data.cells import describe, is_missing, read_scalar
from grutext.data.examples import Example
from grutext.data.records import Record
from grutext.errors import DataError
from grutext.messages import quote


class Labels(NamedTuple):
    """The labels of a record.

    Attributes:
        labels: Its labels without duplicates; None if the value is missing or empty.
        several: Whether the value is a list, so that a text may have several labels.
    """

    labels: tuple[str, ...] | None
    several: bool


_EMPTY = Labels(None, several=False)


def label_set(examples: Iterable[Example]) -> tuple[str, ...]:
    """Return all labels of the examples, sorted."""
    return tuple(sorted({label for example in examples for label in example.labels}))


def read_labels(record: Record, column: str, separator: str | None = None) -> Labels:
    """Return the labels of a record, without the white space around them.

    A JSON list, in a JSON field or as the text of a cell, stands for several labels; an empty list means that no label
    applies. With a separator, a cell of text stands for several labels, and an empty cell means that no label applies.

    Args:
        record: A row.
        column: Its label column.
        separator: The string between the labels of a cell; None: a cell has one label.

    Raises:
        DataError: The value is neither a string, a number, a Boolean nor a list of these.
    """
    value = record.fields.get(column)
    if isinstance(value, list | tuple):
        return _read_list(value, record, column)
    if is_missing(value):
        return _EMPTY
    cell = read_scalar(value)
    if cell is None:
        problem = (
            f"the label column {quote(column)} holds {describe(value)}; a label is text, or a list of texts"
        )
        raise DataError(problem, record.source, record.number)
    cell = cell.strip()
    if cell.startswith("[") and cell.endswith("]"):
        listed = _parse_list(cell, record, column)
        if listed is not None:
            return _read_list(listed, record, column)
    if separator:
        parts = (part.strip() for part in cell.split(separator))
        return Labels(tuple(dict.fromkeys(part for part in parts if part)), several=True)
    return Labels((cell,), several=False) if cell else _EMPTY


def _parse_list(cell: str, record: Record, column: str) -> list[Any] | None:
    """Return the JSON list in a cell; None if the cell is a label in square brackets."""
    try:
        value = json.loads(cell, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        if cell[1:].lstrip().startswith("'"):
            problem = f"the label column {quote(column)} holds a list of Python, {quote(cell)}; JSON has double quotes"
            raise DataError(f'{problem}: ["a", "b"]', record.source, record.number) from None
        return None
    return value if isinstance(value, list) else None


def _read_list(values: Sequence[Any], record: Record, column: str) -> Labels:
    labels = []
    for value in values:
        label = None if is_missing(value) else read_scalar(value)
        if label is None and not is_missing(value):
            problem = f"the list in the label column {quote(column)} holds {describe(value)}; a label is text"
            raise DataError(problem, record.source, record.number)
        if not label or not label.strip():
            return Labels(None, several=True)
        labels.append(label.strip())
    return Labels(tuple(dict.fromkeys(labels)), several=True)
