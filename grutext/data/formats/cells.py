"""Values as cells of CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

from grutext.data.cells import JsonNumber, Timestamp, is_missing
from grutext.errors import DataError

# Cells that OWASP's page on CSV injection warns of: those that begin with one of these characters (or with its fullwidth
# form, which some programs treat alike), also after white space and quotes, which spreadsheets may strip.
_FORMULA = re.compile(r"[\s\"']*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")


def render_cells(cells: Iterable[Any], delimiter: str, *, safe: bool = False) -> str:
    """Return cells as a line of CSV with its line end.

    Args:
        cells: Their values; None becomes an empty cell, and what is not a string becomes JSON.
        delimiter: The character between two cells.
        safe: Whether cells that a spreadsheet would take for formulas get an apostrophe in front.
    """
    texts = [_render_cell(cell) for cell in cells]
    if safe:
        texts = [f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text for text in texts]
    # Not every version of the csv module quotes a cell with a lone carriage return.
    quote_all = any("\r" in text for text in texts)
    line = io.StringIO()
    csv.writer(
        line,
        delimiter=delimiter,
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL,
    ).writerow(texts)
    return line.getvalue()


def _render_cell(value: Any) -> str:
    """Return a value as pandas writes it in CSV; lists and objects are JSON, and what is not a number is empty."""
    if is_missing(value):
        return ""
    if isinstance(value, str | float | Decimal | date | time | timedelta):
        return str(value)
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else render_json(value)


def render_json(value: Any) -> str:
    """Return a value as JSON on one line; a `JsonNumber` is written as it was read.

    Raises:
        DataError: The value is nested too deeply.
    """
    try:
        line = _render_value(value)
        line.encode("utf-8")
    except RecursionError:
        raise DataError("a value is nested too deeply to be written") from None
    except UnicodeEncodeError:
        return _render_value(value, ascii_only=True)
    return line


def _render_value(value: Any, *, ascii_only: bool = False) -> str:
    if type(value) is str:  # most values are, and a subclass may be written in another way
        return _QUOTE[ascii_only](value)
    if is_missing(value) or (isinstance(value, float) and math.isinf(value)):
        return "null"  # JSON has no word for it
    if isinstance(value, JsonNumber | Decimal | Timestamp):
        return f'"{value.replace(" ", "T")}"' if isinstance(value, Timestamp) else str(value)
    if isinstance(value, Mapping):
        pairs = (
            f"{_render_value(str(name), ascii_only=ascii_only)}: {_render_value(item, ascii_only=ascii_only)}"
            for name, item in value.items()
        )
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_render_value(item, ascii_only=ascii_only) for item in value)}]"
    return _ENCODERS[ascii_only].encode(value)


def _make_plain(value: Any) -> Any:
    """Return a value that JSON can express for a value of another library: NumPy's numbers, dates from parquet."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, date | time):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else str(value)


_QUOTE = {False: encode_basestring, True: encode_basestring_ascii}
_ENCODERS = {flag: json.JSONEncoder(ensure_ascii=flag, default=_make_plain) for flag in (False, True)}
