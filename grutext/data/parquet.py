"""Parquet, by pyarrow."""

from __future__ import annotations

import io
import zlib
from collections.abc import Generator
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Any

from grutext.data.lines import explain_reading
from grutext.data.records import PEEKED, Record, Table
from grutext.data.sources import Source, open_bytes
from grutext.data.wording import quote, shorten
from grutext.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile


def open_parquet(source: Source) -> Table:
    """Opens a parquet file; rows are numbered from 1, and values are those of Python.

    Raises:
        DataError: It is no parquet file, or it is damaged.
        MissingExtraError: pyarrow is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("reading parquet", "pyarrow", "train") from None
    files = ExitStack()
    try:
        with files:
            stream = files.enter_context(open_bytes(source))
            if source.compressed or not stream.seekable():
                stream = _read_all(stream, source)  # parquet is read from its end
            file = parquet.ParquetFile(stream)
            columns = file.schema_arrow.names
            kept = files.pop_all()
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 (pyarrow has no common parent for its errors)
        raise _explain(error, source) from None
    if len(set(columns)) < len(columns):
        kept.close()
        name = next(name for name in columns if columns.count(name) > 1)
        raise DataError(f"two columns are called {quote(name)}; rename one of them", source.name)
    return Table(
        source.name, _read_records(file, kept, source), columns, empty="has columns, but no rows; add some"
    )


def _read_all(stream: IO[bytes], source: Source) -> IO[bytes]:
    try:
        return io.BytesIO(stream.read())
    except (OSError, EOFError, zlib.error) as error:
        raise explain_reading(error, source) from None


def _read_records(file: ParquetFile, opened: ExitStack, source: Source) -> Generator[Record, None, None]:
    number = 0
    with opened:
        batches = file.iter_batches(batch_size=PEEKED)
        while True:
            try:
                rows: list[dict[str, Any]] = next(batches).to_pylist()
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001 (as above)
                raise _explain(error, source, number + 1) from None
            for fields in rows:
                number += 1
                yield Record(number, fields, source.name)


def _explain(error: Exception, source: Source, row: int | None = None) -> DataError:
    reason = shorten(str(error), 120)
    return DataError(f"is no parquet file, or a damaged one ({reason}); write it again", source.name, row)
