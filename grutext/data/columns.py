"""Which column holds the texts, and which the labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from grutext.data.cells import describe, is_missing, read_scalar
from grutext.data.guessing import find_label_column, find_text_column, looks_like_data
from grutext.data.records import Table
from grutext.errors import DataError
from grutext.messages import list_names, quote, shorten, suggest

# The first name of these that a source has wins.
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
    """The names of two columns; None where one is not known or not needed."""

    text: str | None
    label: str | None


class Choice(NamedTuple):
    """What was chosen.

    Attributes:
        text: The text column.
        label: The label column; None where none was asked for.
        notes: Lines for the user about what was guessed.
    """

    text: str
    label: str | None
    notes: list[str]


def choose_columns(table: Table, named: Columns, known: Columns, *, labelled: bool) -> Choice:
    """Gives the columns of texts and labels.

    A column that the user names comes first, then the one that other data of the same model had, then `text` and
    `label`, other common names, and names that end in one of these (`review_text`). Where no name helps, the first
    rows decide: the longest average cell is the text, the fewest different short values are the label. That last
    step is left out for a column that other data had under a name: it is missing here.

    Args:
        table: An open source.
        named: What the user named.
        known: What other data of the same model had.
        labelled: Whether a label column is needed.

    Raises:
        DataError: A named column does not exist, or none can be told.
    """
    if table.fixed:
        return Choice("text", "label" if labelled else None, [])
    for name in (named.text, named.label if labelled else None):
        if name is not None and name not in table.columns:
            raise _no_column(table, f"there is no column {quote(name)}{suggest(name, table.columns)}")
    text = named.text or _keep(known.text, table)
    label = (named.label or _keep(known.label, table)) if labelled else None
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


def _keep(name: str | None, table: Table) -> str | None:
    return name if name in table.columns else None


def _find_exact(columns: Sequence[str], names: Sequence[str], taken: str | None) -> str | None:
    by_name = {column.strip().casefold(): column for column in reversed(columns) if column != taken}
    return next((by_name[name] for name in names if name in by_name), None)


def _find_ending(columns: Sequence[str], names: Sequence[str], taken: str | None) -> str | None:
    endings = {re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", column)[-1]: column for column in reversed(columns)}
    by_name = {ending.casefold(): column for ending, column in endings.items() if column != taken}
    return next((by_name[name] for name in names if name in by_name), None)


def _check_separated(table: Table) -> None:
    """Refuses a single column whose name holds the separators of other forms."""
    only = table.columns[0] if len(table.columns) == 1 else ""
    if ";" in only or "\t" in only:
        problem = f"the first line names one column only, {quote(only)}; separate columns by commas in .csv"
        raise DataError(f"{problem} and by tabs in .tsv (--format tsv for other names)", table.source)


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
    problem = f"cannot tell which column holds the {what}; name it: {option}. The first line must name the columns; "
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
