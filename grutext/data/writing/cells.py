"""Values as cells of CSV and as JSON lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from grutext.data.cells import JsonNumber
from grutext.errors import DataError

# What OWASP's page on CSV injection warns of: cells that begin with one of these signs (or with the wide form that some
# programs take for it), also behind white space and quotes, which spreadsheets may strip.
_FORMULA = re.compile(r"[\s\"']*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")


def render_cells(cells: Iterable[Any], delimiter: str, *, safe: bool = False) -> str:
    """Gives cells as a line of CSV.

    Args:
        cells: Their values; None is an empty cell, what is no string is written as JSON.
        delimiter: What stands between them.
        safe: Whether those that a spreadsheet would take for formulas begin with an apostrophe.
    """
    texts = [_render_cell(cell) for cell in cells]
    if safe:
        texts = [f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text for text in texts]
    # Not every version of the csv module quotes a lone carriage return on its own.
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
    if value is None:
        return ""
    return str(value) if isinstance(value, str) else render_json(value)


def render_json(value: Any) -> str:
    """Gives a value as JSON on one line; numbers that were read are written as they were."""
    try:
        line = _render_value(value)
        line.encode("utf-8")
    except RecursionError:
        raise DataError("a value is nested too deeply to be written") from None
    except UnicodeEncodeError:
        return _render_value(value, ascii_only=True)
    return line


def _render_value(value: Any, *, ascii_only: bool = False) -> str:
    if isinstance(value, JsonNumber):
        return str(value)
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
    """Gives what JSON can say of a value of another library: NumPy's numbers, dates of parquet."""
    return value.item() if hasattr(value, "item") else str(value)


_ENCODERS = {flag: json.JSONEncoder(ensure_ascii=flag, default=_make_plain) for flag in (False, True)}
