"""Parquet files, read with pyarrow."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from grutext.data.formats.compression import READING_ERRORS
from grutext.data.formats.lines import explain_reading
from grutext.data.formats.registry import Format
from grutext.data.formats.sources import Source, open_bytes
from grutext.data.formats.timestamps import find_units, format_timestamps, list_timestamps
from grutext.data.limits import LARGEST_IN_MEMORY, check_record
from grutext.data.records import PEEKED, Record, Table, check_columns
from grutext.errors import DataError
from grutext.messages import shorten

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyarrow.parquet import FileMetaData, ParquetFile

_BUFFER = 2**20  # bytes; with a buffer, pages are read one by one, without it a whole row group at once
# Largest size of a batch in bytes, and its smallest number of rows: reading row by row takes ten times as long.
_UNPACKED, _FEWEST = 2**28, 8


def open_parquet(source: Source, _encoding: str | None) -> Table:
    """Open a parquet file. Rows are numbered from 1, and values have Python's types.

    Raises:
        DataError: It is not a parquet file, or it is damaged.
        ImportError: pyarrow is not installed.
    """
    from pyarrow import parquet

    files = ExitStack()
    try:
        with files:
            stream = files.enter_context(open_bytes(source))
            if source.compression or not stream.seekable():
                # Parquet is read from its end.
                stream = io.BytesIO(read_all(stream, source, LARGEST_IN_MEMORY, "parquet"))
            file = parquet.ParquetFile(stream, buffer_size=_BUFFER)
            columns = file.schema_arrow.names
            check_columns(columns, source.name)
            size = _rows_at_once(file.metadata, source)
            stamps = list_timestamps(file.schema_arrow)
            units = find_units(_iterate(file, size, stamps), stamps) if stamps else {}
            batches = _iterate(file, size)
            kept = files.pop_all()
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 (pyarrow has no common parent for its errors)
        raise _explain(error, source) from None
    return Table(
        source.name,
        _read_records(batches, units, kept, source),
        columns,
        empty="has columns, but no rows; add some",
    )


def _iterate(file: ParquetFile, size: int, columns: list[str] | None = None) -> Iterator[RecordBatch]:
    """Return the rows of all row groups in batches; of all columns, or of some.

    If it iterated over all groups at once, pyarrow would keep all of them in memory.
    """
    return chain.from_iterable(
        file.iter_batches(batch_size=size, row_groups=[group], columns=columns)
        for group in range(file.num_row_groups)
    )


def read_all(stream: IO[bytes], source: Source, largest: int, what: str) -> bytes:
    """Return all bytes of a stream.

    Args:
        stream: The stream.
        source: Its source.
        largest: The largest number of bytes.
        what: What it holds, for the message.

    Raises:
        DataError: It cannot be read, or is larger.
    """
    try:
        content = stream.read(largest + 1)
    except READING_ERRORS as error:
        raise explain_reading(error, source) from None
    if len(content) > largest:
        problem = f"{what} of more than {largest:,} bytes is read from a file of its own"
        raise DataError(f"{problem}; save it uncompressed, and name that file", source.name)
    return content


def _rows_at_once(metadata: FileMetaData, source: Source) -> int:
    """Return how many rows to decompress together, from the sizes of the row groups.

    The metadata of single columns would say more, but pyarrow ends the process if they are damaged.

    Raises:
        DataError: The rows of a group are too long on average.
    """
    row, most = 1, PEEKED
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        check_record(group.total_byte_size // max(group.num_rows, 1), source.name, row, "bytes")
        row += group.num_rows
        most = min(most, max(_UNPACKED // max(group.total_byte_size, 1), _FEWEST))
    return most


def _read_records(
    batches: Iterator[RecordBatch], units: Mapping[str, str], opened: ExitStack, source: Source
) -> Generator[Record, None, None]:
    number = 0
    rows = chain.from_iterable(_read_rows(batch, units) for batch in batches)
    with opened:
        try:
            for number, (fields, size) in enumerate(rows, start=1):
                check_record(size, source.name, number, "bytes")
                yield Record(number, fields, source.name, size)
        except DataError:
            raise
        except Exception as error:  # noqa: BLE001 (as above)
            raise _explain(error, source, number + 1) from None


def _read_rows(batch: RecordBatch, units: Mapping[str, str]) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the rows of a batch and their sizes in bytes; converts a large batch row by row."""
    if batch.nbytes <= _BUFFER:
        size = batch.nbytes // max(batch.num_rows, 1)
        yield from ((fields, size) for fields in _convert(batch, units))
        return
    for n in range(batch.num_rows):
        fields = _convert(batch.slice(n, 1), units)[0]
        yield fields, _weigh(fields)


def _convert(batch: RecordBatch, units: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the rows of a batch as `list_rows` does; time stamps are strings too."""
    import pyarrow as pa

    stamps = {name: format_timestamps(batch.column(name), unit) for name, unit in units.items()}
    for place, name in enumerate(batch.schema.names):
        if name in stamps:
            batch = batch.set_column(place, name, pa.nulls(batch.num_rows))
    rows = list_rows(batch)
    for name, texts in stamps.items():
        for row, text in zip(rows, texts, strict=True):
            row[name] = text
    return rows


def list_rows(batch: RecordBatch) -> list[dict[str, Any]]:
    """Return the rows of a batch with Python's values; bytes that are UTF-8 are strings, as some programs store these."""
    import pyarrow as pa

    rows: list[dict[str, Any]] = batch.to_pylist()
    binary = [field.name for field in batch.schema if _is_binary(pa, field.type)]
    for row in rows if binary else ():
        row.update({name: _decode(row[name]) for name in binary})
    return rows


def _is_binary(pyarrow: Any, kind: Any) -> bool:
    if pyarrow.types.is_dictionary(kind):
        kind = kind.value_type
    types = pyarrow.types
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))


def _decode(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def _weigh(value: Any) -> int:
    """Return the approximate size of a value in bytes."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, list | tuple):
        return sum(map(_weigh, value))
    return sum(map(_weigh, value.values())) if isinstance(value, dict) else 8


def _explain(error: Exception, source: Source, row: int | None = None) -> DataError:
    reason = shorten(str(error), 120)
    return DataError(f"is not a parquet file, or is damaged ({reason}); write it again", source.name, row)


FORMATS = (
    Format(
        "parquet", open_parquet, (".parquet",), typed=True, magic=b"PAR1", package="pyarrow", extra="train"
    ),
)
