import pytest

from grutext.data import Dataset, check_trainable
from grutext.errors import DataError


def check(examples, multilabel=False):
    return check_trainable(Dataset(examples, multilabel, source="made.csv"))


@pytest.mark.parametrize(
    ("labels", "multilabel", "message"),
    [
        ([], False, "made.csv: there are no labelled texts in it"),
        (
            ["x"] * 1200,
            False,
            'made.csv: all 1,200 texts have the label "x"; training needs at least two classes',
        ),
        (
            ["x", "y", "z"],
            False,
            "made.csv: each of the 3 labels has a single text; training needs several texts of a label",
        ),
        ([(), ()], True, "made.csv: no text has any label; training needs some"),
        (
            [("x", "y"), ("y", "x")],
            True,
            "made.csv: every text has all the labels there are (x, y); there is nothing to learn",
        ),
    ],
)
def test_data_that_no_model_can_learn_from_is_refused(make_examples, labels, multilabel, message):
    with pytest.raises(DataError) as caught:
        check(make_examples(labels), multilabel)
    assert str(caught.value) == message


def test_two_examples_of_two_classes_are_enough(make_examples):
    assert check(make_examples(["x", "y", "y", "x"])) == []


@pytest.mark.parametrize(
    ("labels", "multilabel", "note"),
    [
        (
            ["x", "y", "x"],
            False,
            "1 label with a single text, kept for training (--min-class-size 2 drops it): y",
        ),
        (
            ["z", "x", "y", "x"],
            False,
            "2 labels with a single text, kept for training (--min-class-size 2 drops them): y, z",
        ),
        (
            [("x",), ()],
            True,
            "1 label with a single text, kept for training (--min-class-size 2 drops it): x",
        ),
        (
            [("x", "y"), ("y", "z"), (), ("y",)],
            True,
            "2 labels with a single text, kept for training (--min-class-size 2 drops them): x, z",
        ),
    ],
)
def test_labels_of_a_single_text_are_noted(make_examples, labels, multilabel, note):
    assert check(make_examples(labels), multilabel) == [f"made.csv: {note}"]
