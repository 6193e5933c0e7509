"""Several files that are read as if they were one."""

import gzip

import pytest

from grutext.data import Example, ReadOptions, read_dataset, read_rows
from grutext.errors import DataError


@pytest.fixture
def months(write):
    write("2026-01.csv", "text,label\none text,x\ntwo texts,y\n")
    write("2026-02.csv", "label;text\nx;three, texts\n")
    write("2026-03.jsonl", '{"text": "four texts", "label": "y"}\n')
    return ["2026-01.csv", "2026-02.csv", "2026-03.jsonl"]


WHOLE = [
    Example("one text", ("x",), "2026-01.csv", 2),
    Example("two texts", ("y",), "2026-01.csv", 3),
    Example("three, texts", ("x",), "2026-02.csv", 2),
    Example("four texts", ("y",), "2026-03.jsonl", 1),
]


@pytest.mark.parametrize("names", [None, "2026-*", ["2026-0[12].csv", "2026-03.jsonl"]])
def test_rows_come_in_the_order_of_the_files(months, names):
    dataset = read_dataset(months if names is None else names)
    assert dataset.examples == WHOLE
    assert dataset.source == "2026-01.csv, 2026-02.csv, 2026-03.jsonl"
    assert "2026-01.csv: read together with 2026-02.csv, 2026-03.jsonl" in dataset.notes
    assert any(note.startswith("2026-02.csv: cells are separated by semicolons") for note in dataset.notes)


def test_a_row_of_a_later_file_is_named_by_that_file(months, write):
    write("2026-04.csv", "text,label\nfive texts,\n")
    with pytest.raises(DataError, match=r"^2026-04\.csv, line 2: "):
        read_dataset([*months, "2026-04.csv"])


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("text,kind", "it lacks label and has kind"),
        ("text,label,id", "it has id"),
        ("text,other,label", "it has other"),
    ],
)
def test_files_with_other_columns_are_refused(months, write, header, problem):
    cells = ",".join("ab c" for _ in header.split(","))
    write("2026-04.csv", f"{header}\n{cells}\n")
    with pytest.raises(DataError) as caught:
        read_dataset([months[0], "2026-04.csv"])
    assert str(caught.value) == (
        f'2026-04.csv: its columns are not those of "2026-01.csv": {problem}; files that are read together need the same '
        "columns"
    )


def test_a_file_that_is_named_twice_is_refused(months):
    with pytest.raises(DataError, match=r"^2026-01\.csv: is named twice, so that its rows would count twice"):
        read_dataset(["2026-*.csv", months[0]])


def test_a_pattern_without_files_is_refused(months):
    with pytest.raises(DataError, match=r"^2027-\*\.csv: no file matches this pattern$"):
        read_dataset("2027-*.csv")


def test_a_file_whose_name_looks_like_a_pattern_is_read(write):
    assert len(read_dataset(write("a[1].csv", "text,label\none text,x\n")).examples) == 1


def test_folders_and_compressed_files_are_read_together(write):
    write("films/x/1", "one film")
    write("films/y/1", "two films")
    name = write("more.jsonl.gz", gzip.compress(b'{"text": "three films", "label": "x"}\n'))
    dataset = read_dataset(["films", name], ReadOptions())
    assert [example.text for example in dataset.examples] == ["one film", "two films", "three films"]


@pytest.mark.parametrize("names", [None, "2026-*", ["2026-0[12].csv", "2026-03.jsonl"]])
def test_rows_to_predict_come_in_the_order_of_the_files(months, names):
    with read_rows(months if names is None else names) as reader:
        rows = [(row.text, row.number) for row in reader]
        assert rows == [(example.text, example.row) for example in WHOLE]
        assert (reader.format, reader.columns, reader.delimiter) == ("csv", ("text", "label"), ",")


def test_notes_on_a_file_come_when_it_is_opened(write):
    write("a.csv", "text,label\n" + "a text,x\n" * 1000)
    write("b.csv", "text;label\na text;x\n")
    with read_rows(["a.csv", "b.csv"]) as reader:
        assert not [note for note in reader.notes if "semicolons" in note]
        assert len(list(reader)) == 1001
        assert [note for note in reader.notes if note.startswith("b.csv: cells are separated by semicolons")]


def test_files_to_predict_need_the_same_columns(months, write):
    write("2026-04.csv", "text,label,more\nfive texts,x,y\n")
    with pytest.raises(DataError, match=r"^2026-04\.csv: its columns are not those"):
        read_rows("2026-*.csv")
    with pytest.raises(DataError, match=r"^2026-01\.csv: is named twice"):
        read_rows(["2026-01.csv", "2026-*.csv"])
    with pytest.raises(DataError, match=r"^\./2026-02\.csv: is named twice"):
        read_dataset([*months, "./2026-02.csv"])


def test_each_of_several_files_may_have_another_encoding(write):
    for name, encoding in (("a.csv", "utf-8"), ("b.csv", "utf-16"), ("c.csv", "cp1252")):
        write(name, "text,label\ndéjà vu,x\n".encode(encoding))
    dataset = read_dataset("?.csv")
    assert [example.text for example in dataset.examples] == ["déjà vu"] * 3
    assert (
        "a.csv, b.csv, c.csv: its encoding is not UTF-8 but 1 file in cp1252, 1 file in utf-16 "
        "(found; --encoding names another)"
    ) in dataset.notes
    with read_rows("?.csv") as reader:
        assert [row.text for row in reader] == ["déjà vu"] * 3
        assert [note.partition(":")[0] for note in reader.notes if "encoding" in note] == ["b.csv", "c.csv"]
