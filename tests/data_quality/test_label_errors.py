"""Confident learning against cleanlab, against loops over its definition, and with swapped labels."""

import numpy as np
import pytest

from grutext.data_quality.label_errors import (
    confident_joint,
    estimate_joint,
    find_label_errors,
    find_multilabel_errors,
)


def noisy_labels(rng, texts: int = 400, classes: int = 5, signal: float = 2.5):
    """Return true classes, given classes of which some are wrong, and probabilities that lean to the true ones."""
    truth = rng.choice(classes, texts, p=np.arange(1, classes + 1) / sum(range(classes + 1)))
    given = np.where(rng.random(texts) < 0.15, rng.integers(classes, size=texts), truth)
    scores = rng.gumbel(size=(texts, classes)) + signal * np.eye(classes)[truth]
    values = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return truth, given, values


def joint_by_loops(given, values):
    """The definition in the paper, equation 1, read aloud."""
    classes = values.shape[1]
    thresholds = [np.mean([row[c] for row, own in zip(values, given) if own == c]) for c in range(classes)]
    joint = np.zeros((classes, classes), int)
    for row, own in zip(values, given):
        reached = [c for c in range(classes) if row[c] >= thresholds[c] - 1e-6]
        if reached:
            joint[own, max(reached, key=lambda c: row[c])] += 1
    return joint


def meets_the_defect(count, given, values):
    """Return which texts reach several thresholds, but not that of their likeliest class; cleanlab counts these otherwise."""
    thresholds = count.get_confident_thresholds(given, values)
    reached = values >= thresholds - 1e-6
    likeliest = reached[np.arange(len(given)), values.argmax(axis=1)]
    return (reached.sum(axis=1) > 1) & ~likeliest


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_the_joint_follows_its_definition_and_is_cleanlabs_but_for_the_defect(seed):
    from cleanlab import count

    _, given, values = noisy_labels(np.random.default_rng(seed))
    own = confident_joint(given, values)
    np.testing.assert_array_equal(own, joint_by_loops(given, values))
    theirs = count.compute_confident_joint(given, values, calibrate=False)
    differing = meets_the_defect(count, given, values)
    assert np.abs(own - theirs).sum() <= 2 * differing.sum()
    sharp = values**4 / (values**4).sum(axis=1, keepdims=True)  # few texts reach two thresholds
    assert not meets_the_defect(count, given, sharp).any()
    np.testing.assert_array_equal(
        confident_joint(given, sharp), count.compute_confident_joint(given, sharp, calibrate=False)
    )


@pytest.mark.long
def test_a_text_of_several_reached_thresholds_belongs_to_the_likeliest_of_these():
    from cleanlab import count

    # The thresholds are 0.8, 0.25 and 0.3. The last text reaches the second and third, and its likeliest class is the first.
    given = [0, 0, 1, 1, 2, 2, 1]
    values = np.array(
        [
            [0.9, 0.05, 0.05],
            [0.7, 0.2, 0.1],
            [0.6, 0.25, 0.15],
            [0.55, 0.23, 0.22],
            [0.5, 0.2, 0.3],
            [0.55, 0.15, 0.3],
            [0.4, 0.27, 0.33],
        ]
    )
    assert confident_joint(given, values)[1].tolist() == [0, 1, 1]
    assert count.compute_confident_joint(np.array(given), values, calibrate=False)[1].tolist() == [1, 1, 0]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_the_list_is_cleanlabs_where_both_rules_agree(seed):
    from cleanlab import count
    from cleanlab import filter as cleanlab_filter

    _, given, values = noisy_labels(np.random.default_rng(seed))
    values = values**4 / (values**4).sum(axis=1, keepdims=True)
    found = find_label_errors(given, values)
    joint = estimate_joint(given, values)  # cleanlab rounds equal remainders in another order
    expected = cleanlab_filter.find_label_issues(
        given,
        values,
        filter_by="both",
        return_indices_ranked_by="self_confidence",
        confident_joint=joint,
        n_jobs=1,
    )
    theirs = count.compute_confident_joint(given, values)
    assert np.abs(joint - theirs).max() <= 1
    assert len(expected) > 20
    assert sorted(found.indices.tolist()) == sorted(expected.tolist())


