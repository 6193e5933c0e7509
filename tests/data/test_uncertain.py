"""Labels with probabilities, and weights of rows."""

import json

import pytest

from grutext.data import Dataset, DiskOptions, Example, ReadOptions, fingerprint, label_set, read_dataset
from grutext.data.labels import respell_example
from grutext.data.small_classes import drop_small_classes
from grutext.errors import DataError
from grutext.training.in_memory import dataset_in_memory

COLUMNS = ReadOptions(label_column=("good", "bad"))


def read(name, options=None, **kwargs):
    return read_dataset(name, options or ReadOptions(), **kwargs)


def found(dataset):
    return [(example.labels, example.probabilities) for example in dataset.examples]


def test_an_object_has_the_probability_of_each_label(write):
    rows = [{"good": 0.7, "bad": 0.3}, {"bad": 1.0}, {"good": 0.5, "bad": 0.49}]
    lines = [json.dumps({"text": "t", "label": row}) + "\n" for row in rows]
    in_fields = read(write("a.jsonl", "".join(lines) + '{"text": "t", "label": "good"}\n'))
    assert not in_fields.multilabel
    assert found(in_fields) == [
        (("good",), {"good": 0.7, "bad": 0.3}),
        (("bad",), None),
        (("good",), {"good": 0.5, "bad": 0.49}),
        (("good",), None),
    ]
    assert "a.jsonl: 2 texts with the probabilities of their labels" in in_fields.notes
    assert label_set(in_fields.examples) == ("bad", "good")


@pytest.mark.parametrize(
    "cell", ['{"good": 0.7, "bad": 0.3}', "{'good': .7, 'bad': 0.3}", "{'good':0.7,'bad':3e-1,}"]
)
def test_an_object_may_be_the_text_of_a_cell(write, cell):
    quoted = cell.replace('"', '""')
    dataset = read(write("a.csv", f'text,label\nt,"{quoted}"\nt,bad\n'))
    assert found(dataset) == [(("good",), {"good": 0.7, "bad": 0.3}), (("bad",), None)]


def test_probabilities_that_do_not_sum_to_one_are_of_several_labels(write):
    dataset = read(write("a.jsonl", '{"text": "t", "label": {"good": 0.9, "long": 0.5, "bad": 0.1}}\n'))
    assert dataset.multilabel
    assert found(dataset) == [(("good", "long"), {"good": 0.9, "long": 0.5, "bad": 0.1})]


def test_where_a_text_may_have_several_labels_each_is_decided_by_itself(write):
    rows = [{"good": 0.9, "long": 0.5}, {"good": 0.5, "long": 0.5}, {"good": 0.4, "long": 0.3, "bad": 0.3}]
    lines = [json.dumps({"text": f"t{n}", "label": row}) + "\n" for n, row in enumerate(rows)]
    several = [("good", "long"), ("good", "long"), ()]
    dataset = read(write("a.jsonl", "".join(lines)))
    assert [example.labels for example in dataset.examples] == several
    in_memory = dataset_in_memory(["t0", "t1", "t2"], rows, ReadOptions())
    assert [example.labels for example in in_memory.examples] == several


def test_columns_of_probabilities_that_sum_to_one_are_of_one_label(write):
    name = write("a.csv", "text,good,bad\nt,0.6,0.4\nu,0,1\n")
    dataset = read(name, COLUMNS)
    assert not dataset.multilabel
    assert found(dataset) == [(("good",), {"good": 0.6, "bad": 0.4}), (("bad",), None)]
    several = read(write("b.csv", "text,good,bad\nt,0.6,0.9\nu,0,1\n"), COLUMNS)
    assert several.multilabel
    assert found(several) == [(("good", "bad"), {"good": 0.6, "bad": 0.9}), (("bad",), None)]
    flags = read(write("c.csv", "text,good,bad\nt,1,0\nu,0,1\n"), COLUMNS)  # as without probabilities
    assert flags.multilabel
    assert found(flags) == [(("good",), None), (("bad",), None)]


def test_a_row_that_sums_to_something_else_after_the_first_block_is_an_error(write, monkeypatch):
    monkeypatch.setattr("grutext.data.records.MOST_IN_BLOCK", 2)
    name = write("a.csv", "text,good,bad\n" + "t,0.6,0.4\n" * 300 + "t,0.6,0.6\n")
    with pytest.raises(
        DataError, match=r"^a.csv, line 302: the probabilities of the labels sum to 1.2; in the rows before"
    ):
        read(name, COLUMNS)


