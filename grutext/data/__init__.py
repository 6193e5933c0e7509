"""Reading examples, labels and splits from files and data sets; reading and writing rows to predict on."""

from __future__ import annotations

from grutext.data.checks import check_trainable
from grutext.data.columns import Columns
from grutext.data.copies import TextIndex, hash_text
from grutext.data.datasets import Dataset, open_labelled, read_dataset, unify_labels
from grutext.data.dialect import Dialect
from grutext.data.examples import Example, ReadOptions, fingerprint, join_columns, list_columns
from grutext.data.formats.registry import format_names, written_formats
from grutext.data.formats.shards import ShardFile, ShardFolder, find_shards
from grutext.data.frames import IN_MEMORY_TABLE, open_frame
from grutext.data.joined import expand_sources
from grutext.data.labels import (
    MISSING,
    clean_label,
    describe_counts,
    label_key,
    label_set,
    merge_spellings,
    similar_labels,
)
from grutext.data.on_disk import DiskOptions, TextsOnDisk
from grutext.data.records import Table
from grutext.data.remembered import describe_reading, remember_options, remembered_columns
from grutext.data.rows import Row, RowReader, read_rows, rows_of_table
from grutext.data.sample import sample_path
from grutext.data.small_classes import drop_small_classes
from grutext.data.splits import deal_examples, fold_examples, share_out, split_examples
from grutext.data.tally import Rows, Tally
from grutext.data.writing.names import name_added
from grutext.data.writing.resumable import ResumableRun
from grutext.data.writing.writers import NewTable, RowWriter, choose_format, open_writer

__all__ = [
    "IN_MEMORY_TABLE",
    "MISSING",
    "Columns",
    "Dataset",
    "Dialect",
    "DiskOptions",
    "Example",
    "NewTable",
    "ReadOptions",
    "ResumableRun",
    "Row",
    "RowReader",
    "RowWriter",
    "Rows",
    "ShardFile",
    "ShardFolder",
    "Table",
    "Tally",
    "TextIndex",
    "TextsOnDisk",
    "check_trainable",
    "choose_format",
    "clean_label",
    "deal_examples",
    "describe_counts",
    "describe_reading",
    "drop_small_classes",
    "expand_sources",
    "find_shards",
    "fingerprint",
    "fold_examples",
    "format_names",
    "hash_text",
    "join_columns",
    "label_key",
    "label_set",
    "list_columns",
    "merge_spellings",
    "name_added",
    "open_frame",
    "open_labelled",
    "open_writer",
    "read_dataset",
    "read_rows",
    "remember_options",
    "remembered_columns",
    "rows_of_table",
    "sample_path",
    "share_out",
    "similar_labels",
    "split_examples",
    "unify_labels",
    "written_formats",
]
