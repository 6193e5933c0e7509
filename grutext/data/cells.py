"""Values of records, whose types depend on the source, as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from grutext.data.records import Record
from grutext.errors import DataError
from grutext.messages import quote


class JsonNumber(str):
    """A number as a JSON document writes it: `1.10` stays `1.10`, and `1e400` does not become infinity."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a representation that differs from that of the string with the same characters."""
        return f"JsonNumber({super().__repr__()})"


class Timestamp(str):
    """A time stamp as pandas writes it in CSV, `2024-05-01 10:30:00`; in JSON a `T` stands for the blank."""

    __slots__ = ()


def is_missing(value: Any) -> bool:
    """Return whether a value is missing: null or NaN."""
    if isinstance(value, float | Decimal):
        return math.isnan(value)
    return value is None or (isinstance(value, JsonNumber) and value == "NaN")


def read_text(record: Record, columns: Sequence[str]) -> str:
    """Return the text of a record; of several columns, the texts that are not blank, joined with a line break.

    A missing value is an empty text; a JSON number is the text that was written.

    Raises:
        DataError: The record has no such field, or the field holds a value of another type.
    """
    if len(columns) == 1:
        return _read_text(record, columns[0])
    texts = [_read_text(record, column) for column in columns]
    return "\n".join(text for text in texts if text and not text.isspace())


def _read_text(record: Record, column: str) -> str:
    try:
        value = record.fields[column]
    except KeyError:
        names = ", ".join(quote(name, 30) for name in list(record.fields)[:10]) or "none"
        problem = f"there is no field {quote(column)} (fields here: {names}); add it, or name another by --text-column"
        raise DataError(problem, record.source, record.number) from None
    if is_missing(value):
        return ""
    if isinstance(value, str):
        return str(value)  # a JsonNumber becomes an ordinary string
    raise DataError(
        f"the text column {quote(column)} holds {describe(value)}, not text", record.source, record.number
    )


def read_scalar(value: Any) -> str | None:
    """Return a string, number or Boolean as text, as JSON writes it; None for any other value."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Decimal):
        return str(value)
    return None


def describe(value: Any) -> str:
    """Return the type of a value in the words of JSON, for messages."""
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return f"a value of type {type(value).__name__}"
