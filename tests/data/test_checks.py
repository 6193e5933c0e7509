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
            ["x", "y", "x", "z", "z"],
            False,
            'made.csv, line 3: the class "y" has this one example only; add examples of it or remove it',
        ),
        (
            ["x", "z", "x", "y", "b"],
            False,
            (
                'made.csv, line 3: the class "z" has this one example only; add examples of it or remove it '
                "(2 more such classes: b, y)"
            ),
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
    assert check(make_examples([("x",), ()]), multilabel=True) == [
        "made.csv: 1 label with a single example: x",
    ]
    assert check(make_examples([("x", "y"), ("y", "z"), (), ("y",)]), multilabel=True) == [
        "made.csv: 2 labels with a single example: x, z",
    ]
