import io
import sys
import tracemalloc

import pytest

from grutext.data import Columns, ReadOptions, Row, read_rows
from grutext.data.formats.registry import list_suffixes

FORMS = f"{list_suffixes()} (each also .gz .bz2 .xz .zst .zip), or - for standard input"


def read_all(name, options=None, **kwargs):
    with read_rows(name, options or ReadOptions(), **kwargs) as reader:
        return list(reader)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_rows_of_a_table_keep_all_columns_in_order(write, suffix):
    name = write(f"a.csv{suffix}", 'id,text,n\n1,"two\nlines",NA\n2,,x\n')
    with read_rows(name) as reader:
        assert (reader.source, reader.format, reader.columns, reader.text_column) == (
            name,
            "csv",
            ("id", "text", "n"),
            "text",
        )
        assert reader.notes == [
            f'{name}: texts are in column "text" (guessed; --text-column chooses another)'
        ]
        assert list(reader) == [
            Row(2, {"id": "1", "text": "two\nlines", "n": "NA"}, "two\nlines"),
            Row(4, {"id": "2", "text": "", "n": "x"}, ""),
        ]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_rows_of_json_keep_all_values(write, suffix):
    name = write(f"a.jsonl{suffix}", '{"n": 1.50, "text": null, "deep": {"a": [1]}}\n\n{"text": "b"}\n')
    with read_rows(name) as reader:
        assert reader.columns == ("n", "text", "deep")
        first, second = reader
    assert (first.number, first.text, list(first.fields)) == (1, "", ["n", "text", "deep"])
    assert second == Row(3, {"text": "b"}, "b")


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_lines_of_text_are_kept_empty_ones_too(write, suffix):
    with read_rows(write(f"a.txt{suffix}", "\ufeffone\r\n\n two \nlast")) as reader:
        assert (reader.columns, reader.text_column, reader.format, reader.notes) == (
            ("text",),
            "text",
            "txt",
            [],
        )
        assert list(reader) == [
            Row(1, {"text": "one"}, "one"),
            Row(2, {"text": ""}, ""),
            Row(3, {"text": " two "}, " two "),
            Row(4, {"text": "last"}, "last"),
        ]


def test_labels_of_fasttext_are_not_part_of_the_texts(write):
    name = write("a.txt", "\n__label__a one\n__label__b __label__c two\nthree\n")
    expected = [
        Row(2, {"label": "a", "text": "one"}, "one"),
        Row(3, {"label": ["b", "c"], "text": "two"}, "two"),
        Row(4, {"label": None, "text": "three"}, "three"),
    ]
    assert read_all(name) == expected
    assert read_all(name, ReadOptions(format="fasttext")) == expected
    assert [row.text for row in read_all(name, ReadOptions(format="txt"))][1] == "__label__a one"


def test_standard_input_is_lines_of_text_or_what_the_format_says(monkeypatch):
    for form, texts in ((None, ["text,n", "a b,1"]), ("csv", ["a b"])):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"text,n\na b,1\n")))
        assert [row.text for row in read_all("-", ReadOptions(format=form))] == texts


def test_the_column_of_the_training_data_comes_before_guesses(write):
    name = write("a.csv", "text,mail\nsome words,a b\n")
    assert [row.text for row in read_all(name, known=Columns("mail", None))] == ["a b"]
    assert [row.text for row in read_all(name, known=Columns("gone", None))] == ["some words"]
    assert [
        row.text for row in read_all(name, ReadOptions(text_column="text"), known=Columns("mail", None))
    ] == ["some words"]


def test_a_lone_column_of_sentences_is_taken(write):
    assert [row.text for row in read_all(write("a.csv", "w\nsome words here\nand here\n"))] == [
        "some words here",
        "and here",
    ]


def test_a_first_line_that_is_a_text_is_refused(write, problem):
    message = problem(write("a.csv", "where is my card?\nwhat now\n"), read=read_rows)
    assert message.endswith(
        "The first line must name the columns; it names: where is my card? (--delimiter names what separates them, if they are several)"
    )


def test_a_file_without_a_text_column_is_refused(write, problem):
    name = write("a.csv", "id,price\n1,20\n2,30\n")
    assert problem(name, read=read_rows) == (
        "a.csv: it is not clear which column holds the texts; name it: --text-column. The first line must name the columns; "
        "it names: id, price (--no-header --columns text,label reads a file without such a line)"
    )
    assert problem(name, ReadOptions(text_column="txt"), read=read_rows) == (
        'a.csv: there is no column "txt". The columns are: id, price'
    )
    assert problem(name, read=read_rows, known=Columns("mail", None)) == (
        'a.csv: there is no column "mail" as in training; name the one with texts: --text-column. '
        "The columns are: id, price"
    )


def test_sources_that_are_not_files_of_rows_are_refused(write, problem):
    write("films/pos/1.txt", "x")
    assert problem("films", read=read_rows) == f"films: is a folder; rows to predict come from files: {FORMS}"
    assert problem(write("a.txt", ""), read=read_rows) == "a.txt: is empty; each line is one text"


def test_a_malformed_row_late_in_a_file_is_named(write, problem):
    name = write("a.csv", "text,n\n" + "a,1\n" * 1000 + "b\n")
    assert problem(name, read=read_rows).startswith("a.csv, line 1002: the row has 1 cell, but")


@pytest.mark.long
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.txt", "a.csv.gz"])
def test_memory_does_not_grow_with_the_file(write, name):
    line = {"csv": "{},x\n", "jsonl": '{{"text": "{}", "n": 1}}\n', "txt": "{}\n"}[name.split(".")[1]]
    header = "text,n\n" if "csv" in name else ""
    write(name, header + "".join(line.format(f"{number} " + "word " * 100) for number in range(20_000)))
    tracemalloc.start()
    try:
        with read_rows(name) as reader:
            count = sum(1 for _ in reader)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak < 2_000_000  # the file has 10 MB


@pytest.mark.long
def test_what_predict_reads_needs_the_standard_library_alone(write, run_python):
    names = [
        *(write("a.csv", "text\na b\n"), write("a.tsv.gz", "text\na b\n"), write("a.txt", "a b\n")),
        write("a.jsonl.gz", '{"text": "a b"}\n'),
    ]
    blocked = [
        "pyarrow",
        "tensorflow",
        "tensorflow_datasets",
        "keras",
        "sklearn",
        "scipy",
        "rich",
        "click",
        "pandas",
    ]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({blocked}))\n"
        "from grutext.data import open_writer, read_rows\n"
        f"for name in {names}:\n"
        "    with read_rows(name) as reader, open_writer('out.csv.gz', None, reader) as writer:\n"
        "        for row in reader: writer.write(row.fields); print(row.text)\n"
    )
    result = run_python(code)
    assert (result.stdout, result.stderr) == ("a b\n" * 4, "")
