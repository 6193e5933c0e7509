import contextlib
import csv
import io
import json
import time
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grutext.data import DiskOptions, Example, ReadOptions, label_set, read_dataset
from grutext.data.label_cells import LabelReader
from grutext.data.labels import MISSING, clean_label, describe_counts, label_key
from grutext.data.records import Record
from grutext.errors import DataError

SEVERAL = "a text may have several labels (line {} has a list of them)"


def table(rows, columns=("text", "labels")) -> str:
    """Return rows as CSV."""
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows([columns, *rows])
    return lines.getvalue()


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


PYTHON = [
    ("['x', 'y']", ("x", "y")),
    ("('x', 'y')", ("x", "y")),
    ("('x',)", ("x",)),
    ("{'y', 'x'}", ("y", "x")),  # in the order of the file, in every run
    ("{'ab', 'a', 'b'}", ("ab", "a", "b")),
    ("frozenset({'x'})", ("x",)),
    ("set()", ()),
    ("()", ()),
    ("[]", ()),
    ("""["can't", 'x, y', 'say "no"']""", ("can't", "x, y", 'say "no"')),
    (r"['tab\there', 'C:\\dir']", ("tab\there", "C:\\dir")),
    ("('x', 'x', )", ("x",)),
    ("[ 'x' , 7, True ]", ("x", "7", "true")),
    ("(3, 12)", ("3", "12")),
    ("['été']", ("été",)),
]


@pytest.mark.parametrize(("cell", "labels"), PYTHON, ids=[cell for cell, _ in PYTHON])
def test_lists_tuples_and_sets_as_python_writes_them_are_read(write, cell, labels):
    rows = [("t", cell), ("u", "['z']")]
    dataset = read_dataset(write("a.csv", table(rows)))
    assert [example.labels for example in dataset.examples] == [labels, ("z",)]
    assert dataset.multilabel


@pytest.mark.parametrize(
    "cell",
    [
        "[unknown]",
        "(misc)",
        "{x}",
        "[a, b]",
        "(a)",
        "('a')",
        "[Sales]",
        "(1)",
        "a (b)",
        "[New York]",
        "()x()",
        "(a,)",
        "[S]",
    ],
)
def test_brackets_without_quotes_are_a_part_of_the_label(write, cell):
    dataset = read_dataset(write("a.csv", table([("t", cell), ("u", "x")])))
    assert dataset.examples[0].labels == (cell,)
    assert not dataset.multilabel


NUMPY = [
    "[0 1]", "[1 0 0]", "[0. 1.]", "['x' 'y']", "['x' 'y' 'z']", "[0 1 ... 0 1]", "[[0 1] [1 0]]", "[True False]",
    "array(['x', 'y'], dtype=object)", "[np.str_('x'), np.str_('y')]", "tensor([0, 1])", "Index(['x'], dtype='object')",
]  # fmt: skip


@pytest.mark.parametrize("cell", NUMPY)
def test_a_list_as_numpy_writes_it_is_refused_with_the_remedy(write, problem, cell):
    assert problem(write("a.csv", table([("t", cell), ("u", cell)]))) == (
        f'a.csv, line 2: the label column "labels" holds a list as NumPy writes it, "{cell}"; turn arrays into lists '
        'before writing them (.tolist()), so that a cell is ["billing", "urgent"]'
    )


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        ("{'x': 'likely'}", "a dictionary"),
        ("{1: 'x'}", "a dictionary"),
        ("{'x': {}}", "a dictionary"),
        ("[['x'], ['y']]", "a list that cannot be read"),
        ("['x', y]", "a list that cannot be read"),
        ("['x]", "a list that cannot be read"),
        ("['x', nan]", "a list that cannot be read"),
    ],
)
def test_other_structures_in_a_cell_are_refused(write, problem, cell, what):
    message = problem(write("a.csv", table([("t", cell), ("u", "x")])))
    assert message.startswith(f'a.csv, line 2: the label column "labels" holds {what}, ')


