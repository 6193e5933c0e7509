"""What is taken as texts, and what is refused with the position and the remedy."""

import enum
from collections import OrderedDict, UserList, deque
from dataclasses import replace

import numpy as np
import pytest

from grutext import Classifier
from grutext.inference.texts import list_texts

TEXTS = ["the parcel", "", "天气很好"]


class Column:
    """A column of a table, as pandas and polars have them: one dimension, iterable, no sequence."""

    def __init__(self, values):
        self.values = values
        self.shape = (len(values),)

    def __iter__(self):
        return iter(self.values)


class Table:
    """A table, as pandas and polars have them: two dimensions; iterating gives the columns' names."""

    shape = (3, 2)

    def __iter__(self):
        return iter(["text", "label"])


class Word(str, enum.Enum):
    PARCEL = "the parcel"


@pytest.mark.parametrize(
    "make",
    [
        list, tuple, iter, deque, UserList, Column, np.array, lambda texts: (text for text in texts),
        lambda texts: dict(enumerate(texts)).values(), lambda texts: dict.fromkeys(texts).keys(), lambda texts: map(str, texts),
        lambda texts: np.array(texts, object), lambda texts: np.array([texts, texts]).T[:, 0],
        lambda texts: [np.str_(text) for text in texts], lambda texts: [Word.PARCEL, *texts[1:]],
    ],
)  # fmt: skip
def test_any_iterable_of_strings_is_a_list_of_texts(make) -> None:
    found = list_texts(make(TEXTS))
    assert list(found) == TEXTS
    assert {type(text) for text in found} == {str}


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy is older than its strings")
def test_an_array_of_numpys_own_strings_is_a_list_of_texts() -> None:
    assert list_texts(np.array(TEXTS, np.dtypes.StringDType())) == TEXTS


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_column_is_a_list_of_texts_and_a_table_is_not(package) -> None:
    library = pytest.importorskip(package)
    table = library.DataFrame({"text": TEXTS, "label": ["a", "b", "c"]})
    assert list(list_texts(table["text"])) == TEXTS
    for wrong in (table, table[["text"]]):
        with pytest.raises(
            TypeError, match=r'^texts is a table \(DataFrame\); pass one column, such as table\["text'
        ):
            list_texts(wrong)
    with pytest.raises(TypeError, match=r"^texts\[1\] is (None|NaN|nan|<NA>); drop such texts"):
        list_texts(library.Series(["a", None]))


@pytest.mark.parametrize("texts", [TEXTS, tuple(TEXTS), [], ()])
def test_a_list_of_strings_is_not_copied(texts) -> None:
    assert list_texts(texts) is texts


def test_an_iterator_is_read_once() -> None:
    texts = iter(TEXTS)
    assert list_texts(texts) == TEXTS
    assert next(texts, None) is None


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ("the parcel", "texts is a single text; put it into a list: [text]"),
        ("", "texts is a single text; put it into a list: [text]"),
        (np.str_("a"), "texts is a single text; put it into a list: [text]"),
        (np.array("a"), "texts is a single text; put it into a list: [text]"),
        (b"the parcel", "texts is bytes; decode it and put it into a list: [text.decode()]"),
        (None, "texts is None; pass a list of strings"),
        (7, "texts is an int; pass a list of strings"),
        ({"a": "text"}, "texts is a dict; pass its values: list(texts.values())"),
        (OrderedDict(), "texts is an OrderedDict; pass its values: list(texts.values())"),
        ({"a", "b"}, "texts is a set, which has no order; pass a list: sorted(texts)"),
        (frozenset(), "texts is a frozenset, which has no order; pass a list: sorted(texts)"),
        (Table(), 'texts is a table (Table); pass one column, such as table["text"]'),
        (np.array([["a"]]), "texts is a table (ndarray); pass one column, such as texts[:, 0]"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else None,
)  # fmt: skip
def test_anything_but_an_iterable_of_strings_is_refused_with_the_remedy(texts, problem) -> None:
    with pytest.raises(TypeError) as error:
        list_texts(texts)
    assert str(error.value) == problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, 'is None; drop such texts, or pass "" instead'),
        (float("nan"), 'is NaN; drop such texts, or pass "" instead'),
        (np.float32("nan"), 'is NaN; drop such texts, or pass "" instead'),
        (np.float64("nan"), 'is NaN; drop such texts, or pass "" instead'),
        (type("NAType", (), {"__repr__": lambda _: "<NA>"})(), 'is <NA>; drop such texts, or pass "" instead'),
        (b"bytes", "is bytes; decode it: text.decode()"),
        (bytearray(b"a"), "is bytearray; decode it: text.decode()"),
        (["a text"], 'is a list; a text is one string: " ".join(text) makes one'),
        (("a", "b"), 'is a tuple; a text is one string: " ".join(text) makes one'),
        (np.array(["a"]), 'is an ndarray; a text is one string: " ".join(text) makes one'),
        (7, "is an int; a text is a string: str(text) makes one"),
        (1.5, "is a float; a text is a string: str(text) makes one"),
        ({"text": "a"}, "is a dict; a text is a string: str(text) makes one"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else None,
)  # fmt: skip
def test_an_item_that_is_not_a_string_is_named_with_position_and_remedy(text, problem) -> None:
    for texts in (["a", "b", text], ("a", "b", text), iter(["a", "b", text]), Column(["a", "b", text])):
        with pytest.raises(TypeError) as error:
            list_texts(texts)
        assert str(error.value) == f"texts[2] {problem}"


def test_every_method_takes_and_refuses_the_same(build_bundle) -> None:
    bundle = build_bundle()
    model = Classifier(replace(bundle, calibration=replace(bundle.calibration, familiarity=(0.0, 1.0, 1.0))))
    methods = (
        model.predict,
        model.predict_proba,
        model.encode,
        model.familiarity,
        model.raw_scores,
        model.answer,
    )
    for method in methods:
        expected = method(TEXTS)
        for texts in (iter(TEXTS), np.array(TEXTS), Column(TEXTS)):
            found = method(texts)
            if method in (model.predict, model.answer):
                assert found == expected
            else:
                np.testing.assert_equal(found, expected)
        with pytest.raises(TypeError, match=r"^texts\[1\] is None"):
            method(["a", None])
        with pytest.raises(TypeError, match=r"^texts is a table"):
            method(Table())
