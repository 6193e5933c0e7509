"""Limits on the size of one record of a source; the source itself may have any size.

Reading needs memory for one record at a time. An endless line, for example in a compressed file of a few kilobytes, must
not fill the memory. The limit is far above the length of any text that one label describes.
"""

from __future__ import annotations

from grutext.errors import DataError

# Of a line, a row, or a file of a class folder: in characters, or in bytes if the source is not read as text.
LONGEST_RECORD = 16 * 2**20
# The limit of spreadsheets.
MOST_COLUMNS = 2**14
# Of nested lists and objects; Python itself fails at a depth that depends on the caller.
MOST_LEVELS = 100
# In bytes, of a parquet file that is compressed with gzip or comes through a pipe, which is held in memory.
LARGEST_IN_MEMORY = 256 * 2**20


def check_record(size: int, source: str, row: int | None, unit: str = "characters") -> None:
    """Raise a DataError if a record is too long."""
    if size > LONGEST_RECORD:
        raise DataError(f"is longer than {LONGEST_RECORD:,} {unit}; split it", source, row)
