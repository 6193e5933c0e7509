"""Guessing the columns of texts and labels from the values of the first rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from grutext.data.cells import is_missing
from grutext.data.records import Table

LONGEST_LABEL = 40
# From Thai on, many scripts write sentences without spaces.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_LETTER = re.compile(r"[^\W\d_]")
_NUMBER = re.compile(r"[-+]?[\d.,:%/ -]+")
_END_OF_SENTENCE = (".", "!", "?", "。", "\uff01", "\uff1f", "…")


def find_text_column(table: Table, taken: str | None) -> str | None:
    """Return the column with the longest cells on average, of those whose cells mostly have several words; None if none has."""
    scores = {}
    for column in table.columns:
        texts = [value for value in _values(table, column) if isinstance(value, str) and value.strip()]
        if column != taken and texts and _mean([_is_prose(text) for text in texts]) >= 0.5:
            scores[column] = _mean([len(text) for text in texts])
    return max(scores, key=scores.__getitem__, default=None)


def find_label_column(table: Table, text: str) -> str | None:
    """Return the column with the fewest distinct short values that repeat; None if there is none.

    It must have two values at least, unless it is the only column beside the texts.
    """
    scores = {}
    others = [column for column in table.columns if column != text]
    for column in others:
        cells = [cell for value in _values(table, column) for cell in _cells(value) if cell]
        if not cells or _mean([len(cell) for cell in cells]) > LONGEST_LABEL:
            continue
        different = len(set(cells))
        repeated = different <= max(len(cells) / 2, 3)
        if repeated and (different > 1 or len(others) == 1):
            scores[column] = different
    return min(scores, key=scores.__getitem__, default=None)


def looks_like_data(table: Table, column: str) -> bool:
    """Return whether the name of a column looks like one of its values, because the file has no line of column names."""
    values = {cell for value in _values(table, column) for cell in _cells(value)}
    name = column.strip()
    sentence = len(name.split()) > 3 or len(name) > LONGEST_LABEL or name.endswith(_END_OF_SENTENCE)
    return name in values or sentence or _NUMBER.fullmatch(name) is not None


def _values(table: Table, column: str) -> Sequence[Any]:
    return [record.fields.get(column) for record in table.first]


def _cells(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(item).strip() for item in values if not is_missing(item)]


def _mean(values: Collection[float]) -> float:
    return sum(values) / len(values)


def _is_prose(text: str) -> bool:
    several_words = len(text.split(maxsplit=1)) > 1 and _LETTER.search(text) is not None
    return several_words or _UNSPACED.search(text) is not None
