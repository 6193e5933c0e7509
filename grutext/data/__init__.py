"""Files and data sets → examples, labels, splits; and rows to predict on."""

from __future__ import annotations

from grutext.data.checks import check_trainable
from grutext.data.columns import Columns
from grutext.data.datasets import Dataset, read_dataset
from grutext.data.examples import Example, ReadOptions, fingerprint
from grutext.data.formats.sources import FORMATS
from grutext.data.labels import label_set
from grutext.data.on_disk import Shards, Spill
from grutext.data.rows import Row, RowReader, read_rows
from grutext.data.sample import sample_path
from grutext.data.splits import split_examples
from grutext.data.writing.resumable import Run
from grutext.data.writing.writers import WRITTEN_FORMATS, RowWriter, open_writer, written_form

__all__ = [
    "FORMATS",
    "WRITTEN_FORMATS",
    "Columns",
    "Dataset",
    "Example",
    "ReadOptions",
    "Row",
    "RowReader",
    "RowWriter",
    "Run",
    "Shards",
    "Spill",
    "check_trainable",
    "fingerprint",
    "label_set",
    "open_writer",
    "read_dataset",
    "read_rows",
    "sample_path",
    "split_examples",
    "written_form",
]
