"""Copies of texts are counted, by hashes of a few bytes."""

import random

import pytest

from grutext.data import Example, TextIndex, hash_text


def examples(*pairs):
    return [Example(text, tuple(labels.split()), "made.csv", n) for n, (text, labels) in enumerate(pairs)]


def test_copies_and_contradictions_are_counted():
    found = TextIndex.of(
        examples(("a", "x"), ("b", "x"), ("a", "x"), ("a", "y"), ("a", "z"), ("b", "x"), ("\ud800", "x"))
    ).count()
    assert (found.texts, found.copies, found.contradicting) == (7, 4, 1)


def test_the_order_of_several_labels_is_no_contradiction():
    assert TextIndex.of(examples(("a", "x y"), ("a", "y x"))).count().contradicting == 0
    assert TextIndex.of(examples(("a", "x y"), ("a", "x"))).count().contradicting == 1
    assert TextIndex.of(examples(("a", ""), ("a", "x"))).count().contradicting == 1


def test_the_counts_are_those_of_a_dictionary():
    draw = random.Random(5)
    made = examples(*((str(draw.randrange(900)), draw.choice("xyz")) for _ in range(2000)))
    labels = {}
    for example in made:
        labels.setdefault(example.text, set()).add(example.labels)
    found = TextIndex.of(made).count()
    assert found.copies == 2000 - len(labels)
    assert found.contradicting == sum(len(own) > 1 for own in labels.values())


def test_an_index_knows_its_texts_and_no_others():
    index = TextIndex.of(examples(("a", "x"), ("b", "x"), ("b", "x")))
    wanted = [hash_text(text) for text in ("b", "c", "a", "b")]
    assert index.contains(wanted).tolist() == [True, False, True, True]
    assert index.contains([]).tolist() == []
    assert TextIndex().contains(wanted).tolist() == [False] * 4
    assert TextIndex().count() == (0, 0, 0)


@pytest.mark.long
def test_a_hash_is_the_same_in_every_process(run_python):
    code = "from grutext.data import hash_text; print(hash_text('Käse\\ud800'))"
    assert {run_python(code, PYTHONHASHSEED=seed).stdout for seed in ("0", "1")} == {
        f"{hash_text('Käse' + chr(0xD800))}\n"
    }
