"""Pretrained word vectors as text: the formats of GloVe, word2vec and fastText (`.vec`), each also `.gz`.

A line is a word and its numbers with single spaces between them; word2vec and fastText begin with a line
`rows width`. Such a file may be larger than memory: only the rows of wanted words are parsed and kept; of
other rows only the width is checked.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grutext.data.formats.lines import explain_reading
from grutext.data.formats.sources import Source, explain_os_error, open_bytes
from grutext.data.limits import LONGEST_RECORD, check_record
from grutext.errors import DataError
from grutext.messages import count, quote

Line = tuple[int, bytes]

_HEADER = re.compile(rb"([0-9]{1,15}) ([1-9][0-9]{0,7})")  # more digits are not a number of rows or columns
_BOM = b"\xef\xbb\xbf"
# What a file is that begins with these bytes.
_MAGIC = (
    (b"\x1f\x8b", "it is compressed with gzip; let its name end in .gz"),
    (b"PK\x03\x04", "it is a zip archive; unpack it and name the .txt or .vec file inside"),
)
_FORM = "a line is a word and its numbers, as in GloVe's .txt, word2vec's text format and fastText's .vec"


@dataclass(frozen=True, slots=True)
class Vectors:
    """The vectors of wanted words.

    Attributes:
        rows: A vector, shape (W,), float32, for each wanted word that the file has.
        garbled: The number of rows that were skipped because their word is not UTF-8.
    """

    rows: dict[str, NDArray[np.float32]]
    garbled: int


def vector_width(path: Path) -> int:
    """Return the width W of the vectors in a file, from its first lines.

    Raises:
        DataError: The file cannot be read, or does not begin like a file of word vectors.
    """
    source = _source(path)
    with closing(_read_lines(source)) as lines:
        return _read_head(lines, source)[1]


def read_vectors(path: Path, wanted: Collection[str], normalize: Callable[[str], str]) -> Vectors:
    """Read the vectors of the wanted words.

    A row belongs to a wanted word if its word is the same, or if it is the same after `normalize`. Rows with the same
    word have precedence, and of several such rows the first one is used.

    Args:
        path: The file.
        wanted: The words, normalised; `in` must be fast.
        normalize: The normalisation of the wanted words.

    Raises:
        DataError: The file cannot be read; it has fewer rows than its first line says, because the download was cut
            off; a row has another width; or a wanted row has a value that is not a finite number. Names the line.
    """
    source = _source(path)
    same: dict[str, NDArray[np.float32]] = {}
    alike: dict[str, NDArray[np.float32]] = {}
    garbled = found = 0
    with closing(_read_lines(source)) as lines:
        promised, width, rows = _read_head(lines, source)
        for number, line in rows:
            found += 1
            try:
                word = _word(line, width, source, number).decode()
            except UnicodeDecodeError:
                garbled += 1
                continue
            into, key = (same, word) if word in wanted else (alike, normalize(word))
            if key in wanted and key not in into:
                into[key] = _numbers(line, width, source, number)
    if promised > found:
        problem = f"promises {count(promised, 'row')} in its first line, but has {found:,}"
        raise DataError(f"{problem}: the download was cut off; get it again", source.name)
    if not found:
        raise DataError(f"holds no vectors; {_FORM}", source.name)
    return Vectors(alike | same, garbled)


def digest(path: Path) -> str:
    """Return the SHA-256 (hexadecimal) of the bytes of a file.

    Raises:
        DataError: It cannot be read.
    """
    sha = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                sha.update(block)
    except OSError as error:
        raise DataError(explain_os_error(error), str(path)) from None
    return sha.hexdigest()


def _source(path: Path) -> Source:
    return Source(str(path), str(path), None, compression=".gz" if path.suffix.lower() == ".gz" else "")


def _read_lines(source: Source) -> Generator[Line, None, None]:
    """Yield the number, from 1, and the bytes of each line that is not blank.

    Only a line feed ends a line, since words may contain any other line separator of Unicode.
    """
    number = 0
    with open_bytes(source) as stream:
        try:
            for number, line in enumerate(iter(partial(stream.readline, LONGEST_RECORD + 1), b""), start=1):
                check_record(len(line), source.name, number, "bytes")
                stripped = line.removeprefix(_BOM if number == 1 else b"").rstrip(b" \r\n")
                if stripped:
                    yield number, stripped
        except (OSError, EOFError, zlib.error) as error:
            raise explain_reading(error, source, number + 1) from None


def _read_head(lines: Iterator[Line], source: Source) -> tuple[int, int, Iterator[Line]]:
    """Return the number of rows that the first line states (0 if it does not), their width, and the rows."""
    first = next(lines, None)
    if first is None:
        raise DataError(f"is empty; {_FORM}", source.name)
    number, line = first
    header = _HEADER.fullmatch(line)
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
        return "this is not text, or damaged; get the vectors as text"
    return "the file is damaged; get it again"


def _width(line: bytes) -> int:
    """Return how many numbers a row ends with; its first piece always belongs to the word."""
    pieces = line.split(b" ")[:0:-1]
    return next((n for n, piece in enumerate(pieces) if _number(piece) is None), len(pieces))


def _numbers(line: bytes, width: int, source: Source, number: int) -> NDArray[np.float32]:
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
