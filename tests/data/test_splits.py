import hashlib
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grutext.data import fingerprint, fold_examples, split_examples
from grutext.errors import DataError

LABELS = st.sampled_from("abcde")
SINGLE = st.lists(LABELS, min_size=2, max_size=60)
EXAMPLES = 2 * settings.default.max_examples  # fewer with --fast
SEVERAL = st.lists(st.lists(LABELS, max_size=3, unique=True).map(tuple), min_size=2, max_size=60)


def count_labels(examples):
    return Counter(label for example in examples for label in example.labels)


@given(SINGLE | SEVERAL, st.floats(0.01, 0.99), st.integers(0, 9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=EXAMPLES, deadline=None)
def test_both_splits_keep_the_order_and_every_label_is_in_the_rest(make_examples, labels, fraction, seed):
    examples = make_examples(labels)
    try:
        rest, part = split_examples(examples, fraction, seed)
    except DataError:
        assert len(examples) - len({example.labels for example in examples}) < 4
        return
    assert sorted([*rest, *part], key=lambda example: example.row) == examples
    assert [e.row for e in rest] == sorted(e.row for e in rest)
    assert [e.row for e in part] == sorted(e.row for e in part)
    assert part
    assert set(count_labels(rest)) == set(count_labels(examples))
    assert split_examples(examples, fraction, seed) == (rest, part)


def test_classes_keep_their_proportions(make_examples):
    examples = make_examples(["a"] * 700 + ["b"] * 250 + ["c"] * 45 + ["d"] * 5)
    rest, part = split_examples(examples, 0.1, 1)
    # 4.5 of c and 0.5 of d have equal remainders; the class that comes first gets the example.
    assert count_labels(part) == {"a": 70, "b": 25, "c": 5}
    assert count_labels(rest) == {"a": 630, "b": 225, "c": 40, "d": 5}


def test_the_split_has_the_requested_size(make_examples):
    examples = make_examples([f"class {number % 77}" for number in range(1000)])
    for fraction, size in ((0.1, 100), (0.25, 250), (0.5, 500)):
        assert len(split_examples(examples, fraction, 0)[1]) == size


def test_the_rarest_label_decides_where_there_are_several(make_examples):
    examples = make_examples([("common",)] * 80 + [("common", "rare")] * 20)
    for seed in range(20):
        assert count_labels(split_examples(examples, 0.5, seed)[1])["rare"] == 10


def test_a_label_that_is_never_the_rarest_stays_in_the_rest(make_examples):
    examples = make_examples([("b", "z"), "b", ("c", "z"), "c", ("d", "z"), "d"])
    parts = [split_examples(examples, 0.5, seed) for seed in range(60)]
    assert all(count_labels(rest)["z"] for rest, _ in parts)
    assert {len(part) for _, part in parts} == {2, 3}


def test_the_split_depends_on_the_seed_and_any_example_can_be_in_it(make_examples):
    examples = make_examples(["a", "b"] * 10)
    parts = [tuple(e.row for e in split_examples(examples, 0.2, seed)[1]) for seed in range(60)]
    assert len(set(parts)) > 30
    assert {row for part in parts for row in part} == {example.row for example in examples}


KEYS = st.lists(st.tuples(LABELS, st.integers(0, 12)), min_size=2, max_size=60)


@given(KEYS, st.floats(0.01, 0.99), st.integers(0, 9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=EXAMPLES, deadline=None)
def test_copies_are_on_one_side_and_every_label_is_in_the_rest(make_examples, pairs, fraction, seed):
    examples, keys = make_examples([label for label, _ in pairs]), [key for _, key in pairs]
    try:
        rest, part = split_examples(examples, fraction, seed, keys)
    except DataError:
        return
    key_of = dict(zip(examples, keys, strict=True))
    assert not {key_of[example] for example in rest} & {key_of[example] for example in part}
    assert sorted([*rest, *part], key=lambda example: example.row) == examples
    assert set(count_labels(rest)) == set(count_labels(examples))
    assert split_examples(examples, fraction, seed, [10 * key for key in keys]) == (rest, part)


def test_without_copies_keys_change_nothing(make_examples):
    examples = make_examples([f"class {number % 7}" for number in range(100)])
    assert split_examples(examples, 0.2, 3, range(100)) == split_examples(examples, 0.2, 3)


@pytest.mark.parametrize("times", [2, 3, 5])
@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("classes", [2, 20])
def test_with_copies_size_and_proportions_stay_near_what_was_asked(make_examples, times, fraction, classes):
    labels = [f"class {number % classes:02}" for number in range(600)] * times
    _, part = split_examples(make_examples(labels), fraction, 1, [*range(600)] * times)
    assert abs(len(part) - fraction * len(labels)) <= times
    shares = count_labels(part)
    for label, number in count_labels(make_examples(labels)).items():
        assert abs(shares[label] - fraction * number) <= 1.5 * times


@pytest.mark.long
def test_a_text_with_many_copies_leaves_the_share_to_others(make_examples):
    labels = ["a"] * 400 + ["a", "b"] * 300
    keys = [0] * 400 + [*range(1, 601)]
    for seed in range(10):
        _, part = split_examples(make_examples(labels), 0.1, seed, keys)
        assert count_labels(part) == {"a": 70, "b": 30}


def test_a_few_texts_with_many_copies_are_split_nevertheless(make_examples):
    labels = (["a"] * 2 + ["b"] * 2) * 20
    rest, part = split_examples(make_examples(labels), 0.1, 1, [0, 1, 2, 3] * 20)
    assert (len(rest), len(part)) == (60, 20)


def test_a_class_of_one_text_with_copies_stays_in_the_rest(make_examples):
    labels = ["a"] * 30 + ["b"] * 6
    for seed in range(20):
        _, part = split_examples(make_examples(labels), 0.5, seed, [*range(30)] + [99] * 6)
        assert "b" not in count_labels(part)


@pytest.mark.long
def test_the_split_is_the_same_in_every_process(run_python):
    code = (
        "from grutext.data import Example, split_examples\n"
        "made = [Example(str(n), (('a','b','c')[n % 3],) if n % 5 else ('a','d'), 'x', n) for n in range(50)]\n"
        "print([e.row for e in split_examples(made, 0.2, 7)[1]])"
    )
    outputs = {run_python(code, PYTHONHASHSEED=seed).stdout for seed in ("0", "1", "2")}
    assert outputs == {"[2, 3, 13, 15, 16, 22, 24, 33, 45, 47]\n"}


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, float("nan")])
def test_a_fraction_out_of_range_is_refused(make_examples, fraction):
    with pytest.raises(DataError) as caught:
        split_examples(make_examples(["a", "a"]), fraction, 0)
    assert str(caught.value) == f"the fraction to set aside must be between 0 and 1, not {fraction}"


