r"""Finding the dialect of a file of delimited cells from its first block.

The block is the first megabyte, or the whole file. What the user names is not looked for; the rest is found in this order:

1. **Delimiter.** A first line `sep=;`, as Excel writes it, names it. Otherwise the candidates are those of `,` `;` tab `|`
   that occur in the line of column names, and the usual one of the format (`,` in `.csv`, tab in `.tsv`). A candidate fits
   as well as the share of rows that have as many cells as that line, which must be two at least. If the usual one fits all
   rows, it is taken, unless another one does so with more columns, which is an error. Otherwise the one that fits best is
   taken, if it fits half of the rows; if none does, the usual one.
2. **Quotes.** Between other delimiters than tabs, a cell in double quotes may hold delimiters and line breaks. Between tabs
   it may do so only if all quotes of the block are used that way, so that no cell has a quote in it without being quoted,
   and if no quoted cell is doubtful (below).
3. **Blanks** after delimiters are no part of the cells if all column names but the first have one in front, and nine of ten
   rows as well, or else if the rows have the same number of cells only without them.

**Doubt.** A row with line breaks in its cells is doubtful if nine in ten of its lines, split at each delimiter whatever the
quotes, look like rows of their own: they have as many cells as there are columns, and what stands in the columns whose
values repeat, or are numbers, is such a value. These columns are found in the rows of the block that have no line breaks.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from grutext.data.dialect import QUOTE, Dialect
from grutext.errors import DataError

BLOCK = 10**6  # characters
DELIMITERS = (",", ";", "\t", "|")
NAMES = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "vertical bars", " ": "blanks"}

_SEP = re.compile(r'("?)sep=(.)\1\s*', re.IGNORECASE)
_NUMBER = re.compile(r"\s*[-+]?[\d.,:/-]*\d\s*")
_ENOUGH = 0.9  # of the lines of a row, or of the rows of a block
_LEAST_SHARE = 0.5  # of rows that a delimiter fits, for one that is not the usual one
_FEW_LINES = 10  # a row of fewer lines is not taken for most of a block
_LONGEST_VALUE = 40  # characters, of values that repeat


@dataclass(frozen=True, slots=True)
class Block:
    """The first lines of a file.

    Attributes:
        lines: The lines with their ends.
        whole: Whether the file has no other lines.
    """

    lines: list[str]
    whole: bool


@dataclass(slots=True)
class Found:
    """What a block says about its file.

    Attributes:
        dialect: The dialect, without None.
        notes: What the user should know about it, one sentence each.
        skipped: The number of lines before the line of column names.
        plain: What lines look like that are rows of their own.
    """

    dialect: Dialect
    plain: PlainRows
    notes: list[str] = field(default_factory=list)
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a block: its cells (None for long ones), and its lines from `start` up to `end`, which is exclusive."""

    cells: tuple[str | None, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Parsed:
    """The rows of a block.

    Attributes:
        rows: The rows up to the first one that cannot be read; blank lines are left out.
        rest: The first line of a last row that cannot be read, or that runs on behind the block.
        unread: The number of lines that are left because of an error before the end of the block.
    """

    rows: list[_Row]
    rest: int
    unread: int

    @property
    def width(self) -> int:
        """The number of cells of the first row."""
        return len(self.rows[0].cells) if self.rows else 0

    def share(self) -> float:
        """Return the share of rows that have as many cells as the first one, if it has two at least; else 0."""
        if self.width < 2:
            return 0.0
        return sum(len(row.cells) == self.width for row in self.rows) / (len(self.rows) + self.unread)


class PlainRows:
    """What lines look like that are rows of their own.

    Args:
        rows: Rows without line breaks, below the column names; None stands for a long cell.
        delimiter: The character between two cells.
        width: The number of columns.
    """

    def __init__(self, rows: Iterable[Sequence[str | None]], delimiter: str, width: int) -> None:
        self._delimiter = delimiter
        self._width = width
        self._values: dict[int, set[str]] = {}
        self._numbers: list[int] = []
        for column, cells in enumerate(zip(*(cells for cells in rows if len(cells) == width), strict=True)):
            different = {cell for cell in cells if cell is not None}
            if len(different) < len(set(cells)):
                continue
            if any(different) and len(different) <= len(cells) / 2:
                self._values[column] = different
            elif all(_NUMBER.fullmatch(cell) for cell in different):
                self._numbers.append(column)

    def doubt(self, lines: Sequence[str]) -> int:
        """Return how many of the lines of one row look like rows of their own, if so many do that it is doubtful; else 0."""
        if len(lines) < 2 or not (self._values or self._numbers):
            return 0
        if len(lines) < _FEW_LINES and not self._is_plain(lines[0]):
            return 0  # all of so few lines would have to be plain; most rows end here
        filled = [line for line in lines if not line.isspace()]
        plain = sum(map(self._is_plain, filled))
        fewest = 2 if self._values else 3
        return plain if plain >= fewest and plain >= _ENOUGH * len(filled) else 0

    def _is_plain(self, line: str) -> bool:
        if line.count(self._delimiter) != self._width - 1:
            return False
        cells = line.rstrip("\r\n").split(self._delimiter)
        values = all(cells[column] in values for column, values in self._values.items())
        return values and all(_NUMBER.fullmatch(cells[column]) for column in self._numbers)


def find_dialect(block: Block, given: Dialect, usual: str, source: str) -> Found:
    """Find the dialect of a file; see the module for the rule.

    Args:
        block: Its first lines.
        given: What the user says about it.
        usual: The delimiter of its format.
        source: Its name in messages.

    Raises:
        DataError: Two delimiters fit equally well.
    """
    notes = list[str]()
    skipped = 0
    dialect = given if given.header is not None else replace(given, header=True)
    named = _SEP.fullmatch(block.lines[0]) if block.lines else None
    if named:
        skipped, block = 1, Block(block.lines[1:], block.whole)
        if given.delimiter is None:
            dialect = replace(dialect, delimiter=named[2])
            notes.append(f"cells are separated by {_name(named[2])}, as its first line says (sep=)")
    if dialect.delimiter is None:
        delimiter = _find_delimiter(block, dialect, usual, source)
        dialect = replace(dialect, delimiter=delimiter)
        if delimiter != usual:
            notes.append(f"cells are separated by {_name(delimiter)} (found; --delimiter names another)")
    if dialect.skip_blanks is None:
        dialect = replace(dialect, skip_blanks=_has_blanks(block, dialect))
        if dialect.skip_blanks:
            notes.append("blanks after delimiters are left out")
    if dialect.quotes is None:
        quotes = dialect.delimiter != "\t" or _is_quoted(block, dialect)
        dialect = replace(dialect, quotes=quotes)
        if not quotes and any(QUOTE in line for line in block.lines):
            notes.append("quotes are characters like any others (--quotes reads cells in quotes)")
    parsed = _parse(block, dialect)
    lines = sum(not line.isspace() for line in block.lines[: parsed.rest])
    if dialect.quotes and lines >= 2 * len(parsed.rows):
        counted = f"{lines:,} lines hold {len(parsed.rows):,} rows, since quoted cells have line breaks"
        notes.append(f"{counted} (--no-quotes reads each line as a row)")
    return Found(dialect, _describe(parsed, block, dialect), notes, skipped)


def _name(delimiter: str) -> str:
    return NAMES.get(delimiter, f'"{delimiter}"')


def _find_delimiter(block: Block, dialect: Dialect, usual: str, source: str) -> str:
    header = next((line for line in block.lines if not line.isspace()), "")
    others = [delimiter for delimiter in DELIMITERS if delimiter in header and delimiter != usual]
    if not others:
        return usual
    found = {delimiter: _parse_best(block, dialect, delimiter) for delimiter in (usual, *others)}
    shares = {delimiter: parsed.share() for delimiter, parsed in found.items()}
    if shares[usual] == 1.0:
        for other in others:
            if shares[other] == 1.0 and found[other].width > found[usual].width:
                both = " and ".join(f"{_name(name)} ({found[name].width} columns)" for name in (usual, other))
                problem = f"it is not clear what separates its cells: {both} fit; name it: --delimiter"
                raise DataError(problem, source)
        return usual
    best = max(shares, key=shares.__getitem__)  # of equals the first, which is the usual one
    return best if shares[best] >= _LEAST_SHARE else usual


def _parse_best(block: Block, dialect: Dialect, delimiter: str) -> _Parsed:
    """Return the rows for a delimiter, with or without a meaning of quotes, whichever fits more of them."""
    quotes = (True, False) if dialect.quotes is None else (dialect.quotes,)
    both = [_parse(block, replace(dialect, delimiter=delimiter, quotes=value)) for value in quotes]
    return max(both, key=_Parsed.share)


def _parse(block: Block, dialect: Dialect) -> _Parsed:
    reader = csv.reader(block.lines, **dialect.reader_options())
    rows = list[_Row]()
    start = unread = 0
    try:
        for cells in reader:
            if cells:
                rows.append(_Row(_shorten(cells), start, reader.line_num))
            start = reader.line_num
    except csv.Error:
        if block.whole or reader.line_num < len(block.lines):
            unread = len(block.lines) - start
    if not block.whole and len(rows) > 1 and rows[-1].end == len(block.lines):
        start = rows.pop().start  # its last line may be cut off
    return _Parsed(rows, start, unread)


def _has_blanks(block: Block, dialect: Dialect) -> bool:
    """Return whether blanks follow the delimiters and are no part of the cells."""
    rows = _parse_best(block, dialect, str(dialect.delimiter)).rows
    if len(rows) < 2 or len(rows[0].cells) < 2 or not _are_after_blanks(rows[0].cells):
        return False
    if sum(_are_after_blanks(row.cells) for row in rows) >= _ENOUGH * len(rows):
        return True
    without = _parse_best(block, replace(dialect, skip_blanks=True), str(dialect.delimiter))
    return without.share() == 1.0 and any(len(row.cells) != len(rows[0].cells) for row in rows)


def _are_after_blanks(cells: Sequence[str | None]) -> bool:
    return all(not cell or cell.startswith(" ") for cell in cells[1:])


def _is_quoted(block: Block, dialect: Dialect) -> bool:
    """Return whether all quotes of a block are around cells, or doubled inside of such cells, and no cell is doubtful."""
    if not any(QUOTE in line for line in block.lines):
        return False
    dialect = replace(dialect, quotes=True)
    if _has_strays("".join(block.lines), dialect, block.whole):
        return False
    parsed = _parse(block, dialect)
    plain = _describe(parsed, block, dialect)
    rows = [*((row.start, row.end) for row in parsed.rows), (parsed.rest, len(block.lines))]
    return not any(plain.doubt(block.lines[start:end]) for start, end in rows)


def _has_strays(text: str, dialect: Dialect, whole: bool) -> bool:
    """Return whether a quote stands neither around a cell nor doubled inside of a quoted one."""
    delimiter = re.escape(str(dialect.delimiter))
    if dialect.escape is not None:
        text = re.sub(re.escape(dialect.escape) + ".", "", text, flags=re.DOTALL)
    blanks = " *" if dialect.skip_blanks else ""
    end = '"' if whole else r'(?:"|\Z)'
    cell = re.compile(rf'{blanks}(?:"[^"]*(?:""[^"]*)*{end}|[^"{delimiter}\r\n]*)(?:{delimiter}|\r\n?|\n|\Z)')
    place = 0
    while place < len(text):
        match = cell.match(text, place)
        if match is None:
            return True
        place = match.end()
    return False


def _describe(parsed: _Parsed, block: Block, dialect: Dialect) -> PlainRows:
    """Return what plain rows look like: those without line breaks, or, where most of a block is one row, all lines."""
    below = parsed.rows[1:] if dialect.header else parsed.rows
    delimiter = str(dialect.delimiter)
    longest = max((row.end - row.start for row in below), default=0)
    longest = max(longest, len(block.lines) - parsed.rest)
    if longest >= max(_FEW_LINES, len(block.lines) / 2):
        lines = block.lines[1:] if dialect.header else block.lines
        rows = [_shorten(line.rstrip("\r\n").split(delimiter)) for line in lines]
    else:
        rows = [row.cells for row in below if row.end - row.start == 1]
    return PlainRows(rows, delimiter, parsed.width)


def _shorten(cells: list[str]) -> tuple[str | None, ...]:
    return tuple([cell if len(cell) <= _LONGEST_VALUE else None for cell in cells])
