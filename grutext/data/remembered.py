"""What a model remembers of how its training data were read, in the entry `data` of its bundle.

The record `reading` has what the user `told` and what was `found`. Data that are read for the model later use the columns,
the separator of labels, the treatment of missing labels, and the dialect that was told; the rest (encoding, format, dialect
that was found, dropped rows) is told or found anew for each file. Bundles of earlier formats have one text column and one
label column, and no record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from typing import Any

from grutext.data.columns import Columns
from grutext.data.datasets import Dataset
from grutext.data.dialect import Dialect
from grutext.data.examples import ColumnNames, ReadOptions, join_columns
from grutext.data.formats.encodings import UTF8

_COLUMNS = ("text_column", "label_column")


def describe_reading(dataset: Dataset, options: ReadOptions) -> dict[str, Any]:
    """Return how a data set was read, as the entries of a bundle's `data`, in JSON's types."""
    found: dict[str, Any] = {"text_column": dataset.text_column, "label_column": dataset.label_column}
    if dataset.dialect is not None:
        found |= {"dialect": dataset.dialect}
    if set(dataset.encodings) - {UTF8}:
        found |= {"encoding": list(dataset.encodings)}
    return {"reading": {"told": _changed(options, ReadOptions()), "found": _as_json(found)}}


def remembered_columns(data: Mapping[str, Any]) -> Columns:
    """Return the columns of the training data; `data` is the checked entry of a bundle."""
    found = data.get("reading", {}).get("found", data)
    text, label = (_as_columns(found.get(name)) for name in _COLUMNS)
    return Columns(text, label)


def remember_options(options: ReadOptions, data: Mapping[str, Any]) -> ReadOptions:
    """Return options in which those that were told at training, and belong to later data too, fill what is not told.

    Args:
        options: The options for the later data.
        data: The checked entry of a bundle.

    Raises:
        DataError: The bundle's dialect is none.
    """
    told = data.get("reading", {}).get("told", {})
    dialect = told.get("dialect", {})
    return replace(
        options,
        label_separator=told.get("label_separator")
        if options.label_separator is None
        else options.label_separator,
        keep_missing=options.keep_missing or told.get("keep_missing", False),
        remembered=Dialect(**{**dialect, "columns": tuple(dialect.get("columns", ()))}),
    )


def _changed(options: Any, defaults: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that differ from the defaults, in JSON's types."""
    changed: dict[str, Any] = {}
    for field in fields(options):
        value, default = getattr(options, field.name), getattr(defaults, field.name)
        if value != default:
            changed[field.name] = _changed(value, default) if is_dataclass(value) else _as_json(value)
    return changed


def _as_json(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, dict):
        return {name: _as_json(item) for name, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _as_columns(value: Any) -> ColumnNames:
    return join_columns(value) if isinstance(value, list) else value
