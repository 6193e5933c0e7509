"""JSON documents: a list of objects, an object that holds such a list, or one object after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

from grutext.data.cells import JsonNumber
from grutext.data.formats.jsonl import DECODER, OBJECT, DoubledKeyError, build_record, explain_value
from grutext.data.formats.lines import read_pieces
from grutext.data.formats.registry import Format
from grutext.data.formats.sources import Source
from grutext.data.limits import LONGEST_RECORD, check_record
from grutext.data.records import Record, Table
from grutext.errors import DataError
from grutext.messages import list_names, quote

_FORM = f"a .json file is a list of objects, [{OBJECT}, …], an object that holds one such list, or one object a line"
_BLANK = " \t\r\n"
_LIST_OF_OBJECTS = re.compile(r"\[\s*\{")
_AHEAD = 2**16  # characters


def open_json(source: Source, encoding: str | None) -> Table:
    """Open a JSON document, and read it object by object, in constant memory.

    Objects are numbered from 1; where each is a line, by their lines. Numbers are kept as they are written (`JsonNumber`).

    Raises:
        DataError: It is not JSON of one of these forms.
    """
    return Table(source.name, _read_records(source, encoding), empty=f"holds no objects; {_FORM}")


class _Document:
    """The text of a JSON document, value by value.

    Args:
        source: The document.
        pieces: Its text in pieces.

    Attributes:
        line: The line that the next character is on.
    """

    def __init__(self, source: Source, pieces: Iterator[str]) -> None:
        self.line = 1
        self._source = source
        self._pieces = pieces
        self._text = ""
        self._place = 0

    def peek(self) -> str:
        """Skip blanks; return the next character, and at the end an empty string."""
        while True:
            while self._place < len(self._text):
                character = self._text[self._place]
                if character not in _BLANK:
                    return character
                self.line += character == "\n"
                self._place += 1
            if not self._fill(1):
                return ""

    def take(self, characters: str) -> str:
        """Skip blanks; take and return the next character, which must be one of these.

        Raises:
            DataError: It is another one.
        """
        found = self.peek()
        if not found or found not in characters:
            raise self.fail(f"{' or '.join(characters)} is missing")
        self._place += 1
        return found

    def read(self) -> tuple[Any, str]:
        """Skip blanks; read one value, and return it and its text.

        Raises:
            DataError: It is not JSON, or is too long, nested too deeply, or names a field twice.
        """
        self.peek()
        wanted = _AHEAD
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._place)
            except (RecursionError, DoubledKeyError) as error:
                raise explain_value(error, self._source, self.line) from None
            except json.JSONDecodeError as error:
                check_record(self._left, self._source.name, self.line)
                wanted *= 2  # so that the time is linear
                ahead = error.pos - self._place
                if not self._fill(wanted):
                    raise self.fail(error.msg, ahead) from None
                continue
            if end == len(self._text) and isinstance(value, JsonNumber) and self._fill(1):
                continue  # there may be more digits
            text = self._text[self._place : end]
            check_record(len(text), self._source.name, self.line)
            self._place = end
            self.line += text.count("\n")
            return value, text

    def fits(self) -> bool:
        """Return whether the next value is no longer than a record may be; a document that is not JSON may fit or not."""
        self._fill(LONGEST_RECORD + 1 - self._left)
        if self._left <= LONGEST_RECORD:
            return True
        try:
            DECODER.raw_decode(self._text, self._place)
        except json.JSONDecodeError:
            return False
        except (RecursionError, DoubledKeyError):
            return True
        return True

    def begins_list_of_objects(self) -> bool:
        """Skip blanks; return whether a list comes whose first item is an object."""
        self.peek()
        self._fill(_AHEAD - self._left)
        return _LIST_OF_OBJECTS.match(self._text, self._place) is not None

    def fail(self, reason: str, ahead: int = 0) -> DataError:
        """Return the DataError for what is wrong some characters ahead."""
        line = self.line + self._text.count("\n", self._place, self._place + ahead)
        return DataError(f"is not JSON ({reason}); {_FORM}", self._source.name, line)

    @property
    def _left(self) -> int:
        return len(self._text) - self._place

    def _fill(self, wanted: int) -> bool:
        """Read at least so many characters more, unless the document ends; return whether there were any."""
        pieces = [self._text[self._place :]]
        found = 0
        while found < wanted and (piece := next(self._pieces, "")):
            pieces.append(piece)
            found += len(piece)
        self._text, self._place = "".join(pieces), 0
        return found > 0


def _read_records(source: Source, encoding: str | None) -> Generator[Record, None, None]:
    with closing(read_pieces(source, encoding)) as pieces:
        document = _Document(source, pieces)
        first = document.peek()
        if first == "[":
            yield from _read_list(document, source)
        elif first == "{":
            yield from _read_objects(document, source)
        elif first:
            raise DataError(f"begins with {quote(first)}; {_FORM}", source.name)
        if document.peek():
            raise document.fail("something follows its end")


def _read_list(document: _Document, source: Source) -> Iterator[Record]:
    document.take("[")
    number = 0
    if document.peek() == "]":
        document.take("]")
        return
    while True:
        value, text = document.read()
        number += 1
        yield build_record(value, source, number, text, _FORM)
        if document.take(",]") == "]":
            return


def _read_objects(document: _Document, source: Source) -> Iterator[Record]:
    """Yield the objects of a document that begins with one: those in its list, or all that follow."""
    first = document.line
    if not document.fits():
        yield from _read_wrapped(document, source)
        return
    value, text = document.read()
    if document.peek():
        yield build_record(value, source, first, text, _FORM)
        last = first
        while document.peek():
            if document.line <= last:
                raise document.fail("two objects are on one line")
            last = document.line
            value, text = document.read()
            yield build_record(value, source, last, text, _FORM)
        return
    build_record(value, source, first, text, _FORM)  # checks its depth
    lists = {
        name: items for name, items in value.items() if isinstance(items, list) and _holds_objects(items)
    }
    if len(lists) > 1:
        raise DataError(f"holds several lists of objects ({list_names(list(lists))}); {_FORM}", source.name)
    if not lists and value and all(isinstance(items, list | dict) for items in value.values()):
        remedy = 'with pandas: table.to_json("rows.json", orient="records")'
        raise DataError(f"holds columns and not rows; {_FORM}; {remedy}", source.name)
    for items in lists.values():
        for number, item in enumerate(items, start=1):
            yield build_record(item, source, number, "", _FORM)
    if not lists:
        yield build_record(value, source, first, text, _FORM)


def _read_wrapped(document: _Document, source: Source) -> Iterator[Record]:
    """Yield the objects in the list of an object that is too long to be read at once."""
    document.take("{")
    found = False
    while True:
        document.read()
        document.take(":")
        if document.begins_list_of_objects():
            if found:
                raise DataError(f"holds several lists of objects; {_FORM}", source.name)
            found = True
            yield from _read_list(document, source)
        else:
            document.read()
        if document.take(",}") == "}":
            return


def _holds_objects(items: list[Any]) -> bool:
    return any(isinstance(item, dict) for item in items)


FORMATS = (Format("json", open_json, (".json",)),)