HOSTILE = {
    "brackets": "[" * 50_000 + "]" * 50_000,
    "items": "[" + "'a'," * 24_000 + "]",
    "a tuple without end": "('a'," * 20_000 + ")",
    "a number": "(" + "1" * 9000 + ",)",
    "escaped quotes": "['" + r"\'" * 49_000 + "]",
    "backslashes": "['" + "\\" * 99_000 + "]",
    "blanks": "[1" + " " * 99_000 + "x]",
    "blanks and commas": "['a'" + " ,  " * 24_000 + "]",
    "brackets and blanks": "[" + "[ " * 49_000 + "]",
    "numbers": "[" + "1 " * 49_000 + "x]",
    "too long": "['" + "a" * 100_000 + "']",
}


@pytest.mark.parametrize("cell", HOSTILE.values(), ids=HOSTILE)
def test_cells_made_to_break_a_parser_are_read_in_time(write, cell):
    """Each takes milliseconds; a search that starts again at each of its characters would take minutes."""
    name = write("a.csv", table([("t", cell), ("u", "x")]))
    began = time.process_time()
    with contextlib.suppress(DataError):
        read_dataset(name, ReadOptions(text_column="text", label_column="labels"))
    assert time.process_time() - began < 5


@given(
    st.lists(st.text(max_size=12), min_size=1, max_size=4),
    st.sampled_from([list, tuple, set, frozenset, "json"]),
)
def test_any_labels_that_python_or_json_write_are_read_back(labels, kind):
    cell = json.dumps(labels) if kind == "json" else repr(kind(labels))
    if kind == "json" or all(label.isprintable() for label in labels):
        cleaned = {clean_label(label) for label in labels}
        found = LabelReader(("c",), None, ()).read(Record(1, {"c": cell}, "a.csv"))
        assert found.several
        assert set(found.labels or ()) == (set() if "" in cleaned else cleaned)


ONE_HOT = [
    ["[0, 1]", "[1, 0]", "[0, 1]"],
    ["[0, 0, 1]", "[1, 0, 0]"],
    ["[0.0, 1.0]", "[1.0, 0.0]"],
    ["[True, False]", "[False, True]"],
    ["(0, 1)", "(1, 0)"],
    ["['0', '1']", "['1', '0']"],
    ["[0.25, 0.75]", "[0.5, 0.5]"],
    ["0 1 0", "1 0 0", "0 0 1"],
    ["0;1", "1;0"],
]


@pytest.mark.parametrize("cells", ONE_HOT, ids=[cells[0] for cells in ONE_HOT])
def test_one_hot_lists_are_refused_with_the_remedy(write, problem, cells):
    message = problem(write("a.csv", table([(f"t{n}", cell) for n, cell in enumerate(cells)])))
    assert "holds a one-hot list" in message
    assert 'write the names, such as ["billing", "urgent"]' in message
    assert "--label-column billing --label-column urgent" in message


def test_one_hot_lists_in_json_and_behind_a_separator_are_refused(write, problem):
    assert "a.jsonl, line 2: " in problem(
        write("a.jsonl", '{"text": "t", "labels": [0, 1]}\n{"text": "u", "labels": [0, 0]}\n')
    )
    name = write("a.csv", table([("t", "0,1"), ("u", "0,0")]))
    assert "one-hot" in problem(name, ReadOptions(label_separator=","))


def test_lists_of_class_numbers_are_labels(write):
    name = write("a.csv", table([("t", "[0, 1]"), ("u", "[2]"), ("v", "[0, 17]")]))
    assert labels_of(name) == [("0", "1"), ("2",), ("0", "17")]
    # Two labels a text, as it happens; a model that knows these labels says what they are.
    name = write("b.csv", table([("t", "[0, 1]")]))
    assert labels_of(name, multilabel=True, labels=("0", "1", "2")) == [("0", "1")]


FLAGS = [("late it is", "1", "0", "0"), ("both of them", "1", "1", "0"), ("none of them", "0", "0", "0")]


