import pytest

from grutext.data import Example, ReadOptions, read_dataset


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_lines_name_their_labels_and_blank_lines_are_skipped(write, suffix):
    name = write(f"a.txt{suffix}", "__label__good  fine  film \r\n\n__label__bad no\n")
    dataset = read_dataset(name)
    assert dataset.examples == [Example("fine  film", ("good",), name, 1), Example("no", ("bad",), name, 3)]
    assert (dataset.multilabel, dataset.text_column, dataset.label_column, dataset.notes) == (
        False,
        None,
        None,
        [],
    )


def test_one_line_with_two_labels_makes_the_data_multilabel(write):
    dataset = read_dataset(write("a.txt", "__label__a one\n__label__a __label__b-c two\n"))
    assert dataset.multilabel
    assert [example.labels for example in dataset.examples] == [("a",), ("a", "b-c")]
    assert dataset.notes == ["a.txt: a text may have several labels (line 2 has a list of them)"]


def test_a_label_inside_a_line_is_not_part_of_the_text(write):
    example = read_dataset(write("a.txt", "__label__a one __label__b two x__label__y\n")).examples[0]
    assert (example.text, example.labels) == ("one two x__label__y", ("a", "b"))


@pytest.mark.parametrize("form", ["fasttext", "txt"])
def test_the_format_option_serves_other_names(write, form):
    assert len(read_dataset(write("a.data", "__label__a one\n"), ReadOptions(format=form)).examples) == 1


def test_a_line_without_label_is_refused_or_dropped(write, problem):
    name = write("a.txt", "__label__a one\n\ntwo\n__label__ three\n__label__ __label__b four\n")
    assert problem(name) == (
        'a.txt, line 3: no label; a line starts with "__label__NAME "; --skip-empty drops lines without a label'
    )
    dataset = read_dataset(name, ReadOptions(skip_empty=True))
    assert [example.text for example in dataset.examples] == ["one"]
    assert dataset.notes == ["a.txt: 3 rows dropped: label empty"]


def test_plain_text_has_no_labels(write, problem):
    assert problem(write("a.txt", "one\ntwo\n")) == (
        'a.txt: none of its first 2 lines starts with "__label__NAME ", so the texts have no labels; a CSV file with '
        "a label column is another way to name them"
    )
    assert problem(write("empty.txt", "")) == "empty.txt: is empty; each line is one text"
