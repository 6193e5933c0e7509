"""How a file of delimited cells is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grutext.errors import DataError

QUOTE = '"'


@dataclass(frozen=True, slots=True)
class Dialect:
    r"""How the cells of a CSV or TSV file are separated and quoted.

    In the options of reading, None means that the file decides; `grutext.data.formats.sniffing` has the rule. The dialect
    of an open table has no None but for `escape`, which only an option sets.

    Attributes:
        delimiter: The character between two cells.
        quotes: Whether a cell in double quotes may hold delimiters and line breaks; if not, a quote is a character like any
            other.
        escape: The character that takes the meaning from the next one, such as `\`; None if there is none.
        header: Whether the first line names the columns; None means yes.
        columns: The names of the columns of a file without such a line; empty for `column_1`, `column_2`, …
        skip_blanks: Whether a blank after a delimiter is no part of the next cell.
    """

    delimiter: str | None = None
    quotes: bool | None = None
    escape: str | None = None
    header: bool | None = None
    columns: tuple[str, ...] = ()
    skip_blanks: bool | None = None

    def __post_init__(self) -> None:
        for option, character in (("--delimiter", self.delimiter), ("--escape", self.escape)):
            if character is not None and (len(character) != 1 or character in {QUOTE, "\r", "\n", "\0"}):
                raise DataError(f"{option} takes one character, other than a quote or a line break")
        if self.escape is not None and self.escape in {self.delimiter, " "}:
            raise DataError("--escape must differ from --delimiter, and cannot be a blank")
        if self.delimiter == " " and self.skip_blanks is None:
            object.__setattr__(self, "skip_blanks", False)
        if self.columns and self.header is not False:
            raise DataError(
                "--columns names the columns of a file without a line of names; it needs --no-header"
            )

    def over(self, other: Dialect) -> Dialect:
        """Return this dialect with what it leaves open taken from another one."""
        named = self if self.header is not None else other
        return Dialect(
            delimiter=other.delimiter if self.delimiter is None else self.delimiter,
            quotes=other.quotes if self.quotes is None else self.quotes,
            escape=other.escape if self.escape is None else self.escape,
            header=named.header,
            columns=named.columns,
            skip_blanks=other.skip_blanks if self.skip_blanks is None else self.skip_blanks,
        )

    def reader_options(self) -> dict[str, Any]:
        """Return the arguments of `csv.reader` for a dialect without None."""
        import csv

        return {
            "delimiter": self.delimiter,
            "quoting": csv.QUOTE_MINIMAL if self.quotes else csv.QUOTE_NONE,
            "escapechar": self.escape,
            "skipinitialspace": bool(self.skip_blanks),
            "strict": True,
        }