def test_the_estimated_joint_has_the_sizes_of_the_classes(rng):
    _, given, values = noisy_labels(rng)
    estimated = estimate_joint(given, values)
    assert estimated.sum(axis=1).tolist() == np.bincount(given).tolist()
    joint = confident_joint(given, values)
    exact = joint / joint.sum(axis=1, keepdims=True) * np.bincount(given)[:, None]
    assert np.abs(estimated - exact).max() < 1


def test_most_listed_texts_are_wrong_and_the_suggestion_is_right(rng):
    truth, given, values = noisy_labels(rng, texts=2000, signal=6.0)
    indices, suggested = find_label_errors(given, values)
    assert (given != truth)[indices].mean() > 0.8
    assert (suggested == truth[indices]).mean() > 0.8
    own = values[indices, given[indices]]
    thresholds = np.array([values[given == c, c].mean() for c in range(5)])
    assert (np.diff(own - 0.02 * thresholds[given[indices]]) >= 0).all()


@pytest.mark.long
def test_several_labels_are_cleanlabs_label_by_label(rng):
    from cleanlab.multilabel_classification.filter import find_multilabel_issues_per_class

    truth = rng.random((300, 4)) < [0.5, 0.3, 0.2, 0.1]
    given = truth ^ (rng.random(truth.shape) < 0.05)
    given[:7] = False  # texts without a label
    values = 1 / (1 + np.exp(-(rng.logistic(size=truth.shape) + np.where(truth, 3.5, -3.5))))
    indices, suggested = find_multilabel_errors(given, values)
    lists = [np.flatnonzero(row).tolist() for row in given]
    expected = find_multilabel_issues_per_class(lists, values, filter_by="both", n_jobs=1)
    changed = np.zeros_like(given)
    changed[indices] = suggested != given[indices]
    np.testing.assert_array_equal(changed, expected)
    assert changed.sum() > 30
    least = np.where(given, values, 1 - values).min(axis=1)
    assert (np.diff(least[indices]) >= 0).all()


def test_texts_without_probabilities_are_never_listed_and_do_not_count(rng):
    _, given, values = noisy_labels(rng)
    expected = find_label_errors(given, values)
    more = np.concatenate([values, np.full((9, 5), np.nan)])
    found = find_label_errors(np.append(given, np.arange(9) % 5), more)
    assert found.indices.tolist() == expected.indices.tolist()
    assert (
        confident_joint(np.append(given, np.arange(9) % 5), more).sum()
        == confident_joint(given, values).sum()
    )


def test_no_text_belongs_to_a_class_without_texts():
    values = [[0.3, 0.1, 0.6], [0.2, 0.2, 0.6], [0.1, 0.5, 0.4]]
    assert confident_joint([0, 0, 1], values)[:, 2].tolist() == [0, 0, 0]
    assert len(find_label_errors([0, 0, 1], values).indices) == 0


def test_no_texts_have_no_errors():
    assert find_label_errors([], np.zeros((0, 3))).indices.tolist() == []
    assert find_multilabel_errors(np.zeros((0, 3), bool), np.zeros((0, 3))).suggested.shape == (0, 3)


@pytest.mark.parametrize(
    ("given", "shape", "problem"),
    [([0, 1], (3, 2), "shape"), ([0, 2], (2, 2), "from 0 to 2"), ([-1, 0], (2, 2), "from -1 to 0")],
)
def test_arrays_that_do_not_belong_together_are_refused(given, shape, problem):
    with pytest.raises(ValueError, match=problem):
        find_label_errors(given, np.full(shape, 0.5))
