import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grutext.data import Example, read_dataset, read_rows

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(("form", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_rows_become_examples_with_the_line_on_which_they_start(write, form, delimiter, suffix):
    rows = ["id,text,label", '1,"two', 'lines",good', "", "2,plain,bad"]
    name = write(f"reviews.{form}{suffix}", "\n".join(rows).replace(",", delimiter) + "\n")
    dataset = read_dataset(name)
    assert dataset.examples == [
        Example("two\nlines", ("good",), name, 2),
        Example("plain", ("bad",), name, 5),
    ]
    assert not dataset.multilabel
    assert (dataset.text_column, dataset.label_column, dataset.source) == ("text", "label", name)


def test_cells_that_look_like_something_else_stay_text(write):
    cells = ["NA", "null", "007", "1e5", "True", "nan", " spaces ", "2020-01-01"]
    name = write(
        "odd.csv", "text,label\n" + "".join(f"{cell},{number:03}\n" for number, cell in enumerate(cells))
    )
    examples = read_dataset(name).examples
    assert [example.text for example in examples] == cells
    assert [example.labels for example in examples] == [(f"{number:03}",) for number in range(len(cells))]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks_do_not_change_the_rows(write, end, mark):
    name = write("windows.csv", mark + end.join(["text,label", "one,a", "two,b", ""]).encode())
    assert [(e.text, e.labels, e.row) for e in read_dataset(name).examples] == [
        ("one", ("a",), 2),
        ("two", ("b",), 3),
    ]


def test_line_ends_inside_a_quoted_cell_are_kept_as_they_are(write):
    name = write("mixed.csv", b'text,label\r\n"a\r\nb\rc\nd",x\r\nnext,y\r\n')
    first, second = read_dataset(name).examples
    assert first.text == "a\r\nb\rc\nd"
    assert (first.row, second.row) == (2, 6)


def test_a_text_may_be_longer_than_the_csv_modules_limit(write):
    long = "word " * 100_000
    assert read_dataset(write("long.csv", f"text,label\n{long},x\n")).examples[0].text == long


def test_columns_without_a_name_are_numbered(write):
    name = write(
        "spam.csv", "v1,v2,,\nham,how are you today,,\nspam,win a prize now,,\nham,see you there,,\n"
    )
    assert [e.labels for e in read_dataset(name).examples] == [("ham",), ("spam",), ("ham",)]
    with read_rows(name) as reader:
        assert reader.columns == ("v1", "v2", "column_3", "column_4")


@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_what_the_csv_module_writes_is_read_back_exactly(write, rows):
    for form, delimiter in (("csv", ","), ("tsv", "\t")):
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([("text", "label"), *rows])
        name = write(f"any.{form}", buffer.getvalue())
        with read_rows(name) as reader:
            assert [tuple(row.fields.values()) for row in reader] == rows


BROKEN = {
    "empty.csv": ("", "empty.csv: is empty; the first line names the columns, such as text,label"),
    "blank.csv": ("\n\n", "blank.csv: is empty; the first line names the columns, such as text,label"),
    "header.csv": ("text,label\n", "header.csv: has a line of column names, but no rows below it; add some"),
    "long.csv": (
        "text,label\nfine,x\na,b,y\n",
        (
            "long.csv, line 3: the row has 3 cells, but the first line names 2 columns; put quotes around a cell with "
            "separators or line breaks in it"
        ),
    ),
    "short.tsv": (
        'text\tlabel\n"a\nb"\tx\nalone\n',
        (
            "short.tsv, line 4: the row has 1 cell, but the first line names 2 columns; put quotes around a cell with "
            "separators or line breaks in it"
        ),
    ),
    "open.csv": (
        'text,label\n"a\nb",x\n"never closed,y\nmore,z\n',
        (
            "open.csv, line 4: a quoted cell of the row that starts here never ends (the row runs on to line 5); close its "
            'quote, or write "" for " in it, or read quotes as characters like any others: --no-quotes'
        ),
    ),
    "after.csv": (
        'text,label\n"so "good"",x\n',
        (
            'after.csv, line 2: text follows the closing quote of a cell; inside a quoted cell write "" for ", '
            "or read quotes as characters like any others: --no-quotes"
        ),
    ),
    "nul.csv": (
        "text,label\nfine,x\na\0b,y\n",
        "nul.csv, line 3: a NUL character is not text; if the file is UTF-16, name it: --encoding utf-16",
    ),
    "twice.csv": (
        "text,label,text\na,x,b\n",
        'twice.csv, line 1: two columns are called "text"; rename one of them',
    ),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_malformed_table_is_refused_with_its_line(write, problem, name, suffix):
    content, message = BROKEN[name]
    assert problem(write(name + suffix, content)) == message.replace(name, name + suffix)
