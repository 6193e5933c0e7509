import functools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grutext.data import Columns, ReadOptions, read_dataset, read_rows
from grutext.data.columns import (
    LABEL_NAMES,
    LIKELY_LABEL_NAMES,
    LIKELY_TEXT_NAMES,
    TEXT_NAMES,
    TITLE_NAMES,
    TOPIC_NAMES,
    _show,
)
from grutext.data.guessing import _is_prose
from grutext.errors import DataError

ROWS = [
    ("the parcel never came", "late"),
    ("a fine day to you all", "praise"),
    ("where is my parcel now", "late"),
]


def build_table(columns, rows=ROWS) -> str:
    return "".join(",".join(row) + "\n" for row in (columns, *rows))


def chosen(name, options=None, **kwargs):
    dataset = read_dataset(name, options or ReadOptions(), **kwargs)
    return dataset.text_column, dataset.label_column


@pytest.mark.parametrize("text", TEXT_NAMES + TITLE_NAMES)
def test_every_common_name_of_a_text_column_is_known(write, text):
    # The content speaks for the other column, so that the name alone can decide.
    assert chosen(
        write("a.csv", build_table((text.upper(), "label"), [("x", "a much longer text " * 9)]))
    ) == (
        text.upper(),
        "label",
    )


@pytest.mark.parametrize("label", LABEL_NAMES + TOPIC_NAMES)
def test_every_common_name_of_a_label_column_is_known(write, label):
    rows = [("t", "same", str(number)) for number in range(9)]
    assert chosen(write("a.csv", build_table(("text", "other", label), rows))) == ("text", label)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (("title", "label", "text"), ("text", "label")),  # the order of the names decides, not of the columns
        (("class", "label", "sentence"), ("sentence", "label")),
        (("id", "review_text", "sentimentLabel"), ("review_text", "sentimentLabel")),
        (("text_id", "label_id", "Comment Body", "Issue Category"), ("Comment Body", "Issue Category")),
        (("text", "text_label"), ("text", "text_label")),
    ],
)
def test_column_names_are_matched_in_order_and_by_their_last_word(write, columns, expected):
    rows = [tuple(f"{name} {number % 2}" for name in columns) for number in range(4)]
    assert chosen(write("a.csv", build_table(columns, rows))) == expected


@pytest.mark.parametrize(("sentences", "is_text"), [(4, False), (5, True)])
def test_a_text_column_has_several_words_in_half_of_its_cells(write, sentences, is_text):
    cells = ["some words"] * sentences + ["word"] * (10 - sentences)
    name = write("a.csv", build_table(("k", "z"), [(cell, "ab"[n % 2]) for n, cell in enumerate(cells)]))
    if is_text:
        assert chosen(name) == ("k", "z")
        return
    with pytest.raises(DataError, match="it is not clear which column holds the texts"):
        read_dataset(name)


def test_values_decide_if_no_name_fits(write):
    rows = [
        (f"id-{number}", "web", f"a {number}", f"some words about {number}", "ab"[number % 2])
        for number in range(20)
    ]
    name = write("a.csv", build_table(("k", "via", "short", "w", "z"), rows))
    assert chosen(name) == ("w", "z")
    assert read_dataset(name).notes == [
        'a.csv: texts are in column "w", labels in "z" (guessed; --text-column and --label-column choose others)',
        '  line 2: "some words about 0" → a',
        '  line 3: "some words about 1" → b',
        '  line 4: "some words about 2" → a',
    ]


def test_several_columns_that_could_hold_the_labels_are_an_error_that_lists_them(write, problem):
    rows = [(f"some words about {n}", "pqrs"[n % 4], "ab"[n % 2], "2024") for n in range(20)]
    assert problem(write("a.csv", build_table(("w", "u", "z", "year"), rows))) == (
        'a.csv: it is not clear which column holds the labels: "u" (p, q, r), "z" (a, b); name it: --label-column'
    )


def test_several_columns_with_texts_of_like_length_are_an_error_that_lists_them(write, problem):
    rows = [(f"some words about {n}", f"other words on {n}", "ab"[n % 2]) for n in range(9)]
    assert problem(write("a.csv", build_table(("one", "two", "z"), rows))) == (
        'a.csv: it is not clear which column holds the texts: "one" (some words about 0, some words about 1, some words '
        'about 2), "two" (other words on 0, other words on 1, other words on 2); name it: --text-column; repeat it to '
        "join several"
    )


