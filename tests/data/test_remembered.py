import json
from dataclasses import replace

import pytest

from grutext.data import (
    Columns,
    Dialect,
    ReadOptions,
    describe_reading,
    read_dataset,
    remember_options,
    remembered_columns,
)

TABLE = "title,body,late,money\na,some words,1,0\nb,more words,0,1\nc,no words,0,0\n"


def record(dataset, options) -> dict:
    """Return the record as a bundle gives it back."""
    return json.loads(json.dumps(describe_reading(dataset, options)))


def test_columns_that_were_told_and_found_are_remembered(write):
    options = ReadOptions(text_column=("title", "body"), label_column=("late", "money"))
    data = record(read_dataset(write("a.csv", TABLE), options), options)
    assert data["reading"]["told"] == {"text_column": ["title", "body"], "label_column": ["late", "money"]}
    assert remembered_columns(data) == Columns(("title", "body"), ("late", "money"))
    guessed = read_dataset(write("b.csv", "text,label\na b,x\nc d,y\n"))
    data = record(guessed, ReadOptions())
    assert data["reading"]["told"] == {}
    assert data["reading"]["found"]["text_column"] == "text"
    assert data["reading"]["found"]["dialect"]["delimiter"] == ","
    assert remembered_columns(data) == Columns("text", "label")


def test_what_belongs_to_the_table_is_remembered_and_the_rest_is_not(write):
    told = ReadOptions(
        label_separator="|", keep_missing=True, encoding="cp1252", skip_empty=True, format="csv",
        dialect=Dialect(delimiter=";", header=False, columns=("text", "label")),
    )  # fmt: skip
    data = record(read_dataset(write("a.data", "a b;x|y\nc d;z\n"), told), told)
    later = remember_options(ReadOptions(), data)
    assert later == ReadOptions(label_separator="|", keep_missing=True, remembered=told.dialect)


def test_options_come_before_what_is_remembered():
    told = ReadOptions(label_separator="|", remembered=Dialect(delimiter=";"))
    data = {"reading": {"told": {"label_separator": "|", "dialect": {"delimiter": ";"}}, "found": {}}}
    assert remember_options(ReadOptions(), data) == told
    given = ReadOptions(label_separator=",", dialect=Dialect(delimiter="^"))
    assert remember_options(given, data) == replace(given, remembered=told.remembered)


@pytest.mark.parametrize(
    ("given", "remembered", "whole"),
    [
        (Dialect(), Dialect(";", header=False, columns=("a",)), Dialect(";", header=False, columns=("a",))),
        (Dialect("|"), Dialect(";", quotes=False), Dialect("|", quotes=False)),
        (Dialect(header=True), Dialect(";", header=False, columns=("a",)), Dialect(";", header=True)),
        (Dialect(header=False), Dialect(header=False, columns=("a",)), Dialect(header=False)),
        (Dialect(escape="^", skip_blanks=True), Dialect(escape="~"), Dialect(escape="^", skip_blanks=True)),
    ],
)
def test_what_a_dialect_leaves_open_is_that_of_the_training_data(given, remembered, whole):
    assert given.over(remembered) == whole


def test_a_remembered_dialect_is_for_delimited_cells_only(write):
    options = ReadOptions(remembered=Dialect(";", header=False, columns=("text", "label")))
    assert read_dataset(write("a.csv", "b,c;x\n"), options).examples[0].text == "b,c"
    assert (
        read_dataset(write("a.jsonl", '{"text": "a b", "label": "x"}\n'), options).examples[0].text == "a b"
    )


@pytest.mark.parametrize("data", [{}, {"source": "a.csv"}, {"text_column": "message", "label_column": None}])
def test_models_without_a_record_remember_one_column_of_each(data):
    assert remembered_columns(data) == Columns(data.get("text_column"), data.get("label_column"))
    assert remember_options(ReadOptions(), data) == ReadOptions()
