import json

import pytest

from grutext.data import Example, read_dataset


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_each_line_is_an_example_and_blank_lines_are_skipped(write, suffix):
    lines = ['{"id": 7, "text": "gr\\u00fcn\\nrot", "label": "x"}', " \t", '{"label": "y", "text": "blau"}']
    name = write(f"a.jsonl{suffix}", "\r\n".join(lines))
    assert read_dataset(name).examples == [
        Example("grün\nrot", ("x",), name, 1),
        Example("blau", ("y",), name, 3),
    ]


def test_numbers_and_truth_values_are_labels_as_they_are_written(write):
    written = ["1", "1.50", "-0", "1e3", "true", "false", "123456789012345678901234567890"]
    name = write("n.jsonl", "".join(f'{{"text": "t", "label": {value}}}\n' for value in written))
    assert [example.labels for example in read_dataset(name).examples] == [(value,) for value in written]


def test_a_number_too_long_for_python_is_a_label_too(write):
    name = write("big.jsonl", f'{{"text": "t", "label": {"9" * 5000}}}\n')
    assert read_dataset(name).examples[0].labels == ("9" * 5000,)


def test_a_number_is_a_text_as_it_is_written_and_null_is_an_empty_text(write):
    name = write("t.jsonl", '{"text": 1.50, "label": "x"}\n{"text": null, "label": "y"}\n')
    dataset = read_dataset(name)
    assert [example.text for example in dataset.examples] == ["1.50", ""]
    assert type(dataset.examples[0].text) is str
    assert dataset.notes[-1] == "t.jsonl: 1 text is empty (kept; --skip-empty drops such rows)"


def test_separators_of_unicode_inside_a_text_end_no_line(write):
    text = "a\u2028b\u2029c\x85d\x0be\x1cf"
    name = write(
        "u.jsonl", json.dumps({"text": text, "label": "x"}, ensure_ascii=False).replace("\\u000b", "\\u000b")
    )
    assert [example.text for example in read_dataset(name).examples] == [text]


OBJECT = 'each line is one object, {"text": "…", "label": "…"}'
GRU_ALONE = "its JSON is nested in more than 100 levels; leave out what is neither text nor label"
GOOD = '{"text": "a", "label": "x"}\n'
BROKEN = {
    "": f"is empty; {OBJECT}",
    GOOD + "[1, 2]": f"line 2: is a list, not an object; {OBJECT}",
    GOOD + '"text"': f"line 2: is a text, not an object; {OBJECT}",
    GOOD + "12": f"line 2: is a number, not an object; {OBJECT}",
    GOOD + "null": f"line 2: is null, not an object; {OBJECT}",
    GOOD + "\n" + "true": f"line 3: is true or false, not an object; {OBJECT}",
    GOOD
    + '{"text": "a" "label": "x"}': f"line 2: is not JSON (Expecting ',' delimiter at character 14); {OBJECT}",
    GOOD + '{"text": "a", "text": "b"}': 'line 2: two fields are called "text"; rename one of them',
    GOOD + "[" * 100_000: f"line 2: {GRU_ALONE}",
    GOOD + "[" * 101 + "]" * 101: f"line 2: {GRU_ALONE}",
    GOOD + '{"text": "a", "label": "x", "more": ' + '{"a": ' * 100 + "1" + "}" * 101: f"line 2: {GRU_ALONE}",
    GOOD
    + '{"txt": "b", "label": "y"}': 'line 2: there is no field "text" (fields here: "txt", "label"); add it, or '
    "name another by --text-column",
    GOOD + '{"text": ["b"], "label": "y"}': 'line 2: the text column "text" holds a list, not text',
    GOOD + '{"text": {}, "label": "y"}': 'line 2: the text column "text" holds an object, not text',
    GOOD
    + '{"text": "b", "label": {}}': 'line 2: the label column "label" is empty; --skip-empty drops such rows',
    GOOD + '{"text": "b"}': 'line 2: the label column "label" is empty; --skip-empty drops such rows',
    GOOD
    + '{"text": "b", "label": null}': 'line 2: the label column "label" is empty; --skip-empty drops such rows',
    GOOD
    + '{"text": "b", "label": NaN}': 'line 2: the label column "label" is empty; --skip-empty drops such rows',
}


@pytest.mark.parametrize("content", BROKEN)
def test_a_line_that_is_not_a_labelled_object_is_refused(write, problem, content):
    message = problem(write("a.jsonl", content))
    assert message in {f"a.jsonl, {BROKEN[content]}", f"a.jsonl: {BROKEN[content]}"}


def test_json_nested_in_a_hundred_levels_is_read(write):
    deep = '{"a": ' * 98 + "[" + "]" + "}" * 98
    name = write("a.jsonl", GOOD + f'{{"text": "a [", "label": "[", "more": {deep}, "{{": "{"[" * 200}"}}\n')
    assert [example.labels for example in read_dataset(name).examples] == [("x",), ("[",)]


@pytest.mark.parametrize("depth", [90, 600, 900, 980, 2000])
def test_nested_lists_are_not_labels_at_any_depth(write, problem, depth):
    name = write("a.jsonl", f'{{"text": "a b", "label": {"[" * depth}"x"{"]" * depth}}}\n')
    refused = 'the list in the label column "label" holds a list; a label is text'
    assert problem(name) == f"a.jsonl, line 1: {refused if depth < 100 else GRU_ALONE}"
