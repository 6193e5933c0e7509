import csv
import gzip
import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.copied_rows import copy

from grutext.data import read_rows
from grutext.errors import DataError

ANY_HEALTH = [HealthCheck.function_scoped_fixture]


def test_added_columns_follow_those_of_the_source(write):
    name = write("a.csv", 'id,text\r\n1,"two\nlines, ""and"" quotes"\r\n2,plain\r\n')
    assert copy(name, "out.csv") == (
        b'id,text,label,confidence\n1,"two\nlines, ""and"" quotes",x,0.5\n2,plain,x,0.5\n'
    )
    assert copy(name, "out.tsv").splitlines()[-1] == b"2\tplain\tx\t0.5"
    assert copy(name, "out.jsonl") == (
        b'{"id": "1", "text": "two\\nlines, \\"and\\" quotes", "label": "x", "confidence": 0.5}\n'
        b'{"id": "2", "text": "plain", "label": "x", "confidence": 0.5}\n'
    )


def test_values_of_json_lines_are_kept_as_they_were(write):
    line = '{"n": [1.50, 1e400, -0, {"b": null}], "text": "grün \\ud800", "big": %s}' % ("9" * 5000)
    name = write("a.jsonl", line + "\n")
    out = copy(name, "out.jsonl", added={"top": [{"label": "x", "probability": np.float64(0.25)}]}).decode()
    assert out == line.replace("ü", "\\u00fc")[:-1] + ', "top": [{"label": "x", "probability": 0.25}]}\n'
    assert (
        copy(write("b.jsonl", '{"text": "grün"}\n'), "out.jsonl", added={}) == '{"text": "grün"}\n'.encode()
    )


def test_json_values_in_a_table_are_json_texts(write):
    name = write("a.jsonl", '{"text": "a b", "n": 1.50, "l": ["p"], "z": null, "t": true}\n{"text": "c d"}\n')
    assert copy(name, "out.csv", added={}) == b'text,n,l,z,t\na b,1.50,"[""p""]",,true\nc d,,,,\n'


def test_lines_of_text_become_tsv(write):
    name = write("a.txt", "one\n\nwith\ttab\n")
    expected = b'text\tlabel\tconfidence\none\tx\t0.5\n\tx\t0.5\n"with\ttab"\tx\t0.5\n'
    assert copy(name, "out.txt") == copy(name, "out") == copy(name, "out.data.tsv") == expected
    assert (
        copy(write("f.txt", "__label__q one\n"), "out")
        == b"label\ttext\tpredicted_label\tconfidence\nq\tone\tx\t0.5\n"
    )


def test_standard_output_has_the_format_of_the_source_or_the_named_one(write, capsysbinary):
    name = write("a.jsonl", '{"text": "grün"}\n')
    copy(name, None)
    copy(name, "-", "csv")
    assert capsysbinary.readouterr().out.decode() == (
        '{"text": "grün", "label": "x", "confidence": 0.5}\ntext,label,confidence\ngrün,x,0.5\n'
    )


def test_gz_files_have_the_same_bytes_for_the_same_rows(write):
    name = write("a.csv", "text\none two\n")
    first = copy(name, "out.csv.gz")
    assert gzip.decompress(first) == b"text,label,confidence\none two,x,0.5\n"
    assert copy(name, "other.csv.gz") == first
    assert first[4:8] == bytes(4)  # no time stamp


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_names_that_are_taken_get_a_prefix_in_every_row(write, form):
    name = write("a.csv", "text,label,predicted_label,confidence\na b,1,2,3\nc d,4,5,6\n")
    out = copy(name, f"out.{form}").decode().splitlines()
    if form == "csv":
        assert out == [
            "text,label,predicted_label,confidence,predicted_label_2,predicted_confidence",
            "a b,1,2,3,x,0.5",
            "c d,4,5,6,x,0.5",
        ]
    else:
        assert json.loads(out[1]) == {
            "text": "c d",
            "label": "4",
            "predicted_label": "5",
            "confidence": "6",
            "predicted_label_2": "x",
            "predicted_confidence": 0.5,
        }


def test_a_field_after_the_first_rows_is_written_or_refused_but_never_lost(write):
    plain = '{"text": "a b"}\n' * 300
    name = write("a.jsonl", plain + '{"text": "a b", "late": 1}\n')
    assert copy(name, "out.jsonl").endswith(b'{"text": "a b", "late": 1, "label": "x", "confidence": 0.5}\n')
    with pytest.raises(DataError) as caught:
        copy(name, "out.csv")
    assert str(caught.value) == (
        'out.csv, line 301: the field "late" is not in the first rows, whose columns the output has; '
        "give every row the same fields"
    )
    with pytest.raises(DataError, match='line 301: the field "label" is not in the first rows'):
        copy(write("b.jsonl", plain + '{"text": "a b", "label": 1}\n'), "out.jsonl")


CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
EXAMPLES = settings.default.max_examples * 4 // 5  # fewer with --fast


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6))
@settings(suppress_health_check=ANY_HEALTH, max_examples=EXAMPLES, deadline=None)
def test_tables_come_back_as_they_were_written(write, rows):
    content = io.StringIO()
    csv.writer(content, quoting=csv.QUOTE_ALL).writerows([("text", "b", "c"), *rows])
    write("a.csv", content.getvalue())
    for step, target in (("a.csv", "b.tsv"), ("b.tsv", "c.jsonl"), ("c.jsonl", "d.csv.gz")):
        copy(step, target, added={})
    with read_rows("d.csv.gz") as reader:
        assert [tuple(row.fields.values()) for row in reader] == rows


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), min_size=1, max_size=5), st.booleans()
)
@settings(suppress_health_check=ANY_HEALTH, max_examples=EXAMPLES, deadline=None)
def test_json_lines_come_back_as_they_were_written(write, objects, ascii_only):
    objects = [{**item, "text": "t", "n": number} for number, item in enumerate(objects)]
    lines = [json.dumps(item, ensure_ascii=ascii_only) for item in objects]
    write("a.jsonl", "\n".join(lines).encode("utf-8", "backslashreplace"))
    assert [
        json.loads(line) for line in copy("a.jsonl", "b.jsonl", added={}).decode().split("\n")[:-1]
    ] == objects
