"""Word vectors as text: the formats of GloVe, word2vec and fastText (`.vec`).

A line is a word and its numbers with single spaces between them; word2vec and fastText begin with a line `rows width`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import closing
from functools import partial
from itertools import chain
from typing import IO

import numpy as np

from grutext.data.formats.compression import GZIP, MAGIC, READING_ERRORS, ZIP
from grutext.data.formats.lines import explain_reading
from grutext.data.formats.sources import Source, open_bytes
from grutext.data.limits import LONGEST_RECORD, check_record
from grutext.data.vectors.rows import Float, Rows
from grutext.errors import DataError
from grutext.messages import count, quote

Line = tuple[int, bytes]

HEADER = re.compile(rb"([0-9]{1,15}) ([1-9][0-9]{0,7})")  # more digits are not a number of rows or columns
_BOM = b"\xef\xbb\xbf"
# What a file is that begins with these bytes.
_MAGIC = (
    (MAGIC[GZIP], "it is compressed with gzip; let its name end in .gz"),
    (MAGIC[ZIP], "it is a zip archive; let its name end in .npz or .zip, or unpack it"),
    (b"\xba\x16\x4f\x2f", "it is a whole fastText model; use its .vec file"),
)
_FORM = "a line is a word and its numbers, as in GloVe's .txt, word2vec's text format and fastText's .vec"


def read_text(source: Source) -> Rows:
    """Yield the rows of a file.

    Raises:
        DataError: The file cannot be read; it has fewer rows than its first line says, because the download was cut
            off; a row has another width; or a value that is asked for is not a finite number. Names the line.
    """
    found = 0
    with closing(_read_lines(source)) as lines:
        promised, width, rows = _read_head(lines, source)
        for number, line in rows:
            found += 1
            yield _word(line, width, source, number), partial(_numbers, line, width, source, number)
    check_promise(promised, found, source.name)
    if not found:
        raise DataError(f"holds no vectors; {_FORM}", source.name)


def check_promise(promised: int, found: int, name: str) -> None:
    """Raise a DataError if a file has fewer rows than its first line says."""
    if promised > found:
        problem = f"promises {count(promised, 'row')} in its first line, but has {found:,}"
        raise DataError(f"{problem}: the download was cut off; get it again", name)


def ends_with_numbers(line: bytes, width: int) -> bool:
    """Return whether a line is a word and `width` numbers."""
    return _width(line.rstrip(b" \r\n")) == width


def _read_lines(source: Source) -> Generator[Line, None, None]:
    """Yield the number, from 1, and the bytes of each line that is not blank.

    Only a line feed ends a line, since words may contain any other line separator of Unicode.
    """
    number = 0
    with open_bytes(source) as stream:
        try:
            for number, line in enumerate(_split(stream), start=1):
                check_record(len(line), source.name, number, "bytes")
                stripped = line.removeprefix(_BOM if number == 1 else b"").rstrip(b" \r\n")
                if stripped:
                    yield number, stripped
        except READING_ERRORS as error:
            raise explain_reading(error, source, number + 1) from None


def _split(stream: IO[bytes]) -> Iterator[bytes]:
    return iter(partial(stream.readline, LONGEST_RECORD + 1), b"")


def _read_head(lines: Iterator[Line], source: Source) -> tuple[int, int, Iterator[Line]]:
    """Return the number of rows that the first line states (0 if it does not), their width, and the rows."""
    first = next(lines, None)
    if first is None:
        raise DataError(f"is empty; {_FORM}", source.name)
    number, line = first
    header = HEADER.fullmatch(line)
    if header:
        return int(header[1]), int(header[2]), lines
    width = _width(line)
    if not width:
        problem = next((hint for magic, hint in _MAGIC if line.startswith(magic)), f"no vector; {_FORM}")
        raise DataError(problem, source.name, number)
    return 0, width, chain([first], lines)


def _word(line: bytes, width: int, source: Source, number: int) -> bytes:
    """Return the word of a row, which may contain spaces."""
    if line.count(b" ") == width:  # nearly always, and fast
        return line[: line.index(b" ")]
    has = _width(line)
    if has != width:
        problem = f"ends with {count(has, 'number')}, but the vectors of this file have {width:,}"
        raise DataError(f"{problem}; {_explain(line)}", source.name, number)
    return line.rsplit(b" ", width)[0]


def _explain(line: bytes) -> str:
    try:
        line.decode()
    except UnicodeDecodeError:
        return "this is not text, or damaged; get the vectors again"
    return "the file is damaged; get it again"


def _width(line: bytes) -> int:
    """Return how many numbers a row ends with; its first piece always belongs to the word."""
    pieces = line.split(b" ")[:0:-1]
    return next((n for n, piece in enumerate(pieces) if _number(piece) is None), len(pieces))


def _numbers(line: bytes, width: int, source: Source, number: int) -> Float:
    pieces = line.rsplit(b" ", width)[1:]
    with np.errstate(over="ignore"):
        values = np.array([_number(piece) for piece in pieces], np.float32)  # (W,); None becomes NaN
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        piece = pieces[wrong[0]].decode(errors="replace")
        problem = f"the vector has {quote(piece)}, which is not a finite number"
        raise DataError(f"{problem}; {_explain(line)}", source.name, number)
    return values


def _number(piece: bytes) -> float | None:
    try:
        return float(piece)
    except ValueError:
        return None
