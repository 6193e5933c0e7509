"""`scripts/bench audit`: exchanged labels, the score of a list, and the table."""

import numpy as np
from benchmarks.audit.__main__ import render_table
from benchmarks.audit.job import AuditJob, score_list, swap_labels

JOB = AuditJob("trec6", "grutext", 10, 1)


def test_the_share_of_the_labels_is_exchanged_for_every_other_one():
    truth = np.arange(3000) % 3
    given = swap_labels(truth, 3, JOB)
    changed = given != truth
    assert changed.sum() == 300
    pairs = {(int(a), int(b)) for a, b in zip(truth[changed], given[changed], strict=True)}
    assert pairs == {(a, b) for a in range(3) for b in range(3) if a != b}
    assert (swap_labels(truth, 3, JOB) == given).all()
    assert (swap_labels(truth, 3, AuditJob("trec6", "grutext", 10, 2)) != given).any()


def test_a_list_is_scored_by_its_exchanged_texts():
    is_wrong = np.zeros(1000, bool)
    is_wrong[:200] = True
    listed = np.concatenate([np.arange(150), np.arange(900, 950)])
    score = score_list(listed, is_wrong)
    assert score == {"listed": 200, "swapped": 200, "precision": 0.75, "recall": 0.75, "first_100": 1.0}
    assert score_list(listed[::-1], is_wrong)["first_100"] == 0.5
    assert score_list(listed[:0], is_wrong)["precision"] == 0.0


def test_the_table_has_the_means_of_the_seeds():
    one = {"set": "trec6", "percent": 5, "system": "cleanlab", "version": "cleanlab 2.9", "commit": None}
    scores = [{"listed": 100, "precision": 0.5, "recall": 0.25, "first_100": 0.75}]
    scores.append({"listed": 200, "precision": 0.25, "recall": 0.75, "first_100": 0.5})
    table = render_table([one | {"seed": n} | score for n, score in enumerate(scores)])
    assert "| trec6, 5 % | cleanlab | 2 | 150 | 37.5 | 50.0 | 62.5 |" in table
    assert table.endswith("Measured: cleanlab 2.9.")
    assert render_table([]) == ""
