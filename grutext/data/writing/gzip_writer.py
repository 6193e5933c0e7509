"""gzip output that can be continued after any piece."""

from __future__ import annotations

import struct
import zlib
from typing import final

# Deflate; no name and no time, so that the same rows give the same bytes.
_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"


@final
class GzipWriter:
    """Compresses data piece by piece into one gzip member.

    Each piece is compressed on its own and ends at a byte boundary, as in pigz, so that the bytes that follow depend on
    two numbers only: the checksum and the size of the data so far.

    Args:
        crc: The CRC-32 of the data so far.
        size: The number of bytes of the data so far, before compression.
    """

    def __init__(self, crc: int = 0, size: int = 0) -> None:
        self.crc, self.size = crc, size

    def compress(self, data: bytes) -> bytes:
        """Return the bytes to write for the next piece of data."""
        header = b"" if self.size else _HEADER
        self.crc = zlib.crc32(data, self.crc)
        self.size += len(data)
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return header + deflate.compress(data) + deflate.flush(zlib.Z_FULL_FLUSH)

    def finish(self) -> bytes:
        """Return the bytes that end the member."""
        header = b"" if self.size else _HEADER
        end = zlib.compressobj(wbits=-zlib.MAX_WBITS).flush()
        return header + end + struct.pack("<LL", self.crc, self.size % (1 << 32))
