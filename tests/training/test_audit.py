"""`grutext.audit` with the linear part alone: swapped labels are found, copies stay together, nothing is left without a class."""

import numpy as np
import pytest

import grutext
from grutext.errors import ConfigError
from grutext.training.audit import _leave_out, average

pytest.importorskip("sklearn")
LINEAR = {"gru.enabled": False, "text.min_count": 1, "linear.char_max": 0}
WORDS = {
    "fruit": ("apple", "pear", "plum", "fig"),
    "tool": ("saw", "drill", "file", "plane"),
    "bird": ("owl", "wren", "kite", "rook"),
}


def make_texts(rng, texts=90):
    """Return texts whose words say their label, and their labels."""
    labels = [sorted(WORDS)[n % 3] for n in range(texts)]
    words = [rng.choice(WORDS[label], 3).tolist() for label in labels]
    return [f"the {' '.join(some)} number {n}" for n, some in enumerate(words)], labels


@pytest.mark.long
def test_swapped_labels_are_listed_with_the_right_ones(rng):
    texts, labels = make_texts(rng)
    given = list(labels)
    for place in (4, 17, 50):
        given[place] = next(label for label in sorted(WORDS) if label != labels[place])
    found = grutext.audit((texts, given), 3, settings=LINEAR)
    assert sorted(error.position for error in found.errors) == [4, 17, 50]
    for error in found.errors:
        assert error.suggested == (labels[error.position],)
        row = found.probabilities[error.position]
        assert error.given_probability == pytest.approx(row[found.labels.index(given[error.position])])
        assert error.suggested_probability == pytest.approx(row.max())
        assert error.given_probability < 0.5 < error.suggested_probability
    assert found.texts == 90
    assert sum(number for _, _, number in found.confusions()) == 3
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1.0)


@pytest.mark.long
def test_a_copy_with_another_label_does_not_vouch_for_itself(rng):
    texts, labels = make_texts(rng)
    place = labels.index("tool")
    found = grutext.audit(
        ([*texts, texts[place], texts[place].upper()], [*labels, "bird", "bird"]), 3, settings=LINEAR
    )
    assert sorted(error.position for error in found.errors) == [90, 91]
    assert {error.suggested for error in found.errors} == {("tool",)}


@pytest.mark.long
def test_a_missing_and_a_wrong_label_of_several_are_listed(rng):
    texts, labels = make_texts(rng, 120)
    others = labels[1:] + labels[:1]
    texts = [f"{text} and {rng.choice(WORDS[other])}" for text, other in zip(texts, others, strict=True)]
    truth = [sorted({label, other}) for label, other in zip(labels, others, strict=True)]
    given = [list(some) for some in truth]
    given[7] = given[7][:1]
    given[40] = sorted(WORDS)
    found = grutext.audit((texts, given), 3, settings=LINEAR)
    assert {7, 40} <= {error.position for error in found.errors[:5]}
    for error in found.errors:
        if error.position in (7, 40):
            assert list(error.suggested) == truth[error.position]


def test_a_label_that_would_lose_more_than_half_of_its_texts_keeps_them():
    given = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1]], bool)
    assert _leave_out(given, np.array([0, 3, 4])).tolist() == [True, False, False, False, False, False]


def test_the_average_is_the_normalised_geometric_mean():
    first, second = np.array([[0.8, 0.2], [np.nan, np.nan]]), np.array([[0.5, 0.5], [0.5, 0.5]])
    expected = np.sqrt([0.4, 0.1]) / np.sqrt([0.4, 0.1]).sum()
    found = average(first, second, multilabel=False)
    np.testing.assert_allclose(found[0], expected)
    assert np.isnan(found[1]).all()
    odds = np.sqrt(first[0] * second[0] / (1 - first[0]) / (1 - second[0]))
    np.testing.assert_allclose(average(first, second, multilabel=True)[0], odds / (1 + odds))


def test_a_class_that_one_round_does_not_know_keeps_a_probability():
    found = average(np.array([[0.0, 1.0]]), np.array([[0.9, 0.1]]), multilabel=False)
    assert 0 < found[0, 0] < 0.5


def test_one_fold_is_refused():
    with pytest.raises(ConfigError, match="folds is 1"):
        grutext.audit((["a", "b"], ["x", "y"]), 1)