@pytest.mark.parametrize(
    "yes_no", [("1", "0"), ("1.0", "0.0"), ("True", "False"), ("yes", "no"), ("TRUE", "FALSE")]
)
def test_a_column_of_zeros_and_ones_for_each_label(write, yes_no):
    rows = [(text, *(yes_no[cell == "0"] for cell in cells)) for text, *cells in FLAGS]
    name = write("a.csv", table(rows, ("text", "late", "money", "rare")))
    dataset = read_dataset(name, ReadOptions(label_column=("late", "money", "rare")))
    assert [example.labels for example in dataset.examples] == [("late",), ("late", "money"), ()]
    assert dataset.multilabel
    assert dataset.label_column == ("late", "money", "rare")
    again = read_dataset(name)
    assert again.examples == dataset.examples
    assert again.notes[0] == (
        'a.csv: texts are in column "text", labels in 3 columns of 0 and 1, one for each: late, money, rare (guessed; '
        "--text-column and --label-column choose others)"
    )
    assert again.notes[2] == '  line 3: "both of them" → late, money'


def test_two_columns_of_zeros_and_ones_or_others_beside_them_are_asked_for(write, problem):
    rows = [
        (f"some words {n}", str(n % 2), str(n // 2 % 2), "abc"[n % 3], str(n // 4 % 2)) for n in range(24)
    ]
    two = problem(write("a.csv", table([row[:3] for row in rows], ("text", "u", "v"))))
    assert two.startswith(
        'a.csv: it is not clear which column holds the labels: "u" (0, 1), "v" (0, 1); name it: --label-'
    )
    assert two.endswith("if each of several columns of 0 and 1 is a label, name all of these")
    mixed = problem(write("b.csv", table(rows, ("text", "u", "v", "w", "x"))))
    assert '"w" (a, b, c)' in mixed


@pytest.mark.parametrize(("cell", "shown"), [("2", '"2"'), ("-1", '"-1"'), ("maybe", '"maybe"')])
def test_a_cell_that_is_neither_zero_nor_one_is_refused(write, problem, cell, shown):
    name = write("a.csv", table([("t", "1", "0"), ("u", "0", cell)], ("text", "late", "money")))
    assert problem(name, ReadOptions(label_column=("late", "money"))) == (
        f'a.csv, line 3: the label column "money" holds {shown}; where there is a column for each label, it holds 0 or 1, '
        "or a probability"
    )


def test_an_empty_cell_among_zeros_and_ones_is_an_empty_label(write, problem):
    name = write("a.csv", table([("t", "1", "0"), ("u", "0", "")], ("text", "late", "money")))
    options = ReadOptions(label_column=("late", "money"))
    assert (
        problem(name, options)
        == 'a.csv, line 3: the label column "money" is empty; --skip-empty drops such rows'
    )
    skipped = read_dataset(name, replace(options, skip_empty=True))
    assert [example.text for example in skipped.examples] == ["t"]


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


@pytest.mark.parametrize(
    ("label", "clean"),
    [
        ("cafe\u0301", "caf\u00e9"),
        ("bill\u200bing\ufeff", "billing"),
        ("\u200b billing\u00a0\u200d", "billing"),
        ("\u202abilling\u202c", "billing"),
        ("co\u00adoperate", "cooperate"),
        (
            "\U0001f469\u200d\U0001f4bb",
            "\U0001f469\u200d\U0001f4bb",
        ),  # a joiner inside an emoji belongs to it
        (" \u200b ", ""),
        ("n\u200b\u0301", "\u0144"),
        ("x\u00b2", "x\u00b2"),
    ],
)
def test_labels_are_cleaned_of_what_nobody_sees(label, clean):
    assert clean_label(label) == clean
    assert clean_label(clean) == clean


@pytest.mark.parametrize(
    "spellings",
    [
        ("1", "1.0", "1.", "+1", "1.00"),
        ("-1", "-1.0"),
        ("0", "0.0", "-0"),
        ("True", "true", "TRUE"),
        ("New York", "New\u00a0York", "New  York"),
    ],
)
def test_spellings_of_the_same_value_are_the_same_label(spellings):
    assert len({label_key(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("007", "7"),
        ("1.1", "1.10"),
        ("1", "-1"),
        ("10", "1e1"),
        ("billing", "Billing"),
        ("yes", "true"),
        ("1", "true"),
        ("1.5", "1"),
        ("x2", "x\u00b2"),
    ],
)
def test_other_labels_stay_apart(one, other):
    assert label_key(one) != label_key(other)


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["1", "1.0", "2.0", "2.0", "2"], ["1", "1", "2", "2", "2"]),
        (["True", "true", "false", "FALSE"], ["true", "true", "false", "false"]),
        (["007", "7", "7.0"], ["007", "7", "7"]),
        (["1.0", "2.0"], ["1.0", "2.0"]),  # nothing to merge: as in the file
        (["a\u00a0b", "a b", "a b", "c"], ["a b", "a b", "a b", "c"]),
    ],
)
def test_spellings_that_both_occur_are_merged_and_told(write, cells, labels):
    dataset = read_dataset(write("a.csv", table([(f"t{n}", cell) for n, cell in enumerate(cells)])))
    assert [example.labels for example in dataset.examples] == [(label,) for label in labels]
    told = [note for note in dataset.notes if "labels that differ in spelling only are one" in note]
    assert len(told) == (cells != labels)


