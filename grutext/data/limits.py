"""How large a piece of a source may be; the source itself may have any size.

Whatever a file holds, reading it needs memory for one piece at a time: an endless line, of a packed file of a few
kilobytes say, must not fill the memory. The limit is far above any text that one label describes.
"""

from __future__ import annotations

from grutext.errors import DataError

# Of a line, a row, a file of a class folder: in characters, or in bytes where a source is not read as text.
LONGEST_RECORD = 16 * 2**20
# As many as a spreadsheet may have.
MOST_COLUMNS = 2**14
# Lists and objects in one another; Python fails at some depth that depends on who asks.
MOST_LEVELS = 100
# A parquet file that is packed once more, or comes through a pipe, is kept in memory.
LARGEST_IN_MEMORY = 256 * 2**20


def check_record(size: int, source: str, row: int | None, unit: str = "characters") -> None:
    """Raises a DataError where a record is too long."""
    if size > LONGEST_RECORD:
        raise DataError(f"is longer than {LONGEST_RECORD:,} {unit}; split it", source, row)
