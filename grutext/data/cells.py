"""One value of a record, of whatever type its source has, as text."""

from __future__ import annotations

import math
from typing import Any

from grutext.data.records import Record
from grutext.errors import DataError
from grutext.messages import quote


class JsonNumber(str):
    """A number exactly as a JSON document writes it: `1.10` stays `1.10`, and `1e400` is no infinity."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Tells it from the text of the same characters."""
        return f"JsonNumber({super().__repr__()})"


def is_missing(value: Any) -> bool:
    """Tells whether a value stands for nothing: null, or a number that is none."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, JsonNumber) and value == "NaN")


def read_text(record: Record, column: str) -> str:
    """Gives the text of a record; a missing value is an empty text, and a JSON number is text as written.

    Raises:
        DataError: The record has no such field, or it holds something else.
    """
    try:
        value = record.fields[column]
    except KeyError:
        names = ", ".join(quote(name, 30) for name in list(record.fields)[:10]) or "none"
        problem = f"there is no field {quote(column)} (fields here: {names}); add it, or name another by --text-column"
        raise DataError(problem, record.source, record.number) from None
    if is_missing(value):
        return ""
    if isinstance(value, str):
        return str(value)  # an ordinary string also where it is a JsonNumber
    raise DataError(
        f"the text column {quote(column)} holds {describe(value)}, not text", record.source, record.number
    )


def read_scalar(value: Any) -> str | None:
    """Gives a text, number or truth value as JSON would write it; None for anything else."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return None


def describe(value: Any) -> str:
    """Gives the kind of a value in the words of JSON."""
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return f"a value of type {type(value).__name__}"