def test_numbers_of_json_and_of_lists_are_merged_too(write):
    rows = [
        {"text": "t", "labels": [1, 2.0]},
        {"text": "u", "labels": ["1.0", "3"]},
        {"text": "v", "labels": [1.0, 1, 2]},
    ]
    name = write("a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert labels_of(name) == [("1", "2"), ("1", "3"), ("1", "2")]


def test_spellings_are_merged_in_files_as_in_memory(write, tmp_path):
    cells = ["1", "1.0", "2", "2.0", "1.0"] * 20
    name = write("a.csv", table([(f"text {n}", cell) for n, cell in enumerate(cells)]))
    dataset = read_dataset(name, on_disk=DiskOptions(10, tmp_path / "texts", 1, 0.1))
    assert dataset.label_counts == {"1": 60, "2": 40}
    found = {
        label
        for n in range(len(dataset.on_disk.paths))
        for e in dataset.on_disk.read(n)
        for label in e.labels
    }
    assert found == {"1", "2"}


def test_columns_of_zeros_are_told(write):
    rows = "".join(f"text {n},{n % 2},{n % 3 % 2},0,no\n" for n in range(9))
    dataset = read_dataset(write("a.csv", f"text,late,money,rude,wet\n{rows}"))
    assert label_set(dataset.examples) == ("late", "money")
    assert dataset.notes[-1] == "a.csv: labels without a text: rude, wet"


def test_labels_that_differ_in_case_stay_apart_and_are_told(write):
    dataset = read_dataset(write("a.csv", table([("t", "Late"), ("u", "late"), ("v", "late"), ("w", "x")])))
    assert label_set(dataset.examples) == ("Late", "late", "x")
    assert dataset.notes[-1] == (
        'a.csv: labels that differ in upper and lower case only stay apart: "Late" (1) and "late" (2)'
    )


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["\u0430ccount", "account"], '"account" (1) and "\\u0430ccount" (1)'),
        (["can’t", "can't"], '"can\'t" (1) and "can\\u2019t" (1)'),
        (["late delivery", "Late_delivery"], '"Late_delivery" (1) and "late delivery" (1)'),
        (["\u22121", "-1", "1"], '"-1" (1) and "\\u22121" (1)'),
        (["\uff11", "1"], '"1" (1) and "\\uff11" (1)'),
        (["a-b", "ab", "-1", "1", "x.", "x"], None),
    ],
)
def test_labels_that_look_alike_stay_apart_and_are_told(write, labels, told):
    dataset = read_dataset(write("a.csv", table([(f"t{n}", label) for n, label in enumerate(labels)])))
    assert [e.labels for e in dataset.examples] == [(label,) for label in labels]
    alike = [note for note in dataset.notes if "look alike" in note]
    assert alike == ([] if told is None else [f"a.csv: labels that look alike stay apart: {told}"])


