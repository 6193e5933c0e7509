"""Choosing the column of the texts and the column of the labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from grutext.data.cells import describe, is_missing, read_scalar
from grutext.data.guessing import find_label_column, find_text_column, looks_like_data
from grutext.data.records import Table
from grutext.errors import DataError
from grutext.messages import list_names, quote, shorten, suggest

# The first of these names that a source has is chosen.
TEXT_NAMES = (
    *("text", "sentence", "review", "content", "message", "body", "comment", "question", "utterance"),
    *(
        "document",
        "description",
        "tweet",
        "post",
        "query",
        "request",
        "abstract",
        "article",
        "texts",
        "title",
    ),
    *("headline", "subject"),
)
LABEL_NAMES = (
    *("label", "labels", "class", "category", "sentiment", "target", "intent", "tag", "topic", "y", "rating"),
    *("emotion", "classes", "categories", "intents", "tags", "topics", "emotions", "polarity", "stars"),
    *("genre", "department"),
)
EXAMPLES = 3


class Columns(NamedTuple):
    """The names of the text column and of the label column; None if one is not known or not needed."""

    text: str | None
    label: str | None


class Choice(NamedTuple):
    """The chosen columns.

    Attributes:
        text: The text column.
        label: The label column; None if labels are not needed.
        notes: Lines for the user about what was guessed.
    """

    text: str
    label: str | None
    notes: list[str]


def choose_columns(table: Table, named: Columns, known: Columns, *, labelled: bool) -> Choice:
    """Choose the columns of texts and labels.

    In this order: a column that the user names; the column that other data of the same model had; `text` and `label`;
    other common names; names that end in one of these (`review_text`). If no name fits, the first rows decide: the
    column with the longest cells on average is the text, the one with the fewest distinct short values the label. The
    rows do not decide if other data of the same model had a named column, which is then missing here.

    Args:
        table: An open source.
        named: The columns that the user named.
        known: The columns that other data of the same model had.
        labelled: Whether a label column is needed.

    Raises:
        DataError: A named column does not exist, or it is not clear which column to choose.
    """
    if table.fixed:
        return Choice("text", "label" if labelled else None, [])
    for name in (named.text, named.label if labelled else None):
        if name is not None and name not in table.columns:
            raise _no_column(table, f"there is no column {quote(name)}{suggest(name, table.columns)}")
    text = named.text or _if_present(known.text, table)
    label = (named.label or _if_present(known.label, table)) if labelled else None
    if text is not None and (label is not None or not labelled):
        return Choice(text, label, [])
    for find in (_find_exact, _find_ending):
        text = text or find(table.columns, TEXT_NAMES, label)
        if labelled:
            label = label or find(table.columns, LABEL_NAMES, text)
    _check_separated(table)
    text = text or _guess_text(table, known, label)
    if labelled:
        label = label or _guess_label(table, known, text)
    return Choice(text, label, _describe(table, text, label))


def _if_present(name: str | None, table: Table) -> str | None:
    return name if name in table.columns else None


def _find_exact(columns: Sequence[str], names: Sequence[str], taken: str | None) -> str | None:
    by_name = {column.strip().casefold(): column for column in reversed(columns) if column != taken}
    return next((by_name[name] for name in names if name in by_name), None)


def _find_ending(columns: Sequence[str], names: Sequence[str], taken: str | None) -> str | None:
    endings = {re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", column)[-1]: column for column in reversed(columns)}
    by_name = {ending.casefold(): column for ending, column in endings.items() if column != taken}
    return next((by_name[name] for name in names if name in by_name), None)


def _check_separated(table: Table) -> None:
    """Raise a DataError if the only column has the separator of another format in its name."""
    only = table.columns[0] if len(table.columns) == 1 else ""
    if any(delimiter in only for delimiter in ";\t|"):
        problem = f"the first line names one column only, {quote(only)}; name what separates the columns: --delimiter"
        raise DataError(problem, table.source)


def _guess_text(table: Table, known: Columns, label: str | None) -> str:
    if known.text is not None:
        problem = (
            f"there is no column {quote(known.text)} as in training; name the one with texts: --text-column."
        )
        raise _no_column(table, problem)
    text = find_text_column(table, label)
    if text is None or looks_like_data(table, text):
        raise _unclear(table, "texts", "--text-column")
    return text


def _guess_label(table: Table, known: Columns, text: str) -> str:
    if known.label is not None:
        problem = f"there is no column {quote(known.label)} as in training; name the one with labels: --label-column."
        raise _no_column(table, problem)
    label = find_label_column(table, text)
    if label is None or looks_like_data(table, label):
        raise _unclear(table, "labels", "--label-column")
    return label


def _no_column(table: Table, problem: str) -> DataError:
    return DataError(f"{problem} The columns are: {list_names(table.columns)}", table.source)


def _unclear(table: Table, what: str, option: str) -> DataError:
    problem = f"it is not clear which column holds the {what}; name it: {option}. The first line must name the columns; "
    return DataError(f"{problem}it names: {list_names(table.columns)}", table.source)


def _describe(table: Table, text: str, label: str | None) -> list[str]:
    if label is None:
        return [
            f'{table.source}: texts are in column "{shorten(text)}" (guessed; --text-column chooses another)'
        ]
    found = f"texts are in column {quote(text)}, labels in {quote(label)}"
    notes = [f"{table.source}: {found} (guessed; --text-column and --label-column choose others)"]
    for record in table.first[:EXAMPLES]:
        shown, labels = (_show(record.fields.get(column)) for column in (text, label))
        notes.append(f"  line {record.number}: {quote(shown)} → {shorten(labels)}")
    return notes


def _show(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_show_item, value))
    return _show_item(value)


def _show_item(value: Any) -> str:
    scalar = "" if is_missing(value) else read_scalar(value)
    return describe(value) if scalar is None else scalar
