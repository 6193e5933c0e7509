import pytest

from grutext.data import Example, ReadOptions, label_set, read_dataset

SEVERAL = "a text may have several labels (line {} has a list of them)"


def labels_of(name, options=None, **kwargs):
    return [example.labels for example in read_dataset(name, options or ReadOptions(), **kwargs).examples]


def test_a_json_list_gives_several_labels_in_a_field_and_in_a_cell(write):
    lists = ['["x", "y"]', "[]", '[" z ", "x", "x"]', "[1, true, 2.50]"]
    expected = [("x", "y"), (), ("z", "x"), ("1", "true", "2.50")]
    jsonl = write("a.jsonl", "".join(f'{{"text": "t", "labels": {value}}}\n' for value in lists))
    cells = [value.replace('"', '""') for value in lists]
    table = write("a.csv", "text,labels\n" + "".join(f't,"{cell}"\n' for cell in cells))
    for name in (jsonl, table):
        assert labels_of(name) == expected
        dataset = read_dataset(name)
        assert dataset.multilabel
        first = dataset.examples[0].row
        assert dataset.notes[-2:] == [
            f"{name}: 1 text with no label at all (kept: none applies)",
            f"{name}: {SEVERAL.format(first)}",
        ]


def test_lists_of_one_label_each_are_still_lists(write):
    dataset = read_dataset(
        write("a.jsonl", '{"text": "t", "labels": ["x"]}\n{"text": "u", "labels": ["y"]}\n')
    )
    assert dataset.multilabel
    assert [example.labels for example in dataset.examples] == [("x",), ("y",)]


def test_one_list_after_many_single_labels_makes_the_data_multilabel(write):
    dataset = read_dataset(write("a.csv", "text,label\n" + "t,x\n" * 300 + 't,"[""y""]"\n'))
    assert dataset.multilabel
    assert dataset.notes[-1] == f"a.csv: {SEVERAL.format(302)}"


def test_square_brackets_alone_are_not_a_list(write):
    name = write("a.csv", "text,label\nt,[unknown]\nt,[x\n")
    assert labels_of(name) == [("[unknown]",), ("[x",)]
    assert not read_dataset(name).multilabel


def test_a_separator_splits_cells_and_an_empty_cell_has_no_label(write):
    name = write("a.csv", 'text,label\nt,x; y;x;\nt,\nt,z\nt,"[""a;b""]"\n')
    options = ReadOptions(label_separator=";")
    assert labels_of(name, options) == [("x", "y"), (), ("z",), ("a;b",)]
    assert read_dataset(name, options).multilabel
    assert labels_of(name, ReadOptions(label_separator=";", skip_empty=True)) == [
        ("x", "y"),
        ("z",),
        ("a;b",),
    ]


def test_white_space_around_a_label_is_stripped(write):
    assert labels_of(write("a.csv", "text,label\nt, x y \nt,\tz\n")) == [("x y",), ("z",)]


def test_an_empty_label_is_refused_or_dropped_and_counted(write, problem):
    name = write("a.csv", "text,sentiment\none,x\ntwo, \n,y\nfour,\n")
    assert (
        problem(name) == 'a.csv, line 3: the label column "sentiment" is empty; --skip-empty drops such rows'
    )
    dataset = read_dataset(name, ReadOptions(skip_empty=True, text_column="text", label_column="sentiment"))
    assert dataset.examples == [Example("one", ("x",), "a.csv", 2)]
    assert dataset.notes == ["a.csv: 2 rows dropped: label empty", "a.csv: 1 row dropped: text empty"]


def test_an_empty_label_inside_a_list_is_empty_too(write, problem):
    name = write("a.jsonl", '{"text": "t", "labels": ["x"]}\n{"text": "t", "labels": ["x", " "]}\n')
    assert (
        problem(name) == 'a.jsonl, line 2: the label column "labels" is empty; --skip-empty drops such rows'
    )
    assert labels_of(name, ReadOptions(skip_empty=True)) == [("x",)]


def test_dropping_all_rows_is_refused(write, problem):
    name = write("a.csv", "text,label\none,\n,x\n")
    assert problem(name, ReadOptions(skip_empty=True)) == (
        "a.csv: none of its 2 rows has both a text and a label"
    )


@pytest.mark.parametrize(
    ("value", "what"),
    [('[["x"]]', "a list"), ('[{"a": 1}]', "an object")],
)
def test_a_list_with_anything_but_labels_is_refused(write, problem, value, what):
    message = f'a.jsonl, line 1: the list in the label column "labels" holds {what}; a label is text'
    assert problem(write("a.jsonl", f'{{"text": "t", "labels": {value}}}\n')) == message


def test_a_list_as_python_writes_it_is_refused(write, problem):
    assert problem(write("a.csv", "text,label\nt,\"['x', 'y']\"\n")) == (
        "a.csv, line 2: the label column \"label\" holds a list of Python, \"['x', 'y']\"; JSON has double quotes: "
        '["a", "b"]'
    )


def test_a_list_of_one_label_is_one_label(write, problem):
    name = write("a.jsonl", '{"text": "t", "labels": ["x"]}\n{"text": "t", "labels": "y"}\n')
    dataset = read_dataset(name, multilabel=False)
    assert not dataset.multilabel
    assert [example.labels for example in dataset.examples] == [("x",), ("y",)]
    assert problem(write("b.jsonl", '{"text": "t", "labels": ["x", "y"]}\n'), multilabel=False) == (
        "b.jsonl, line 1: the text has 2 labels (x, y), but here each text has one; give it one"
    )
    assert problem(write("c.jsonl", '{"text": "t", "labels": []}\n'), multilabel=False) == (
        "c.jsonl, line 1: the text has no label, but here each text has one; give it one"
    )


def test_single_labels_are_accepted_in_multilabel_data(write):
    assert read_dataset(write("a.csv", "text,label\nt,x\n"), multilabel=True).multilabel


def test_an_empty_separator_is_refused(problem):
    assert problem("any.csv", ReadOptions(label_separator="")) == (
        "the separator of labels is empty; name one, such as --label-separator ';'"
    )


def test_the_set_of_labels_is_sorted(make_examples):
    assert label_set(make_examples(["b", "a", ("c", "a"), ()])) == ("a", "b", "c")