def test_variants_of_an_emoji_are_one_label(write):
    name = write("a.csv", table([("t", "\u2764\ufe0f"), ("u", "\u2764"), ("v", "\u2764"), ("w", "x")]))
    assert labels_of(name) == [("\u2764",)] * 3 + [("x",)]


@pytest.mark.parametrize("cell", ["['a'", "['a', 'b", '["a",', "('a',", "{'a', "])
def test_a_list_that_is_cut_off_is_refused(write, problem, cell):
    name = write("a.csv", table([("t", cell), ("u", "['b']")]))
    assert "a list that is cut off" in problem(name)
    for label in ("['tis the season", "(misc", "[x", "{"):
        assert labels_of(write("b.csv", table([("t", label), ("u", "y")])))[0] == (label,)


@pytest.mark.parametrize("cell", [r"{'\x': 0.5, 'b': 0.5}", "{'a': 01, 'b': 0}"])
def test_probabilities_that_python_cannot_read_are_refused(write, problem, cell):
    assert "holds a dictionary" in problem(write("a.csv", table([("t", cell), ("u", "b")])))


@pytest.mark.parametrize("cell", ["[nan]", "[nan, 'a']", "['a', nan]"])
def test_a_list_with_nan_is_refused(write, problem, cell):
    name = write("a.csv", table([("t", cell), ("u", "['b']"), ("v", "['nan']")]))
    assert "a list that cannot be read" in problem(name)


def test_labels_with_invisible_characters_are_cleaned_and_told(write):
    dataset = read_dataset(write("a.csv", table([("t", "late\u200b"), ("u", " late "), ("v", "cafe\u0301")])))
    assert labels_of("a.csv") == [("late",), ("late",), ("caf\u00e9",)]
    assert dataset.notes[-1] == (
        "a.csv: labels freed from invisible characters and other Unicode forms than NFC: "
        '"late\\u200b" (1), "cafe\\u0301" (1)'
    )


@pytest.mark.parametrize("spelling", sorted(MISSING))
def test_a_spelled_out_missing_label_is_an_empty_one(write, problem, spelling):
    name = write("a.csv", table([("t", spelling), ("u", "x"), ("v", "y"), ("w", spelling)]))
    assert problem(name) == (
        f'a.csv, line 2: the label "{spelling}" stands for a missing one; --skip-empty drops such rows, --keep-missing '
        "takes it for a label"
    )
    skipped = read_dataset(name, ReadOptions(skip_empty=True))
    assert [example.labels for example in skipped.examples] == [("x",), ("y",)]
    assert skipped.notes[-2:] == [
        "a.csv: 2 rows dropped: label empty",
        f'a.csv: taken for missing labels: "{spelling}" (2) (--keep-missing takes them for labels)',
    ]
    assert labels_of(name, ReadOptions(keep_missing=True)) == [(spelling,), ("x",), ("y",), (spelling,)]


@pytest.mark.parametrize("label", ["none", "NA", "unknown", "Null Island", "nano"])
def test_words_that_may_be_labels_are(write, label):
    assert labels_of(write("a.csv", table([("t", label), ("u", "x")]))) == [(label,), ("x",)]


def test_missing_values_are_labels_where_they_are_known_or_were_written_on_purpose(write):
    name = write("a.csv", table([("t", "None"), ("u", "x")]))
    assert labels_of(name, labels=("None", "x")) == [("None",), ("x",)]
    assert labels_of(write("a.txt", "__label__None t\n__label__x u\n")) == [("None",), ("x",)]
    only = write("b.csv", table([("t", "None"), ("u", "null"), ("v", "None")]))
    assert labels_of(only) == [("None",), ("null",), ("None",)]