def test_too_few_examples_are_refused(make_examples):
    with pytest.raises(DataError) as caught:
        split_examples(make_examples(["a", "b"]), 0.5, 0)
    assert str(caught.value) == (
        "there are too few examples of each class to set some of them aside; name dev data"
    )


def test_a_fingerprint_depends_on_texts_labels_and_order_but_not_on_the_source(make_examples):
    examples = make_examples(["a", "b", ("a", "b")])
    moved = [type(e)(e.text, e.labels, "elsewhere.csv", e.row + 1) for e in examples]
    assert fingerprint(moved) == fingerprint(examples)
    lines = b'["text 2", "a"]\n["text 3", "b"]\n["text 4", "a", "b"]\n'
    assert fingerprint(examples) == hashlib.sha256(lines).hexdigest()
    others = [
        examples[::-1],
        examples[:2],
        make_examples(["a", "b", ("b", "a")]),
        make_examples(["a", "b", "ab"]),
    ]
    assert len({fingerprint(other) for other in (*others, examples)}) == 5
    assert fingerprint([type(examples[0])("\ud800", ("x",), "a", 1)])


@given(SINGLE | SEVERAL, st.integers(2, 6), st.integers(0, 9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=EXAMPLES, deadline=None)
def test_every_label_is_outside_of_each_fold(make_examples, labels, folds, seed):
    examples = make_examples(labels)
    try:
        found = fold_examples(examples, folds, seed)
    except DataError:
        assert len(examples) - len({example.labels for example in examples}) < 4
        return
    assert found == fold_examples(examples, folds, seed)
    assert set(found) - {-1} <= set(range(folds))
    assert max(found) >= 0
    for fold in range(folds):
        outside = [example for example, own in zip(examples, found, strict=True) if own != fold]
        assert set(count_labels(outside)) == set(count_labels(examples))


@given(KEYS, st.integers(2, 6), st.integers(0, 9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=EXAMPLES, deadline=None)
def test_copies_are_in_one_fold(make_examples, pairs, folds, seed):
    examples, keys = make_examples([label for label, _ in pairs]), [key for _, key in pairs]
    try:
        found = fold_examples(examples, folds, seed, keys)
    except DataError:
        return
    assert all(
        len({own for own, key in zip(found, keys, strict=True) if key == one}) == 1 for one in set(keys)
    )


def test_each_fold_has_its_share_of_each_class(make_examples):
    examples = make_examples(["a"] * 700 + ["b"] * 250 + ["c"] * 43 + ["d"] * 7)
    found = fold_examples(examples, 5, 1)
    for label, shares in (("a", {140}), ("b", {50}), ("c", {8, 9}), ("d", {1, 2})):
        own = [fold for fold, example in zip(found, examples, strict=True) if example.labels == (label,)]
        assert set(Counter(own).values()) == shares
    assert set(Counter(found).values()) == {200}
    assert found != fold_examples(examples, 5, 2)


def test_the_only_text_of_a_label_is_in_no_fold(make_examples):
    examples = make_examples(["a"] * 6 + ["b"] * 6 + ["c"] + [("d", "a"), ("d", "b")])
    found = fold_examples(examples, 3, 1)
    assert found[12] == -1
    assert sorted(Counter(found[:12]).values()) == [4, 4, 4]
    assert -1 not in found[13:]
    with pytest.raises(DataError, match="too few examples of each class"):
        fold_examples(make_examples(["a", "b", "c"]), 3, 1)
