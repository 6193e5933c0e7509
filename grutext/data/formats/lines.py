"""Lines of text from the bytes of a source."""

from __future__ import annotations

import codecs
import gzip
import io
import re
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from typing import IO, Any, cast

from grutext.data.formats.compression import GZIP, MAGIC, READING_ERRORS, DamagedError, explain_start
from grutext.data.formats.encodings import BLOCK, UTF8, advise_encoding, find_encoding, is_wide
from grutext.data.formats.registry import load_formats
from grutext.data.formats.sources import Source, explain_os_error, open_bytes
from grutext.data.limits import LONGEST_RECORD, check_record
from grutext.data.records import Record
from grutext.errors import DataError
from grutext.messages import quote

# Codecs that may keep a whole file in memory before they return a character, or that are not for files.
_REFUSED = {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7"}
_PIECE = 2**16
_LINE_END = re.compile(rb"\r\n?|\n")
# What a file is that begins with these bytes and is not text in the given encoding.
_MAGIC = (
    (MAGIC[GZIP], "it is compressed with gzip; let its name end in .gz"),
    (b"\xff\xfe", "it starts like UTF-16; try --encoding utf-16"),
    (b"\xfe\xff", "it starts like UTF-16; try --encoding utf-16"),
    (MAGIC[".zip"], "it is a zip archive or a spreadsheet; let its name end in .zip, .xlsx or .ods"),
    *((MAGIC[suffix], f"it is compressed; let its name end in {suffix}") for suffix in (".xz", ".zst")),
)


def read_lines(source: Source, encoding: str | None) -> Generator[str, None, None]:
    r"""Yield the lines of a source with their line ends (`\n`, `\r\n` or `\r`).

    Args:
        source: A file or standard input.
        encoding: Its encoding; None finds it. A byte order mark of UTF-8 is left out.

    Raises:
        DataError: The source cannot be read, decompressed or decoded, or a line is too long; names the line.
    """
    with closing(_read(source, encoding, lambda text: text.readline(LONGEST_RECORD + 1))) as lines:
        for number, line in enumerate(lines, start=1):
            if len(line) > LONGEST_RECORD:
                check_record(len(line), source.name, number)
            yield line


def read_pieces(source: Source, encoding: str | None) -> Generator[str, None, None]:
    """Yield the text of a source in pieces of about 64,000 characters, whatever its lines.

    Args:
        source: A file or standard input.
        encoding: Its encoding; None finds it. A byte order mark of UTF-8 is left out.

    Raises:
        DataError: The source cannot be read, decompressed or decoded; names the line.
    """
    return _read(source, encoding, lambda text: text.read(_PIECE))


def _read(
    source: Source, encoding: str | None, read: Callable[[io.TextIOWrapper], str]
) -> Generator[str, None, None]:
    lines = 0
    with open_bytes(source) as stream:
        if encoding is None:
            encoding, stream = _look_ahead(stream)  # noqa: PLW2901 (the same bytes)
            source.encodings[encoding] += 1
        text = io.TextIOWrapper(stream, _find_codec(encoding, source), newline="")
        try:
            for piece in iter(partial(read, text), ""):
                yield piece
                lines += piece.count("\n") or piece.endswith("\r")
        except UnicodeError as error:
            row, problem = _explain_bytes(error, encoding, lines)
            raise DataError(problem, source.name, row) from None
        except READING_ERRORS as error:
            raise explain_reading(error, source, lines + 1) from None
        finally:
            text.detach()  # or the wrapper would close standard input


_LONGEST_MARK = 4  # bytes of a byte order mark


def _look_ahead(stream: IO[bytes]) -> tuple[str, IO[bytes]]:
    """Return the encoding of a stream, found from its first block, and a stream of all its bytes.

    Of a pipe, whose rows may come one by one, the block is what is there at first.
    """
    block, error = bytearray(), None
    piece, is_pipe = b"-", not stream.seekable()
    try:
        while piece and len(block) < BLOCK:
            # Not `read`, which loses the bytes before an error.
            block += (piece := cast("io.BufferedIOBase", stream).read1(_PIECE))
            if is_pipe and len(block) >= _LONGEST_MARK and len(piece) < _PIECE:
                break
    except READING_ERRORS as stop:
        error = stop
    encoding = find_encoding(bytes(block), whole=not piece)
    return encoding, cast("IO[bytes]", io.BufferedReader(_Resumed(block, error, stream), _PIECE))


class _Resumed(io.RawIOBase):
    """The bytes of a stream whose first block is read already.

    Args:
        block: The first bytes.
        error: The error with which reading the next ones failed; None if it did not.
        stream: The stream; it stays open when this one is closed.
    """

    def __init__(self, block: bytearray, error: Exception | None, stream: IO[bytes]) -> None:
        self._block, self._error = io.BytesIO(block), error
        self._stream = cast("io.BufferedIOBase", stream)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read bytes into a buffer, and return how many; 0 at the end.

        Raises:
            Exception: The stream failed here, or fails.
        """
        size = self._block.readinto(buffer)
        if size:
            return size
        self._block = io.BytesIO()  # frees its memory
        if self._error is not None:
            raise self._error
        return self._stream.readinto(buffer)


def read_records(
    source: Source, encoding: str | None, build: Callable[[Source, int, str], Record | None]
) -> Generator[Record, None, None]:
    """Yield the records of a source with one record on each line.

    Args:
        source: A file or standard input.
        encoding: Its encoding; None finds it.
        build: Returns the record of a source, a line number and a line without its end; None to skip the line.
    """
    with closing(read_lines(source, encoding)) as lines:
        for number, line in enumerate(lines, start=1):
            record = build(source, number, line.removesuffix("\n").removesuffix("\r"))
            if record is not None:
                yield record


def read_whole(source: Source, encoding: str | None) -> str:
    """Return all of a source as one string.

    Args:
        source: A file or standard input.
        encoding: Its encoding; None finds it.

    Raises:
        DataError: As in `read_lines`; or the whole is too long for one text.
    """
    lines, size = list[str](), 0
    with closing(read_lines(source, encoding)) as rows:
        for line in rows:
            size += len(line)
            check_record(size, source.name, None)
            lines.append(line)
    return "".join(lines)


def explain_reading(error: Exception, source: Source, row: int | None = None) -> DataError:
    """Return the DataError for an error of the operating system or of unpacking while a source was read."""
    suffix = source.compression
    is_first = isinstance(error, gzip.BadGzipFile) and row in (None, 1)
    if is_first or (isinstance(error, DamagedError) and error.at_start):
        return explain_start(suffix, source.name)
    if isinstance(error, EOFError):
        return DataError(f"the {suffix} file is cut off here; copy it again", source.name, row)
    if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile | DamagedError):
        return DataError(explain_os_error(error), source.name)
    return DataError(f"the {suffix} file is damaged here; copy it again", source.name, row)


def _find_codec(encoding: str, source: Source) -> str:
    try:
        codec = codecs.lookup(encoding)
        io.TextIOWrapper(io.BytesIO(), encoding)  # raises an error for codecs that do not decode to text
    except (LookupError, ValueError):
        problem = f"there is no encoding {quote(encoding)}; --encoding takes names such as latin-1"
        raise DataError(problem, source.name) from None
    if codec.name in _REFUSED:
        raise DataError(
            f"the encoding {quote(encoding)} is not supported; save the file as UTF-8", source.name
        )
    return "utf-8-sig" if codec.name == UTF8 else codec.name


def _explain_bytes(error: UnicodeError, encoding: str, lines: int) -> tuple[int, str]:
    """Return the number of the line that cannot be decoded, and the problem; `lines` lines before it were read."""
    if not isinstance(error, UnicodeDecodeError):
        return lines + 1, f"this line is not {encoding.upper()}; name its encoding, such as --encoding cp1252"
    before = error.object[: error.start]
    # In UTF-16 and UTF-32 the two bytes of CR LF are not neighbours.
    row = lines + 1 + (before.count(b"\n") if is_wide(encoding) else len(_LINE_END.findall(before)))
    advice = advise_encoding(error.object, encoding)
    if lines == 0:
        advice = next((hint for magic, hint in _hints() if error.object.startswith(magic)), advice)
    return row, f"byte 0x{error.object[error.start]:02x} is not {encoding.upper()}; {advice}"


def _hints() -> list[tuple[bytes, str]]:
    """Return what a file is by its first bytes, and what to do about it."""
    formats = [form for form in load_formats().values() if form.magic]
    return [(form.magic, f"it is a {form.name} file; try --format {form.name}") for form in formats] + list(
        _MAGIC
    )
