"""Tables in memory, with the real libraries."""

import datetime as dt
from typing import ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import grutext
from grutext.data import ReadOptions, open_frame, read_dataset
from grutext.errors import DataError
from grutext.training.splits import TrainingData

ROWS = [
    {"id": n, "body": f"some words about thing {n}", "stars": 1 + n % 2, "trust": [0.5, 2.0][n % 2]}
    for n in range(40)
]
FRAMES = {
    "pandas": pd.DataFrame(ROWS),
    "polars": pl.DataFrame(ROWS),
    "pyarrow": pa.Table.from_pylist(ROWS),
    "dictionaries": ROWS,
}


class ClassNumbers:
    """A feature as Hugging Face data sets have it."""

    def int2str(self, number):
        return ["bad", "good"][number]


class HuggingFaceLike:
    """What is used of a Hugging Face data set: it yields dictionaries, and has columns and features."""

    column_names = ("text", "label")
    features: ClassVar = {"text": object(), "label": ClassNumbers()}

    def __iter__(self):
        yield from ({"text": f"some words {n}", "label": n % 2 - (n == 3)} for n in range(4))


@pytest.mark.parametrize("kind", FRAMES)
def test_a_table_is_read_as_a_file_is(kind, write):
    options = ReadOptions(text_column="body", label_column="stars", weight_column="trust")
    found = read_dataset(open_frame(FRAMES[kind]), options)
    rows = "".join(f"{row['id']},{row['body']},{row['stars']},{row['trust']}\n" for row in ROWS)
    file = read_dataset(write("a.csv", f"id,body,stars,trust\n{rows}"), options)
    assert [(e.text, e.labels, e.weight) for e in found.examples] == [
        (e.text, e.labels, e.weight) for e in file.examples
    ]
    assert [example.row for example in found.examples] == list(range(1, 41))
    assert found.source == "the table"


def test_class_numbers_become_their_names():
    options = ReadOptions(skip_empty=True)
    dataset = read_dataset(open_frame(HuggingFaceLike()), options)
    assert [example.labels for example in dataset.examples] == [("bad",), ("good",), ("bad",), ("bad",)]


def test_values_have_the_types_of_python():
    frame = pd.DataFrame(
        {
            "text": ["a", "b", "c"],
            "label": pd.array([1, None, 2], dtype="Int64"),
            "day": [dt.date(2026, 1, 2), pd.NaT, None],
        }
    )
    records = list(open_frame(frame))
    assert records[0].fields == {"text": "a", "label": 1, "day": "2026-01-02"}
    assert records[1].fields["label"] is None
    assert records[1].fields["day"] is None
    (row,) = open_frame([{"text": "a", "label": np.array(["x", "y"])}])
    assert row.fields["label"] == ["x", "y"]


def test_a_structure_is_null_where_a_row_has_no_such_label():
    labels = [{"x": 0.75, "y": 0.25}, {"z": 1.0}, {"x": 1.0}]
    structure = pl.Struct(dict.fromkeys("xyz", pl.Float64))
    table = pl.DataFrame(
        {"text": list("abc"), "label": labels}, schema={"text": pl.String, "label": structure}
    )
    for frame in (table, table.to_arrow()):
        dataset = read_dataset(open_frame(frame), ReadOptions())
        assert [example.labels for example in dataset.examples] == [("x",), ("z",), ("x",)]
        assert dataset.examples[0].probabilities == {"x": 0.75, "y": 0.25}


def test_tables_train_and_evaluate():
    data = TrainingData(
        FRAMES["pandas"].drop(columns=["id", "trust"]), test=FRAMES["polars"].drop("id", "trust")
    )
    outcome = grutext.train(data, settings={"gru.enabled": False})
    assert outcome.bundle.labels == ("1", "2")
    assert outcome.bundle.metrics["test"]["n"] == 40
    assert outcome.bundle.data["source"] == "the table"
    assert outcome.bundle.data["reading"]["found"]["text_column"] == "body"


def test_what_is_no_table_is_an_error():
    with pytest.raises(
        TypeError, match="a source is a path, a name, a pair of texts and labels, or a table, not int"
    ):
        open_frame(3)
    with pytest.raises(TypeError, match="a source is one table, not a dict of tables or columns"):
        open_frame({"train": FRAMES["pandas"], "test": FRAMES["pandas"]})
    with pytest.raises(DataError, match="the table, line 2: is a str, not a dictionary of columns"):
        list(open_frame([{"text": "a"}, "b"]))
    with pytest.raises(DataError, match="the table: has no rows"):
        open_frame(pd.DataFrame({"text": []}))