def test_a_spelled_out_missing_value_means_no_label_where_a_separator_is_named(write):
    name = write("a.csv", table([("t", "x|y"), ("u", "nan"), ("v", "y")]))
    assert labels_of(name, ReadOptions(label_separator="|")) == [("x", "y"), (), ("y",)]


def test_labels_of_other_data_become_those_that_the_model_knows(write, problem):
    name = write("a.csv", table([("t", "1.0"), ("u", "2.0"), ("v", "9")]))
    dataset = read_dataset(name, labels=("1", "2", "3"))
    assert [example.labels for example in dataset.examples] == [("1",), ("2",), ("9",)]
    assert dataset.notes[-1] == (
        'a.csv: labels that differ in spelling only are one: "1.0" (1) is "1", "2.0" (1) is "2"'
    )
    assert labels_of(write("b.csv", table([("t", "true")])), labels=("True", "False")) == [("True",)]
    assert labels_of(write("c.csv", table([("t", "cafe\u0301")])), labels=("cafe\u0301 ", "x")) == [
        ("cafe\u0301 ",)
    ]


def test_data_with_no_label_that_the_model_knows_are_an_error_with_the_nearest(write, problem):
    name = write("a.csv", table([("t", "Billing"), ("u", "delivry")]))
    assert problem(name, labels=("billing", "delivery", "login")) == (
        'a.csv: the model knows none of its labels (Billing, delivry), did you mean "billing" for "Billing", "delivery" '
        'for "delivry"? The model\'s labels are: billing, delivery, login'
    )
    none = write("b.jsonl", '{"text": "t", "labels": []}\n')
    assert labels_of(none, multilabel=True, labels=("x", "y")) == [()]


def test_the_counts_of_labels_are_listed_up_to_twenty_and_then_the_ends():
    counts = Counter({"a": 3, "b": 12_000, "c": 3})
    assert describe_counts("a.csv", counts) == "a.csv: 3 labels: b 12,000, a 3, c 3"
    many = Counter({f"l{n:02}": n + 1 for n in range(21)})
    assert describe_counts("a.csv", many) == (
        "a.csv: 21 labels, the largest: l20 21, l19 20, l18 19, l17 18, l16 17, l15 16, l14 15, l13 14, l12 13, l11 12; "
        "the smallest: l09 10, l08 9, l07 8, l06 7, l05 6, l04 5, l03 4, l02 3, l01 2, l00 1"
    )


@pytest.mark.parametrize(
    "labels",
    [
        ["late|rude", "late", "rude"],
        ["late; rude", "rude; wet", "wet;late"],
        ["a,b", "b,c", "a,c", "d"],
        ["x+y", "x", "y", "y+x"],
    ],
)
def test_labels_that_look_like_several_are_told_with_the_option(write, labels):
    rows = [(f"t{n}", label) for n, label in enumerate(labels)]
    joined = [label for label in labels if not label.isalpha()]
    told = [note for note in read_dataset(write("a.csv", table(rows))).notes if "look like several" in note]
    separator = next(character for character in joined[0] if not character.isalpha())
    if len(joined) < 2:
        assert told == []  # one label alone may be called so
        return
    assert told == [
        f'a.csv: labels such as "{joined[0]}" look like several; --label-separator "{separator}" splits them'
    ]
    assert labels_of("a.csv") == [(label,) for label in labels]


@pytest.mark.parametrize(
    "labels", [["AC/DC", "TCP/IP", "rock"], ["Paris, France", "Lyon, France", "Rome, Italy"], ["a|b", "c|d"]]
)
def test_labels_with_other_marks_are_not_remarked_upon(write, labels):
    rows = [(f"t{n}", label) for n, label in enumerate(labels)]
    assert not any("look like several" in note for note in read_dataset(write("a.csv", table(rows))).notes)
