"""Tables in memory: pandas, polars, pyarrow, Hugging Face data sets, and rows as dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any

from grutext.data.records import Record, Table
from grutext.errors import DataError

IN_MEMORY_TABLE = "the table"


def open_frame(frame: Any) -> Table:
    """Return a table in memory as a source; its rows are numbered from 1.

    Args:
        frame: A DataFrame of pandas or polars, a table of pyarrow, a `Dataset` of Hugging Face, whose class numbers are
            replaced by their names, or any iterable of dictionaries.

    Raises:
        TypeError: It is none of these.
        DataError: It has no rows, or two columns have the same name.
    """
    columns, rows = _list_rows(frame)
    names = _find_class_names(frame)
    return Table(IN_MEMORY_TABLE, _read(rows, names), columns, empty="has no rows")


def _list_rows(frame: Any) -> tuple[list[str] | None, Iterator[Mapping[str, Any]]]:
    """Return the columns, if they are known, and the rows."""
    if hasattr(frame, "iter_rows"):  # polars
        return list(frame.columns), iter(frame.iter_rows(named=True))
    if hasattr(frame, "itertuples"):  # pandas
        columns = [str(name) for name in frame.columns]
        values = [frame.iloc[:, place].tolist() for place in range(len(columns))]
        return columns, (dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True))
    if hasattr(frame, "to_batches"):  # pyarrow
        return list(frame.column_names), (row for batch in frame.to_batches() for row in batch.to_pylist())
    if isinstance(frame, Mapping):
        kind = type(frame).__name__
        raise TypeError(
            f'a source is one table, not a {kind} of tables or columns; pass data["train"], or make a DataFrame'
        )
    if not isinstance(frame, Iterable):
        problem = (
            f"a source is a path, a name, a pair of texts and labels, or a table, not {type(frame).__name__}"
        )
        raise TypeError(problem)
    return getattr(frame, "column_names", None), iter(frame)


def _find_class_names(frame: Any) -> dict[str, Callable[[int], str]]:
    """Return, for each column of class numbers of a Hugging Face data set, the function from a number to its name."""
    features = getattr(frame, "features", None)
    if not isinstance(features, Mapping):
        return {}
    return {name: feature.int2str for name, feature in features.items() if hasattr(feature, "int2str")}


def _read(rows: Iterator[Any], names: Mapping[str, Callable[[int], str]]) -> Generator[Record, None, None]:
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise DataError(
                f"is a {type(row).__name__}, not a dictionary of columns", IN_MEMORY_TABLE, number
            )
        fields = {str(name): _to_python(value) for name, value in row.items()}
        for name, to_name in names.items():
            # Class -1 is the unpublished label of a test split.
            fields[name] = to_name(fields[name]) if fields[name] is not None and fields[name] >= 0 else None
        yield Record(number, fields, IN_MEMORY_TABLE)


def _to_python(value: Any) -> Any:
    """Return a value with Python's types: numbers and arrays of NumPy, missing values of pandas, dates as text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value
