"""JSON lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from grutext.data.cells import JsonNumber
from grutext.data.formats.cells import render_json
from grutext.data.formats.lines import read_records
from grutext.data.formats.registry import Format
from grutext.data.formats.sources import Source
from grutext.data.limits import MOST_LEVELS
from grutext.data.records import Record, Table, find_double
from grutext.errors import DataError
from grutext.messages import quote

_KINDS = {list: "a list", str: "a text", JsonNumber: "a number", bool: "true or false", type(None): "null"}
_TOO_DEEP = f"its JSON is nested in more than {MOST_LEVELS} levels; leave out what is neither text nor label"
OBJECT = '{"text": "…", "label": "…"}'


def render_json_row(_columns: Sequence[str], row: Mapping[str, Any], _safe: bool) -> str:
    """Return a row as a line of JSON with its own fields."""
    return render_json(row) + "\n"


def open_jsonl(source: Source, encoding: str | None) -> Table:
    """Open a file of JSON lines. Numbers are kept as they are written (`JsonNumber`); blank lines are skipped.

    Raises:
        DataError: One of the first lines is not a JSON object.
    """
    empty = f"is empty; each line is one object, {OBJECT}"
    return Table(source.name, read_records(source, encoding, _build_record), empty=empty)


def _build_record(source: Source, number: int, line: str) -> Record | None:
    if not line or line.isspace():
        return None
    form = f"each line is one object, {OBJECT}"
    if number == 1 and (line.startswith("[") or line.strip() == "{"):
        form += "; --format json reads objects in a list, or over several lines"
    try:
        value = DECODER.decode(line)
    except json.JSONDecodeError as error:
        problem = f"is not JSON ({error.msg} at character {error.colno}); {form}"
        raise DataError(problem, source.name, number) from None
    except (RecursionError, DoubledKeyError) as error:
        raise explain_value(error, source, number) from None
    return build_record(value, source, number, line, form)


def build_record(value: Any, source: Source, number: int, text: str, form: str) -> Record:
    """Return the record of a JSON value.

    Args:
        value: The value, from `DECODER`.
        source: Its source.
        number: Its number.
        text: The text that it was read from.
        form: What the source should look like, for the message.

    Raises:
        DataError: The value is not an object, or is nested too deeply.
    """
    if text.count("[") + text.count("{") > MOST_LEVELS and _is_deeper(value, MOST_LEVELS):
        raise DataError(_TOO_DEEP, source.name, number)
    if not isinstance(value, dict):
        raise DataError(f"is {_KINDS[type(value)]}, not an object; {form}", source.name, number)
    return Record(number, value, source.name, len(text))


def explain_value(error: Exception, source: Source, number: int) -> DataError:
    """Return the DataError for a value that is nested too deeply, or has two fields of one name."""
    if isinstance(error, RecursionError):
        return DataError(_TOO_DEEP, source.name, number)
    return DataError(f"two fields are called {quote(str(error))}; rename one of them", source.name, number)


class DoubledKeyError(Exception):
    """An object has a key twice; the json module would silently keep one of the values."""


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) < len(pairs):
        raise DoubledKeyError(find_double(name for name, _ in pairs))
    return built


def _is_deeper(value: Any, levels: int) -> bool:
    """Return whether lists and objects are nested in more than `levels` levels."""
    if not isinstance(value, list | dict):
        return False
    items = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in items)


# Numbers stay as they are written.
DECODER = json.JSONDecoder(
    parse_int=JsonNumber,
    parse_float=JsonNumber,
    parse_constant=JsonNumber,
    object_pairs_hook=_build_object,
)
FORMATS = (Format("jsonl", open_jsonl, (".jsonl",), write_row=render_json_row),)
