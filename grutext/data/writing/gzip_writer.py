"""gzip, written so that it can be gone on with after every piece."""

from __future__ import annotations

import struct
import zlib
from typing import final

_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"  # deflate; no name, no time: same rows, same bytes


@final
class Packer:
    """Packs data piece by piece into one gzip member.

    Each piece is compressed on its own and ends at a byte, as in pigz, so that what comes later depends on two
    numbers alone.

    Args:
        crc: The checksum of the data so far.
        size: Their length.
    """

    def __init__(self, crc: int = 0, size: int = 0) -> None:
        self.crc, self.size = crc, size

    def pack(self, data: bytes) -> bytes:
        """Gives the bytes for the next data."""
        header = b"" if self.size else _HEADER
        self.crc = zlib.crc32(data, self.crc)
        self.size += len(data)
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return header + deflate.compress(data) + deflate.flush(zlib.Z_FULL_FLUSH)

    def end(self) -> bytes:
        """Gives the bytes that come last."""
        header = b"" if self.size else _HEADER
        end = zlib.compressobj(wbits=-zlib.MAX_WBITS).flush()
        return header + end + struct.pack("<LL", self.crc, self.size % (1 << 32))
