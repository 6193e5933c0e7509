"""Time stamps of parquet columns as text, as pandas writes them in CSV.

The form depends on the whole column: dates only if each is midnight and the column has no time zone; and as many decimals of
the seconds in all rows as the finest one needs (0, 3, 6 or 9).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from grutext.data.cells import Timestamp

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pyarrow import Array, RecordBatch, Schema

_UNITS = ("s", "ms", "us", "ns")
_DAY = 86_400  # seconds


def list_timestamps(schema: Schema) -> list[str]:
    """Return the names of the columns of time stamps."""
    import pyarrow as pa

    return [field.name for field in schema if pa.types.is_timestamp(field.type)]


def find_units(batches: Iterable[RecordBatch], columns: Sequence[str]) -> dict[str, str]:
    """Return the finest unit of each column as NumPy calls it: `D` for dates only, `s`, `ms`, `us` or `ns`.

    Args:
        batches: All rows, in batches of these columns.
        columns: The columns, whose values are time stamps.
    """
    finest = dict.fromkeys(columns, 0)  # 0 stands for dates, and so on
    zoned = set[str]()
    for batch in batches:
        for name in columns:
            column = batch.column(name)
            finest[name] = max(finest[name], _find_finest(_read_numbers(column), column.type.unit))
            if column.type.tz is not None:
                zoned.add(name)
    return {name: ("D", *_UNITS)[max(level, int(name in zoned))] for name, level in finest.items()}


def _find_finest(numbers: NDArray[np.int64], unit: str) -> int:
    """Return 0 if all are midnight, else 1 to 4 for the finest unit that is needed: `s`, `ms`, `us` or `ns`."""
    import numpy as np  # not at the top: `grutext train --help` loads all formats, and needs no NumPy

    second = 1000 ** _UNITS.index(unit)
    if not np.any(numbers % (_DAY * second)):
        return 0
    return next(
        level
        for level in range(1, len(_UNITS) + 1)
        if not np.any(numbers % max(second // 1000 ** (level - 1), 1))
    )


def format_timestamps(column: Array, unit: str) -> list[Timestamp | None]:
    """Return time stamps as text; None where a value is missing.

    Args:
        column: The time stamps.
        unit: As `find_units` returns it.

    Raises:
        ValueError: The time zone is unknown.
    """
    import numpy as np
    import pyarrow as pa

    moments = _read_numbers(column).view(f"datetime64[{column.type.unit}]")
    zone: Any = "naive" if column.type.tz is None else pa.lib.string_to_tzinfo(column.type.tz)
    to: Any = unit
    texts: list[str] = np.datetime_as_string(moments, unit=to, timezone=zone, casting="unsafe").tolist()
    if column.type.tz is not None:
        texts = [f"{text[:-2]}:{text[-2:]}" for text in texts]  # +01:00 for +0100
    valid = column.is_valid().to_pylist()
    return [
        Timestamp(text.replace("T", " ")) if there else None for text, there in zip(texts, valid, strict=True)
    ]


def _read_numbers(column: Array) -> NDArray[np.int64]:
    """Return time stamps as numbers of their unit since 1970; 0 where a value is missing."""
    import numpy as np
    import pyarrow as pa

    return np.asarray(column.cast(pa.int64()).fill_null(0))
