import json

import pytest

from grutext.data import read_dataset, read_rows
from grutext.data.formats import json_document
from grutext.data.limits import LONGEST_RECORD

ROWS = [{"id": n, "text": f"text, number {n}", "label": "xy"[n % 2]} for n in range(1, 6)]
FORM = 'a .json file is a list of objects, [{"text": "…", "label": "…"}, …], an object that holds one such list, or one object a line'
FORMS = {
    "list": json.dumps(ROWS),
    "indented": json.dumps(ROWS, indent=2),
    "lines": "\n".join(map(json.dumps, ROWS)),
    "blank lines": "\n\n" + "\n\r\n".join(map(json.dumps, ROWS)) + "\n\n",
    "wrapped": json.dumps({"version": 1, "data": ROWS, "tags": ["a"]}),
    "wrapped and indented": json.dumps({"rows": ROWS, "meta": {"n": [1]}}, indent=1),
    "objects over several lines": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "with a byte order mark": "\ufeff" + json.dumps(ROWS),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("piece", [1, 7, 2**16])
def test_every_form_gives_the_same_rows(write, monkeypatch, form, piece):
    monkeypatch.setattr("grutext.data.formats.lines._PIECE", piece)
    name = write("a.json", FORMS[form])
    assert [(e.text, e.labels[0]) for e in read_dataset(name).examples] == [
        (row["text"], row["label"]) for row in ROWS
    ]
    with read_rows(name) as reader:
        assert [dict(row.fields) for row in reader] == [row | {"id": str(row["id"])} for row in ROWS]


@pytest.mark.parametrize("form", ["wrapped", "wrapped and indented", "list", "lines"])
def test_a_document_longer_than_a_record_is_read_object_by_object(write, monkeypatch, form):
    monkeypatch.setattr(json_document, "LONGEST_RECORD", 80)
    monkeypatch.setattr(json_document, "_AHEAD", 16)
    monkeypatch.setattr("grutext.data.formats.lines._PIECE", 16)
    assert len(read_dataset(write("a.json", FORMS[form])).examples) == len(ROWS)


def test_numbers_stay_as_they_are_written(write):
    with read_rows(write("a.json", '[{"text": "a b", "n": 1.10}, {"text": "c d", "n": 1e400}]')) as reader:
        assert [str(row.fields["n"]) for row in reader] == ["1.10", "1e400"]


BROKEN = {
    "": f"holds no objects; {FORM}",
    "[]": f"holds no objects; {FORM}",
    "[1, 2]": f"is a number, not an object; {FORM}",
    '["a b", "c d"]': f"is a text, not an object; {FORM}",
    "text,label\na,b\n": f'begins with "t"; {FORM}',
    '[{"text": "a b", "label": "x"}, {"text": ': f"is not JSON (Expecting value); {FORM}",
    '[{"text": "a b", "label": "x"}': f"is not JSON (, or ] is missing); {FORM}",
    '[{"text": "a b", "label": "x"}] x': f"is not JSON (something follows its end); {FORM}",
    '{"text": "a b", "label": "x"} {"text": "c d", "label": "y"}': f"is not JSON (two objects are on one line); {FORM}",
    '{"a": [{"text": "a b"}], "b": [{"text": "c d"}]}': f"holds several lists of objects (a, b); {FORM}",
    '{"text": {"0": "a b"}, "label": {"0": "x"}}': (
        f'holds columns and not rows; {FORM}; with pandas: table.to_json("rows.json", orient="records")'
    ),
    '{"text": ["a b"], "label": ["x"]}': (
        f'holds columns and not rows; {FORM}; with pandas: table.to_json("rows.json", orient="records")'
    ),
    '[{"text": "a b", "text": "x"}]': 'two fields are called "text"; rename one of them',
    "[" * 100_000: "its JSON is nested in more than 100 levels; leave out what is neither text nor label",
}


@pytest.mark.parametrize("content", BROKEN)
def test_what_is_no_document_of_rows_is_refused(write, problem, content):
    message = problem(write("a.json", content))
    assert message.partition(": ")[2] == BROKEN[content]
    assert message.startswith("a.json")


def test_an_error_names_the_line_of_the_document(write, problem):
    content = '[\n {"text": "a b", "label": "x"},\n {"text": "c d", label: "y"}\n]'
    assert problem(write("a.json", content)).startswith("a.json, line 3: is not JSON (")


@pytest.mark.long
def test_an_object_that_is_too_long_is_refused(write, problem):
    long = json.dumps([{"text": "a" * LONGEST_RECORD, "label": "x"}])
    assert problem(write("a.json", long)) == (
        f"a.json, line 1: is longer than {LONGEST_RECORD:,} characters; split it"
    )
