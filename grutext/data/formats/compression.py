"""Files that are compressed: what their names end in, and the bytes in them, piece by piece."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, Any, cast

from grutext.errors import DataError, MissingExtraError
from grutext.messages import list_names

GZIP, ZIP = ".gz", ".zip"
SUFFIXES = (GZIP, ".bz2", ".xz", ".zst", ZIP)
# The first bytes of such files.
MAGIC = {
    GZIP: b"\x1f\x8b",
    ".bz2": b"BZh",
    ".xz": b"\xfd7zXZ\0",
    ".zst": b"\x28\xb5\x2f\xfd",
    ZIP: b"PK\x03\x04",
}
# What `read` of an unpacked stream may raise.
READING_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)

_PIECE = 1024  # bytes that are unpacked at once; zstandard makes up to 32 MB of them
_MEMORY = 2**28  # bytes that .xz may ask for


class DamagedError(OSError):
    """Compressed bytes are damaged.

    Args:
        at_start: Whether they are the first ones, so that the file is probably not compressed in this manner.
    """

    def __init__(self, at_start: bool) -> None:
        super().__init__("damaged")
        self.at_start = at_start


def split_name(name: str) -> tuple[str, str]:
    """Return a file name without the suffix of its compression, and this suffix in lower case; empty if it has none."""
    suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)], suffix


def explain_start(suffix: str, name: str) -> DataError:
    """Return the DataError for a file that is not compressed as its name says."""
    if suffix == ZIP:  # whose directory is at its end
        return DataError("is not a .zip archive, or is damaged or cut off; copy it again, or rename it", name)
    kind = "gzip" if suffix == GZIP else suffix.lstrip(".")
    return DataError(f"is not compressed with {kind}, although its name ends in {suffix}; rename it", name)


def unpack(file: IO[bytes], suffix: str, name: str) -> IO[bytes]:
    """Return the unpacked bytes of an open file, to be read piece by piece.

    Args:
        file: The file.
        suffix: One of `SUFFIXES`.
        name: Its name in messages.

    Raises:
        DataError: A .zip holds no file, or several, or an encrypted one; or it is no .zip.
        MissingExtraError: The package that unpacks .zst is not installed.
    """
    if suffix == GZIP:
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if suffix == ZIP:
        return _open_member(file, name)
    if suffix == ".zst":
        build, error = _load_zstandard()
    else:
        build, error = (bz2.BZ2Decompressor, OSError) if suffix == ".bz2" else (_build_xz, lzma.LZMAError)
    return cast("IO[bytes]", io.BufferedReader(_Unpacked(file, build, error, MAGIC[suffix]), 2**16))


def member_name(file: IO[bytes], name: str) -> str:
    """Return the name of the only file in an open .zip.

    Raises:
        DataError: It holds no file, or several; or it is no .zip, or is damaged.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _only_member(archive, name).filename
    except DataError:
        raise
    except Exception:  # noqa: BLE001 (damaged directories raise errors of many types)
        raise explain_start(ZIP, name) from None


def _open_member(file: IO[bytes], name: str) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(file)
        return archive.open(_only_member(archive, name))
    except DataError:
        raise
    except NotImplementedError:
        raise DataError("is compressed in a manner that is not known; unpack it", name) from None
    except RuntimeError:
        raise DataError("is encrypted; unpack it, and name the file", name) from None
    except Exception:  # noqa: BLE001 (as above)
        raise explain_start(ZIP, name) from None


def _only_member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """Return the only file of an archive; what macOS adds does not count."""
    files = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(files) == 1:
        return files[0]
    held = (
        f"holds {len(files)} files ({list_names([file.filename for file in files])})" if files else "is empty"
    )
    raise DataError(f"{held}, and may hold one; unpack it, and name a file or several", name)


def _build_xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(memlimit=_MEMORY)


def _load_zstandard() -> tuple[Callable[[], Any], type[Exception]]:
    try:
        import zstandard
    except ImportError:
        raise MissingExtraError("reading .zst", "zstandard", "zstd") from None
    return zstandard.ZstdDecompressor().decompressobj, zstandard.ZstdError


class _Unpacked(io.RawIOBase):
    """The bytes of a compressed file, which may have several members one after the other.

    Args:
        file: The file.
        build: Returns an object that decompresses one member, like `bz2.BZ2Decompressor`.
        error: What it raises for damaged bytes.
        magic: The first bytes of such files.
    """

    def __init__(
        self, file: IO[bytes], build: Callable[[], Any], error: type[Exception], magic: bytes
    ) -> None:
        self._file, self._build, self._error, self._magic = file, build, error, magic
        self._member = build()
        self._ready = memoryview(b"")
        self._begins_well: bool | None = None

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read bytes into a buffer, and return how many; 0 at the end.

        Raises:
            DamagedError: The compressed bytes are damaged.
            EOFError: They end too early.
        """
        while not self._ready:
            piece = self._file.read(_PIECE)
            if self._member.eof:
                piece = (self._member.unused_data + piece).lstrip(b"\0")  # .xz may be padded
                if not piece:
                    return 0
                self._member = self._build()
            elif not piece:
                if self._begins_well is None:
                    return 0  # an empty file
                raise EOFError
            if self._begins_well is None:
                self._begins_well = piece.startswith(self._magic)
            try:
                self._ready = memoryview(self._member.decompress(piece))
            except (self._error, EOFError):
                raise DamagedError(at_start=not self._begins_well) from None
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size