def test_the_whole_first_block_decides_and_not_the_first_rows(write, problem):
    """A file that is sorted by label has one label in its first rows."""
    rows = [(f"some words about {n}", "abc"[n // 400], "xy"[n % 2]) for n in range(1200)]
    assert '"z" (a, b, c)' in problem(write("a.csv", build_table(("w", "z", "u"), rows)))


def test_a_column_with_mostly_empty_cells_holds_no_labels(write):
    rows = [(f"some words about {n}", "ab"[n % 2], "xy"[n // 5 % 2] if n % 5 == 0 else "") for n in range(40)]
    assert chosen(write("a.csv", build_table(("w", "z", "u"), rows))) == ("w", "z")


def test_a_column_of_many_numbers_holds_no_labels(write):
    rows = [(f"some words about {n}", "ab"[n % 2], str(n % 30)) for n in range(90)]
    assert chosen(write("a.csv", build_table(("w", "z", "upvotes"), rows))) == ("w", "z")
    assert chosen(write("b.csv", build_table(("w", "z", "score"), rows))) == ("w", "z")


@pytest.mark.parametrize("label", LIKELY_LABEL_NAMES)
def test_a_likely_name_decides_where_the_content_agrees(write, problem, label):
    rows = [(f"some words about {n}", "ab"[n % 2], "pqr"[n % 3]) for n in range(30)]
    assert chosen(write("a.csv", build_table(("text", "other", label.upper()), rows))) == (
        "text",
        label.upper(),
    )
    twice = [(*row, "uv"[n % 2]) for n, row in enumerate(rows)]
    names = ("text", "other", label, f"my_{'kind' if label != 'kind' else 'type'}")
    assert "it is not clear which column holds the labels" in problem(
        write("b.csv", build_table(names, twice))
    )


@pytest.mark.parametrize("text", LIKELY_TEXT_NAMES)
def test_a_likely_name_of_a_text_column_decides_where_it_has_texts(write, text):
    rows = [(f"some words about {n}", f"other words on {n}", "pqr"[n % 3]) for n in range(30)]
    assert chosen(write("a.csv", build_table(("u", text, "label"), rows))) == (text, "label")


def test_two_columns_with_the_same_ending_are_an_error(write, problem):
    rows = [(f"some words about {n}", str(n % 3), str(n % 2)) for n in range(30)]
    name = write("a.csv", build_table(("text", "user_rating", "shop_rating"), rows))
    assert problem(name) == (
        'a.csv: it is not clear which column holds the labels: "user_rating" (0, 1, 2), "shop_rating" (0, 1); '
        "name it: --label-column"
    )


def test_two_names_of_what_could_be_told_apart_are_an_error(write, problem):
    rows = [(f"some words about {n}", "ab"[n % 2], "pqr"[n % 3], str(n)) for n in range(30)]
    assert problem(write("a.csv", build_table(("text", "Category", "intent", "rating"), rows))) == (
        'a.csv: it is not clear which column holds the labels: "Category" (a, b), "intent" (p, q, r); name it: '
        "--label-column"
    )
    assert chosen(write("b.csv", build_table(("text", "category", "class", "rating"), rows))) == (
        "text",
        "class",
    )
    assert chosen(write("c.csv", build_table(("text", "category", "u", "rating"), rows))) == (
        "text",
        "category",
    )


def test_a_title_is_the_text_only_if_no_other_name_fits(write):
    rows = [(f"help please {n}", f"a story about {n}", "ab"[n % 2]) for n in range(20)]
    assert chosen(write("a.csv", build_table(("title", "review_text", "label"), rows))) == (
        "review_text",
        "label",
    )


def test_longer_columns_of_text_are_told(write):
    rows = [(f"help please {n}", f"a long story about {n} that never ends", "ab"[n % 2]) for n in range(20)]
    name = write("a.csv", build_table(("title", "the plot", "label"), rows))
    dataset = read_dataset(name)
    assert dataset.text_column == "title"
    assert dataset.notes[-1] == (
        "a.csv: there are texts in the plot too, longer ones in the plot; --text-column title --text-column 'the plot' "
        "joins them"
    )
    assert read_dataset(name, ReadOptions(text_column="title")).notes[-1].startswith("  line 4")


def test_texts_of_several_columns_are_joined_with_a_line_break(write):
    rows = [("one", "two words", "a"), ("", "alone", "b"), ("first", " ", "a"), ("", "", "b")]
    name = write("a.csv", build_table(("title", "body", "label"), rows))
    options = ReadOptions(text_column=("title", "body"))
    dataset = read_dataset(name, options)
    assert [example.text for example in dataset.examples] == ["one\ntwo words", "alone", "first", ""]
    assert dataset.text_column == ("title", "body")
    backwards = read_dataset(name, ReadOptions(text_column=("body", "title")))
    assert backwards.examples[0].text == "two words\none"
    with read_rows(name, options) as reader:
        assert [row.text for row in reader] == ["one\ntwo words", "alone", "first", ""]
        assert reader.text_column == ("title", "body")
    with read_rows(name, known=Columns(("title", "body"), None)) as reader:
        assert next(iter(reader)).text == "one\ntwo words"
        assert reader.notes == []


def test_one_missing_column_of_several_is_an_error(write, problem):
    name = write("a.csv", build_table(("title", "label"), [("some words", "a"), ("more words", "b")]))
    assert problem(name, known=Columns(("title", "body"), "label")) == (
        'a.csv: there is no column "body" as in training; name the ones to read: --text-column. '
        "The columns are: title, label"
    )
    assert problem(name, ReadOptions(text_column=("title", "title"))) == (
        'a.csv: the column "title" is named twice'
    )
    assert problem(name, ReadOptions(text_column=("title", "label"), label_column="label")) == (
        'a.csv: the column "label" is named twice'
    )
    # A file with a single column of texts is read, if its name says so.
    assert read_dataset(name, known=Columns(("subject", "body"), "label")).text_column == "title"


def test_values_decide_for_scripts_without_spaces_and_for_lists(write):
    rows = [{"k": "中文的句子没有空格", "z": ["a", "b"]}, {"k": "另一个句子在这里", "z": ["a"]}]
    assert chosen(write("a.jsonl", "\n".join(map(json.dumps, rows)))) == ("k", "z")


def test_the_guess_is_shown_with_three_short_rows(write):
    texts = ["one\\nline " * 20, "", "third", "fourth"]
    lines = [f'{{"text": "{text}", "tags": ["a", "b"], "n": 1}}' for text in texts]
    assert read_dataset(write("a.jsonl", "\n".join(lines))).notes[:4] == [
        'a.jsonl: texts are in column "text", labels in "tags" (guessed; --text-column and --label-column choose others)',
        '  line 1: "one line one line one line one line one line one line one l…" → a, b',
        '  line 2: "" → a, b',
        '  line 3: "third" → a, b',
    ]


@pytest.mark.parametrize(
    ("named", "note"),
    [
        (
            {"label_column": "z"},
            'texts are in column "w" (guessed; --text-column chooses another), labels in "z"',
        ),
        (
            {"text_column": "w"},
            'texts are in column "w", labels in "z" (guessed; --label-column chooses others)',
        ),
    ],
)
def test_the_note_says_what_was_guessed_of_two_columns(write, named, note):
    name = write("a.csv", build_table(("w", "z"), [(f"some words about {n}", "ab"[n % 2]) for n in range(9)]))
    assert read_dataset(name, ReadOptions(**named)).notes[0] == f"a.csv: {note}"


def test_columns_that_are_named_need_no_note(write):
    name = write("a.csv", build_table(("text", "label")))
    assert chosen(name, ReadOptions(text_column="label", label_column="text")) == ("label", "text")
    assert read_dataset(name, ReadOptions(text_column="text", label_column="label")).notes == []
    assert len(read_dataset(name, ReadOptions(text_column="text")).notes) == 4


def test_columns_of_other_data_come_before_guesses_and_after_options(write):
    name = write(
        "a.csv", build_table(("text", "label", "b", "y"), [(*row, "some words", "z") for row in ROWS])
    )
    known = Columns("b", "y")
    assert chosen(name, known=known) == ("b", "y")
    assert read_dataset(name, known=known).notes == []
    assert chosen(name, ReadOptions(label_column="label"), known=known) == ("b", "label")
    assert chosen(name, known=Columns("gone", "gone")) == ("text", "label")


def test_values_do_not_replace_a_column_that_other_data_named(write, problem):
    name = write("a.csv", build_table(("w", "z")))
    assert chosen(name) == ("w", "z")
    assert problem(name, known=Columns("review", None)) == (
        'a.csv: there is no column "review" as in training; name the one with texts: --text-column. '
        "The columns are: w, z"
    )
    assert problem(name, known=Columns("w", "sentiment")) == (
        'a.csv: there is no column "sentiment" as in training; name the one with labels: --label-column. '
        "The columns are: w, z"
    )


def test_a_column_that_does_not_exist_is_named_with_the_nearest(write, problem):
    name = write("a.csv", build_table(("text", "sentiment")))
    assert problem(name, ReadOptions(label_column="sentimnt")) == (
        'a.csv: there is no column "sentimnt", did you mean "sentiment"? The columns are: text, sentiment'
    )
    assert problem(name, ReadOptions(text_column="zzz")) == (
        'a.csv: there is no column "zzz". The columns are: text, sentiment'
    )


HEADERLESS = [
    [("the film is fine", "pos"), ("no", "neg"), ("oh yes it is", "pos")],
    [("good film", "pos"), ("bad film", "neg"), ("fine film", "pos")],
    [("bad!", "0"), ("bad film", "1"), ("fine film", "2")],
    [("all is well here", "label"), ("bad film", "1"), ("fine film", "2")],
]


@pytest.mark.parametrize("rows", HEADERLESS)
def test_a_first_line_of_data_is_not_taken_for_column_names(write, problem, rows):
    message = problem(write("a.csv", build_table(rows[0], rows[1:])))
    assert message in {
        f"a.csv: it is not clear which column holds the {what}; name it: {option}. The first line must name the columns; "
        f"it names: {rows[0][0]}, {rows[0][1]} (--no-header --columns text,label reads a file without such a line)"
        for what, option in (("texts", "--text-column"), ("labels", "--label-column"))
    }


def test_columns_of_numbers_are_not_texts(write, problem):
    assert problem(write("a.csv", build_table(("a", "b"), [("1", "2"), ("3", "4")]))).startswith(
        "a.csv: it is not clear which column holds the texts; name it: --text-column."
    )


def test_a_single_column_that_another_separator_would_split_is_refused(write, problem):
    message = 'a.csv: the first line names one column only, "text;label"; name what separates the columns: --delimiter'
    assert problem(write("a.csv", "text;label\na\nb\n")) == message
    assert problem("a.csv", read=read_rows) == message
    with read_rows("a.csv", ReadOptions(text_column="text;label")) as reader:
        assert [row.text for row in reader] == ["a", "b"]


def test_a_long_list_of_columns_is_shortened(write, problem):
    name = write("a.csv", build_table([f"c{n}" for n in range(30)], [["1"] * 30]))
    assert problem(name, ReadOptions(text_column="zzz")).endswith("c18, c19 and 10 more")


def test_a_long_cell_without_spaces_is_classified_quickly(write):
    # A search that starts again at each of its characters would take hours.
    rows = [("a" * 1_000_000, "x"), ("b" * 1_000_000, "y"), ("c" * 1_000_000, "x")]
    name = write("a.csv", build_table(("what", "kind"), rows))
    with pytest.raises(DataError, match="it is not clear which column holds the texts"):
        read_dataset(name)


@given(st.text(st.sampled_from("aé1_½天. \n\x1c"), max_size=8))
def test_prose_is_a_word_with_a_letter_beside_another_one(text):
    beside = re.search(r"[^\W\d_]\S*\s+\S|\S\s+\S*[^\W\d_]", text)
    assert _is_prose(text) == (beside is not None or "天" in text)


def test_a_file_name_with_a_line_break_is_shown_on_one_line(write):
    for name in ("two\nlines.csv", "two\u2028lines.csv"):
        with pytest.raises(DataError) as caught:
            read_dataset(write(name, "what,kind\n"))
        escaped = name.encode("unicode_escape").decode()
        assert str(caught.value) == f"{escaped}: has a line of column names, but no rows below it; add some"


def test_a_column_name_with_a_line_break_is_shown_on_one_line(write, problem):
    name = write("a.csv", 'text,"the\nlabel"\na b,x\nc d,\n')
    assert problem(name, ReadOptions(label_column="the\nlabel")) == (
        'a.csv, line 4: the label column "the label" is empty; --skip-empty drops such rows'
    )


def test_a_nested_label_is_shown_without_its_inner_values():
    gru = functools.reduce(lambda inner, _: [inner], range(5000), "x")
    assert _show(["a", None, 2, gru, {}]) == "a, , 2, a list, an object"
