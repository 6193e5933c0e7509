"""Word vectors in word2vec's binary format: a line `rows width`, and for each row a word, a space and its float32 values."""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from grutext.data.formats.compression import READING_ERRORS
from grutext.data.formats.lines import explain_reading
from grutext.data.formats.sources import Source, open_bytes
from grutext.data.limits import LONGEST_RECORD, check_record
from grutext.data.vectors.rows import Float, Rows, check_finite
from grutext.data.vectors.text import HEADER, check_promise, ends_with_numbers

_BLOCK = 2**18  # bytes
_LONGEST_HEADER = 32  # bytes
_NO_TEXT = re.compile(rb"[^\t\x20-\x7e]")  # a byte that no number written as text has


def is_binary(source: Source) -> bool:
    """Return whether a file has word2vec's binary format; False if it cannot be read."""
    with open_bytes(source) as stream:
        try:
            header = HEADER.fullmatch(stream.readline(_LONGEST_HEADER).removesuffix(b"\n"))
            rows = stream.read(_BLOCK) if header else b""
        except READING_ERRORS:
            return False
    if header is None or ends_with_numbers(rows.partition(b"\n")[0], int(header[2])):
        return False
    values = rows.partition(b" ")[2][: 4 * int(header[2])]
    return _NO_TEXT.search(values) is not None


def read_binary(source: Source) -> Rows:
    """Yield the rows of a file for which `is_binary` is true.

    Raises:
        DataError: The file cannot be read; it has fewer rows than its first line says; a word or a row is too long; or
            a value that is asked for is not a finite number.
    """
    found = 0
    with open_bytes(source) as stream:
        try:
            rows, width = map(int, stream.readline(LONGEST_RECORD).split())
            size = 4 * width
            check_record(size, source.name, 1, "bytes")
            block, start = b"", 0
            for found in range(rows):
                space = block.find(b" ", start)
                while space < 0 or space + size >= len(block):
                    more = stream.read(_BLOCK)
                    if not more:
                        check_promise(rows, found, source.name)
                    block, start = block[start:] + more, 0
                    space = block.find(b" ")
                    if space < 0:
                        check_record(len(block), source.name, found + 1, "bytes")
                word = block[start:space].lstrip(b"\n")  # some programs end a row with a line feed
                start = space + 1 + size
                yield word, partial(_values, block[space + 1 : start], source.name, word)
        except READING_ERRORS as error:
            raise explain_reading(error, source, found + 1) from None


def _values(values: bytes, name: str, word: bytes) -> Float:
    return check_finite(np.frombuffer(values, "<f4"), name, word.decode(errors="replace"))
