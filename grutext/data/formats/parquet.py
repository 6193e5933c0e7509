"""Parquet files, read with pyarrow."""

from __future__ import annotations

import io
import zlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from grutext.data.formats.lines import explain_reading
from grutext.data.formats.registry import Format
from grutext.data.formats.sources import Source, open_bytes
from grutext.data.limits import LARGEST_IN_MEMORY, check_record
from grutext.data.records import PEEKED, Record, Table, check_columns
from grutext.errors import DataError
from grutext.messages import shorten

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyarrow.parquet import FileMetaData

_BUFFER = 2**20  # bytes; with a buffer, pages are read one by one, without it a whole row group at once
# Largest size of a batch in bytes, and its smallest number of rows: reading row by row takes ten times as long.
_UNPACKED, _FEWEST = 2**28, 8


def open_parquet(source: Source, _encoding: str) -> Table:
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
            if source.compressed or not stream.seekable():
                stream = _read_all(stream, source)  # parquet is read from its end
            file = parquet.ParquetFile(stream, buffer_size=_BUFFER)
            columns = file.schema_arrow.names
            check_columns(columns, source.name)
            size = _rows_at_once(file.metadata, source)
            # If it iterated over all groups at once, pyarrow would keep all of them in memory.
            batches = chain.from_iterable(
                file.iter_batches(batch_size=size, row_groups=[group]) for group in range(file.num_row_groups)
            )
            kept = files.pop_all()
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 (pyarrow has no common parent for its errors)
        raise _explain(error, source) from None
    return Table(
        source.name, _read_records(batches, kept, source), columns, empty="has columns, but no rows; add some"
    )


def _read_all(stream: IO[bytes], source: Source) -> IO[bytes]:
    try:
        content = stream.read(LARGEST_IN_MEMORY + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise explain_reading(error, source) from None
    if len(content) > LARGEST_IN_MEMORY:
        problem = f"parquet of more than {LARGEST_IN_MEMORY:,} bytes is read from a file of its own"
        raise DataError(f"{problem}; save it uncompressed, and name that file", source.name)
    return io.BytesIO(content)


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
    batches: Iterator[RecordBatch], opened: ExitStack, source: Source
) -> Generator[Record, None, None]:
    number = 0
    with opened:
        try:
            for number, (fields, size) in enumerate(chain.from_iterable(map(_read_rows, batches)), start=1):
                check_record(size, source.name, number, "bytes")
                yield Record(number, fields, source.name, size)
        except DataError:
            raise
        except Exception as error:  # noqa: BLE001 (as above)
            raise _explain(error, source, number + 1) from None


def _read_rows(batch: RecordBatch) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the rows of a batch and their sizes in bytes; converts a large batch row by row."""
    if batch.nbytes <= _BUFFER:
        size = batch.nbytes // max(batch.num_rows, 1)
        yield from ((fields, size) for fields in batch.to_pylist())
        return
    for n in range(batch.num_rows):
        fields = batch.slice(n, 1).to_pylist()[0]
        yield fields, _weigh(fields)


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


FORMATS = (Format("parquet", open_parquet, (".parquet",), magic=b"PAR1", package="pyarrow", extra="train"),)
