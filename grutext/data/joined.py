"""Several files with the same columns, read one after the other as if they were one."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from grutext.data.records import Record, Table
from grutext.errors import DataError
from grutext.messages import list_names, quote


def open_sources(names: Sequence[str], open_source: Callable[[str], Table]) -> Table:
    """Open sources of rows, of which a name such as `2026-*.csv` may stand for several.

    The rows come in the order of the names, and those of a pattern in alphabetical order. Notes about a later file are
    added when it is opened.

    Args:
        names: Paths, patterns, or other names as `find_source` takes them.
        open_source: Opens one source.

    Raises:
        DataError: A source cannot be read, a file is named twice, or has other columns than the first one.
        MissingExtraError: A format needs a package that is not installed.
    """
    found = expand_sources(names)
    first = open_source(found[0])
    if len(found) == 1:
        return first
    notes = [*first.notes, f"{found[0]}: read together with {list_names(found[1:])}"]
    records = _chain(first, found[1:], open_source, notes)
    columns = None if first.has_free_fields else first.columns
    joined = Table(
        list_names(found), records, columns, fixed=first.fixed, empty="has no rows", no_label=first.no_label
    )
    joined.format, joined.dialect, joined.encodings = first.format, first.dialect, first.encodings
    joined.notes = notes
    return joined


def expand_sources(names: Sequence[str]) -> list[str]:
    """Return the files that several names stand for, in their order; see `expand`.

    Raises:
        DataError: A pattern matches no file, or a file is named twice.
    """
    found = [path for name in names for path in expand(name)]
    places = [os.path.realpath(path) if os.path.lexists(path) else path for path in found]
    double = next((path for n, path in enumerate(found) if places[n] in places[:n]), None)
    if double is not None:
        raise DataError("is named twice, so that its rows would count twice; name it once", double)
    return found


def expand(name: str) -> list[str]:
    """Return the files that a name stands for: those that match it as a pattern, or itself.

    Raises:
        DataError: It is a pattern, and no file matches it.
    """
    if not glob.has_magic(name) or os.path.lexists(name) or ":" in name:
        return [name]
    found = sorted(glob.glob(name))  # noqa: PTH207 (a pattern may have a root)
    if not found:
        raise DataError("no file matches this pattern", name)
    return found


def _chain(
    first: Table, others: Sequence[str], open_source: Callable[[str], Table], notes: list[str]
) -> Generator[Record, None, None]:
    with closing(first):
        yield from first
    for name in others:
        with open_source(name) as table:
            if not (first.has_free_fields or table.has_free_fields):
                _check_columns(table, first)
            notes += table.notes
            yield from table
            first.encodings.update(table.encodings)


def _check_columns(table: Table, first: Table) -> None:
    missing = [name for name in first.columns if name not in table.columns]
    more = [name for name in table.columns if name not in first.columns]
    if missing or more:
        lacks = f"lacks {list_names(missing)}" if missing else ""
        has = f"has {list_names(more)}" if more else ""
        problem = f"its columns are not those of {quote(first.source)}: it {' and '.join(filter(None, (lacks, has)))}"
        raise DataError(f"{problem}; files that are read together need the same columns", table.source)
