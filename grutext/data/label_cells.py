"""Labels from the cells of a record: one label, several in any usual spelling, probabilities, or a column for each."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from grutext.data.cells import describe, is_missing, read_scalar
from grutext.data.labels import clean_label
from grutext.data.records import Record
from grutext.errors import DataError
from grutext.messages import quote


class Labels(NamedTuple):
    """The labels of a record.

    Attributes:
        labels: Its labels without duplicates; None if the value is missing or empty.
        several: Whether the value is a list, so that a text may have several labels.
        missing: The spelled-out missing value that was taken for an empty cell, such as `NaN`; else empty.
        vector: The number of items if the value is a list of two or more numbers in 0..1, which may be one-hot; else 0.
        probabilities: The probability of each label where the value has one for each; else None.
    """

    labels: tuple[str, ...] | None
    several: bool
    missing: str = ""
    vector: int = 0
    probabilities: Mapping[str, float] | None = None


class LabelReader:
    """Reads the labels of records.

    Args:
        columns: The label column; or several columns that hold 0 or 1, or a probability, one for each label.
        separator: The string between the labels of a cell; None: a cell has one label.
        missing: The spellings that stand for a missing value.
        exclusive: Whether, of several columns, one label applies to each text, so that a row's probabilities sum to 1.

    Attributes:
        cleaned: How many labels were changed by cleaning, apart from white space around them, by their old spelling.
    """

    def __init__(
        self,
        columns: Sequence[str],
        separator: str | None,
        missing: Collection[str],
        exclusive: bool = False,
    ) -> None:
        self._columns = tuple(columns)
        self._exclusive = exclusive
        self._separator = separator
        self._missing = missing
        self.cleaned: Counter[str] = Counter()

    def read(self, record: Record) -> Labels:
        """Return the labels of a record, cleaned.

        A list in the spelling of JSON or of Python, in a JSON field or as the text of a cell, stands for several labels;
        an empty list means that no label applies. An object, or its spelling in JSON or Python, has the probability of
        each label: if they sum to 1, the text has one label, else it may have several. With a separator, a cell of text
        stands for several labels, and an empty cell means that no label applies.

        Raises:
            DataError: The value is neither a label, a list of labels nor their probabilities; names the remedy.
        """
        if len(self._columns) > 1:
            return self._read_columns(record)
        column = self._columns[0]
        value = record.fields.get(column)
        if isinstance(value, dict):
            return self._read_probabilities(value, record)
        if isinstance(value, list | tuple | set | frozenset):
            return self._read_list(list(value), record)
        if is_missing(value):
            return Labels(None, several=False)
        cell = read_scalar(value)
        if cell is None:
            problem = f"the label column {quote(column)} holds {describe(value)}; a label is text, or a list of texts"
            raise DataError(problem, record.source, record.number)
        return self._read_cell(self._clean(cell), record)

    def _clean(self, label: str) -> str:
        clean = clean_label(label)
        if clean and not label.isascii() and clean != label.strip():
            self.cleaned[label.strip()] += 1
        return clean

    def _read_cell(self, cell: str, record: Record) -> Labels:
        try:
            listed = parse_list(cell)
        except DataError as error:
            problem = f"the label column {quote(self._columns[0])} holds {error.problem}"
            raise DataError(problem, record.source, record.number) from None
        if isinstance(listed, dict):
            return self._read_probabilities(listed, record)
        if listed is not None:
            return self._read_list(listed, record)
        if cell in self._missing:
            return Labels(() if self._separator else None, several=bool(self._separator), missing=cell)
        if self._separator:
            parts = [clean_label(part) for part in cell.split(self._separator)]
            return self._build([part for part in parts if part], record)
        return Labels((cell,), several=False) if cell else Labels(None, several=False)

    def _read_list(self, values: Sequence[Any], record: Record) -> Labels:
        labels: list[str] = []
        for value in values:
            label = None if is_missing(value) else read_scalar(value)
            if label is None and not is_missing(value):
                column = quote(self._columns[0])
                problem = f"the list in the label column {column} holds {describe(value)}; a label is text"
                raise DataError(problem, record.source, record.number)
            label = self._clean(label or "")
            if not label or label in self._missing:
                return Labels(None, several=True, missing=label)
            labels.append(label)
        return self._build(labels, record)

    def _read_probabilities(self, values: Mapping[Any, Any], record: Record) -> Labels:
        """Return the labels whose probabilities an object has."""
        probabilities: dict[str, float] = {}
        # A structure of Parquet, Arrow or polars has all labels in each row, null where a row has no such label.
        given = {name: value for name, value in values.items() if value is not None}
        if is_distribution({name: read_probability(value) or 0.0 for name, value in given.items()}):
            values = given
        for name, value in values.items():
            label, probability = self._clean(str(name)), read_probability(value)
            if not label or probability is None:
                problem = (
                    f"the label column {quote(self._columns[0])} holds an object with {quote(str(name))}: "
                    f"{quote(str(value))}; it has a probability in 0..1 for each label, {_PROBABILITIES}"
                )
                raise DataError(problem, record.source, record.number)
            probabilities[label] = probabilities.get(label, 0.0) + probability
        if not probabilities:
            return Labels(None, several=False)
        is_exclusive = is_distribution(probabilities)
        labels = likely_labels(probabilities, is_exclusive)
        return Labels(labels, not is_exclusive, probabilities=unless_certain(probabilities))

    def _read_columns(self, record: Record) -> Labels:
        """Return the names of the columns that hold 1, or the probabilities; None as labels if one of them is empty."""
        probabilities: dict[str, float] = {}
        for column in self._columns:
            value = record.fields.get(column)
            probability = read_probability(value)
            if probability is None:
                if is_missing(value) or (isinstance(value, str) and not value.strip()):
                    return Labels(None, several=not self._exclusive)
                shown = read_scalar(value)
                problem = (
                    f"the label column {quote(column)} holds {describe(value) if shown is None else quote(shown)}; where "
                    "there is a column for each label, it holds 0 or 1, or a probability"
                )
                raise DataError(problem, record.source, record.number)
            probabilities[clean_label(column)] = probability
        if self._exclusive and not is_distribution(probabilities):
            problem = f"the probabilities of the labels sum to {sum(probabilities.values()):g}; in the rows before, they sum to 1"
            raise DataError(problem, record.source, record.number)
        labels = likely_labels(probabilities, self._exclusive)
        return Labels(labels, not self._exclusive, probabilities=unless_certain(probabilities))

    def _build(self, labels: list[str], record: Record) -> Labels:
        unique = tuple(dict.fromkeys(labels))
        vector = len(labels) if len(labels) > 1 and all(map(_SHARE.fullmatch, labels)) else 0
        if vector and len(unique) < len(labels):
            raise one_hot_error(record.source, record.number, self._columns[0])
        return Labels(unique, several=True, vector=vector)


def one_hot_error(source: str, row: int | None, column: str) -> DataError:
    """Return the error for a list that has a number for each label, and not the names of labels."""
    problem = (
        f"the label column {quote(column)} holds a one-hot list: a number for each label, such as [0, 1], and no "
        'names; write the names, such as ["billing", "urgent"], or a column of 0 and 1 for each label, and name '
        "these columns: --label-column billing --label-column urgent"
    )
    return DataError(problem, source, row)


def is_one_hot_name(label: str) -> bool:
    """Return whether a label looks like a one-hot list without brackets, such as `0 1 0`."""
    return _BARE_ONE_HOT.fullmatch(label) is not None


FLAGS = {
    "0": False,
    "1": True,
    "0.0": False,
    "1.0": True,
    "false": False,
    "true": True,
    "no": False,
    "yes": True,
}


def read_flag(value: Any) -> bool | None:
    """Return whether a cell says that a label applies (1, true, yes) or not (0, false, no); None if it is anything else."""
    cell = None if is_missing(value) else read_scalar(value)
    return None if cell is None else FLAGS.get(clean_label(cell).lower())


def read_probability(value: Any) -> float | None:
    """Return the probability that a cell holds, in 0..1, or 1 and 0 for true and false; None if it is anything else."""
    flag = read_flag(value)
    if flag is not None:
        return float(flag)
    cell = None if is_missing(value) else read_scalar(value)
    try:
        probability = float("" if cell is None else clean_label(cell))
    except ValueError:
        return None
    return probability if 0.0 <= probability <= 1.0 else None


def unless_certain(probabilities: dict[str, float]) -> dict[str, float] | None:
    """Return the probabilities; None if all are 0 or 1, so that the labels say the same."""
    return None if set(probabilities.values()) <= {0.0, 1.0} else probabilities


def is_distribution(probabilities: Mapping[str, float]) -> bool:
    """Return whether probabilities sum to 1, up to rounding to two digits."""
    return abs(sum(probabilities.values()) - 1.0) <= _ROUNDING


def likely_labels(probabilities: Mapping[str, float], exclusive: bool) -> tuple[str, ...]:
    """Return the likeliest label if one applies; else those with a probability of at least one half."""
    if exclusive:
        return (max(probabilities, key=lambda label: probabilities[label]),)
    return tuple(label for label, probability in probabilities.items() if probability >= 0.5)


_LONGEST_LIST = 100_000  # characters; a list of labels is short
_BRACKETS = {"[": "]", "(": ")", "{": "}"}
# Strings of Python. One that never ends reaches to the end of the cell, so that no character is looked at twice.
_STRING = re.compile(r"'(?:[^'\\]|\\.|\\\Z)*(?:'|\Z)|\"(?:[^\"\\]|\\.|\\\Z)*(?:\"|\Z)", re.DOTALL)
# Lists of Python and of NumPy are recognised with a NUL in place of each string.
_ITEM = r"(?:\0|None|True|False|[-+]?[0-9]+(?:\.[0-9]*)?(?:e[-+]?[0-9]+)?)"
_PYTHON = re.compile(rf"[\[({{]\s*(?:{_ITEM}\s*(?:,\s*{_ITEM}\s*)*,?)?\s*[\])}}]")
_NUMPY = re.compile(rf"\[[\[\s]*{_ITEM}(?:[\s\[\]]+(?:{_ITEM}|\.\.\.))+[\s\]]*\]")
_NUMPY_NAMES = re.compile(r"(?:array|tensor|Tensor|Index)\(\s*[\[(]|[\[({]\s*np\.\w+\(")
_DICT = re.compile(r"\{\s*(?:\0|[0-9]+)\s*:")
_NUMBER = r"[0-9]*\.?[0-9]+(?:e-?[0-9]+)?"
_PROBABILITY_DICT = re.compile(rf"\{{\s*\0\s*:\s*{_NUMBER}\s*(?:,\s*\0\s*:\s*{_NUMBER}\s*)*,?\s*\}}")
_NESTED = re.compile(r"\[[\s\[({]*(?:\0|nan\b)")
_CUT_OFF = re.compile(r"""[\[({]\s*(?:'[^']*'|"[^"]*")\s*(?:,|\Z)""")
_ROUNDING = 0.02  # how far a sum of rounded probabilities may be from 1
_SHARE = re.compile(r"0?\.[0-9]+|0(?:\.0*)?|1(?:\.0*)?|true|false", re.IGNORECASE)
_BARE_ONE_HOT = re.compile(r"[01](?:[ ,;|]+[01])+")


def parse_list(cell: str) -> list[Any] | dict[Any, Any] | None:
    """Return the list or dictionary that a cell of text spells out, in JSON or in Python; None if the cell is a label.

    Python's lists, tuples and sets of strings, numbers, Booleans and None are read; text in brackets without quotes is a
    label, such as `[unknown]` or `(misc)`.

    Raises:
        DataError: The cell is a broken dictionary, a nested or broken list, or a list as NumPy spells it. The error
            names no place.
    """
    if not cell or cell[-1] not in "])}":
        if _CUT_OFF.match(cell):
            raise DataError(f"a list that is cut off, {quote(cell)}; a list of labels is {_EXAMPLE}")
        return None
    if cell[0] in "[{":
        try:
            value = json.loads(cell, parse_int=str, parse_float=str)
        except (ValueError, RecursionError):
            pass
        else:
            return value if isinstance(value, dict) else list(value)
    return _parse_python(cell)


def _parse_python(cell: str) -> list[Any] | dict[Any, Any] | None:
    """Return the list or dictionary that a cell spells out in Python, as in `parse_list`."""
    if cell in ("set()", "frozenset()"):
        return []
    if cell.startswith("frozenset({"):
        cell = cell[len("frozenset(") : -1]
    if _NUMPY_NAMES.match(cell):
        raise DataError(f"a list as NumPy writes it, {quote(cell)}; {_REMEDY}")
    if cell[0] not in _BRACKETS:
        return None
    if len(cell) > _LONGEST_LIST:
        problem = f"a list of more than {_LONGEST_LIST:,} characters, {quote(cell)}"
        raise DataError(f"{problem}; a list of labels is short, such as {_EXAMPLE}")
    skeleton = " ".join(_STRING.sub("\0", cell).split())
    if _DICT.match(skeleton):
        value = _evaluate(cell) if _PROBABILITY_DICT.fullmatch(skeleton) else None
        if isinstance(value, dict):
            return value
        raise DataError(
            f"a dictionary, {quote(cell)}; write the probability of each label, {_PROBABILITIES}, or a list of the labels "
            f"that apply: {_EXAMPLE}"
        )
    if cell[-1] == _BRACKETS[cell[0]] and _PYTHON.fullmatch(skeleton):
        # A list keeps the order of the file; that of a set differs from run to run.
        value = _evaluate(f"[{cell[1:-1]}]" if cell[0] == "{" else cell)
        return list(value) if isinstance(value, list | tuple) else None  # a value in parentheses is no list
    if cell[0] == "[" and len(cell) > 2 and _NUMPY.fullmatch(skeleton):
        raise DataError(f"a list as NumPy writes it, {quote(cell)}; {_REMEDY}")
    if _NESTED.match(skeleton):
        raise DataError(f"a list that cannot be read, {quote(cell)}; a list of labels is {_EXAMPLE}")
    return None


_EXAMPLE = '["billing", "urgent"]'
_PROBABILITIES = 'such as {"billing": 0.8, "urgent": 0.2}'
_REMEDY = f"turn arrays into lists before writing them (.tolist()), so that a cell is {_EXAMPLE}"


def _evaluate(cell: str) -> Any:
    """Return the value that a cell spells out in Python; None if Python cannot read it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of backslashes that begin no escape
            return ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