@pytest.mark.parametrize(
    "cell", ['{"good": 1.2}', '{"good": "high"}', '{"good": -0.1}', '{"": 0.5}', '{"good": null}']
)
def test_a_value_that_is_no_probability_is_an_error(write, cell):
    with pytest.raises(
        DataError, match=r"^a.jsonl, line 1: the label column \"label\" holds an object with .* 0\.\.1"
    ):
        read(write("a.jsonl", f'{{"text": "t", "label": {cell}}}\n'))


def test_spellings_of_a_label_add_their_probabilities():
    example = Example("t", ("1",), "a", 1, probabilities={"1": 0.5, "1.0": 0.3, "2": 0.2})
    assert respell_example(example, {"1.0": "1"}).probabilities == {"1": 0.8, "2": 0.2}


def test_a_dropped_label_loses_its_probability():
    rows = [Example("t", (label,), "a", row) for row, label in enumerate(["x", "y", "x", "y", "z"])]
    uncertain = Example("u", ("x",), "a", 5, probabilities={"x": 0.5, "y": 0.25, "z": 0.25})
    dataset = Dataset([*rows, uncertain], multilabel=False, source="a")
    drop_small_classes(dataset, 2)
    assert dataset.examples[-1].probabilities == {"x": 0.5 / 0.75, "y": 0.25 / 0.75}


def test_a_column_of_weights(write):
    name = write("a.csv", "text,label,trust\nt,x,2\nu,y,0\nv,x,0.25\n")
    dataset = read(name, ReadOptions(weight_column="trust"))
    assert [(example.text, example.weight) for example in dataset.examples] == [("t", 2.0), ("v", 0.25)]
    assert "a.csv: 1 row dropped: weight 0" in dataset.notes
    for cell in ("-1", "", "nan", "inf", "much"):
        wrong = write("b.csv", f"text,label,trust\nt,x,2\nu,y,{cell}\n")
        with pytest.raises(
            DataError, match=r'^b.csv, line 3: the weight column "trust" holds ".*"; a weight is'
        ):
            read(wrong, ReadOptions(weight_column="trust"))
    with pytest.raises(DataError, match='there is no column "weight"'):
        read(name, ReadOptions(weight_column="weight"))


def test_a_column_of_weights_is_not_guessed_as_the_labels(write):
    rows = "".join(f"some words about thing {n},{'xy'[n % 2]},{n % 3 + 1}\n" for n in range(30))
    name = write("a.csv", "body,what,w\n" + rows)
    with pytest.raises(DataError, match="not clear which column holds the labels"):
        read(name)
    assert {example.labels for example in read(name, ReadOptions(weight_column="w")).examples} == {
        ("x",),
        ("y",),
    }


def test_files_keep_probabilities_and_weights(write, tmp_path):
    lines = [
        json.dumps({"text": f"t{n}", "label": {"good": 0.7, "bad": 0.3} if n % 2 else "bad", "w": n + 1})
        for n in range(20)
    ]
    name = write("a.jsonl", "\n".join(lines))
    options = ReadOptions(weight_column="w")
    held = read(name, options)
    dataset = read(name, options, on_disk=DiskOptions(1, tmp_path / "texts", 1, 0.2))
    kept = [
        example for number in range(len(dataset.on_disk.paths)) for example in dataset.on_disk.read(number)
    ]
    assert sorted([*kept, *dataset.held_out], key=lambda example: example.row) == held.examples


def test_the_fingerprint_knows_weights_and_probabilities_and_is_that_of_before_without():
    plain = Example("t", ("x",), "a", 1)
    others = [
        Example("t", ("x",), "a", 1, weight=2.0),
        Example("t", ("x",), "a", 1, probabilities={"x": 0.6, "y": 0.4}),
    ]
    assert len({fingerprint([example]) for example in (plain, *others)}) == 3
    assert fingerprint([plain]) == "c529db797826dc62b7679bd633b7ddcda7b233819393d57a8046ea6e5048a828"


def test_a_format_without_columns_has_no_weights(tmp_path):
    (tmp_path / "t.txt").write_text("__label__a one\n__label__b two\n", encoding="utf-8")
    with pytest.raises(DataError, match='there is no column "w": this format has texts and labels only'):
        read(str(tmp_path / "t.txt"), ReadOptions(weight_column="w"))
