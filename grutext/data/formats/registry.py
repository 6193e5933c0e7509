"""One door to all readers."""

from __future__ import annotations

from grutext.data.formats.delimited import DELIMITERS, open_delimited
from grutext.data.formats.fasttext import open_fasttext
from grutext.data.formats.folder import open_folder
from grutext.data.formats.jsonl import open_jsonl
from grutext.data.formats.sources import Source
from grutext.data.records import Table
from grutext.errors import DataError


def open_table(source: Source, encoding: str) -> Table:
    """Opens a source of labelled rows; heavy packages load only for the forms that need them.

    Raises:
        DataError: The source, or one of its first rows, cannot be read.
        MissingExtraError: Its form needs a package that is not installed.
    """
    form = source.format
    if form in DELIMITERS:
        return open_delimited(source, encoding, form)
    if form == "jsonl":
        return open_jsonl(source, encoding)
    if form in {"fasttext", "txt"}:
        return open_fasttext(source, encoding)
    if form == "folder":
        return open_folder(source, encoding)
    if form == "parquet":
        from grutext.data.formats.parquet import open_parquet

        return open_parquet(source)
    if form == "tfds":
        from grutext.data.formats.tfds import open_tfds

        return open_tfds(source)
    raise DataError(
        "its form is not known; name it: --format csv (or tsv, jsonl, parquet, fasttext)", source.name
    )
