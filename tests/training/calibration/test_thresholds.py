"""Thresholds against searches that were written another way."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from grutext.inference.decisions import decide
from grutext.training.calibration.thresholds import _LOWEST, _best_cuts, choose_thresholds, micro_f1


def drawn(n=3000, shift=(-1.0, -2.5, -3.5, -5.0), seed=0):
    """Probabilities of several labels, each rarer than the one before, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-(1.8 * rng.normal(size=(n, len(shift))) + np.array(shift))))
    return p.astype(np.float32), (rng.random(p.shape) < p).astype(np.float32)


def scores(p, y, thresholds):
    chosen = decide(p, thresholds, True)
    return micro_f1(chosen, y), f1_score(y, chosen, average="macro", zero_division=0)


def test_micro_f1_is_that_of_scikit_learn():
    p, y = drawn(200)
    assert micro_f1(p > 0.4, y) == pytest.approx(f1_score(y, p > 0.4, average="micro"))
    assert micro_f1(p > 2, y * 0) == 0.0


@pytest.mark.parametrize("by_labels", [True, False])
def test_the_best_cut_of_a_label_is_the_best_of_all(by_labels):
    p, y = drawn(300)
    credit = y if by_labels else p
    cuts = _best_cuts(p, credit)
    for c in range(p.shape[1]):

        def f1(t, c=c):
            taken = p[:, c] >= t
            return 2 * credit[taken, c].sum() / (taken.sum() + credit[:, c].sum())

        assert f1(cuts[c]) == pytest.approx(max(f1(t) for t in p[:, c] if t >= _LOWEST), rel=1e-5)


def test_micro_f1_is_near_its_best_and_macro_f1_above_that_of_one_threshold():
    p, y = drawn()
    found = choose_thresholds(p, y, True, "accuracy")
    one = max(np.linspace(0.05, 0.95, 91), key=lambda t: micro_f1(p >= t, y))
    micro, macro = scores(p, y, found)
    best_micro, its_macro = scores(p, y, (one,) * 4)
    assert micro > best_micro - 0.01
    assert macro > its_macro + 0.01


def test_macro_f1_is_higher_where_it_is_asked_for_also_on_other_texts():
    p, y = drawn()
    other, truth = drawn(20_000, seed=1)
    plain, asked = (choose_thresholds(p, y, True, name) for name in ("accuracy", "macro-f1"))
    assert scores(other, truth, asked)[1] > scores(other, truth, plain)[1]
    assert scores(other, truth, asked)[0] < scores(other, truth, plain)[0]


def test_a_label_with_few_texts_goes_by_its_probabilities():
    p, y = drawn(400)
    few = y.copy()
    few[:, 1] = 0
    few[p[:, 1].argmin(), 1] = 1  # one text, and by far the least likely one
    threshold = choose_thresholds(p, few, True, "macro-f1")[1]
    assert threshold == pytest.approx(_best_cuts(p, p)[1], rel=0.1)
    assert _best_cuts(p, few)[1] == _LOWEST


@pytest.mark.parametrize("optimize", ["accuracy", "macro-f1"])
def test_thresholds_exist_whatever_dev_lacks(optimize):
    p, y = drawn(30)
    assert choose_thresholds(p, y * 0, True, optimize) == (0.5,) * 4
    y[:, 2] = 0
    found = np.array(choose_thresholds(p, y, True, optimize))
    assert np.isfinite(found).all()
    assert ((found >= _LOWEST) & (found <= 0.95)).all()
    assert choose_thresholds(p, p * 0, False, optimize) == ()


def single(lean, n=4000, seed=0):
    """Labels drawn from probabilities; what is given out favours the frequent label by a factor."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 3)) * 2 + [2.0, 0.0, -1.0]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = np.eye(3, dtype=np.float32)[(p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)]
    q = p * [lean, 1.0, 1.0]
    return (q / q.sum(axis=1, keepdims=True)).astype(np.float32), y


def macro(p, y, thresholds):
    return f1_score(y.argmax(axis=1), decide(p, thresholds, False).argmax(axis=1), average="macro")


def test_one_label_stays_the_likeliest_for_accuracy_and_where_nothing_is_gained():
    p, y = single(1.0)
    assert choose_thresholds(p, y, False, "accuracy") == ()
    few, truth = p[:60], y[:60]
    assert choose_thresholds(few, truth, False, "macro-f1") == ()


def test_rare_labels_win_more_often_where_dev_shows_that_it_pays():
    p, y = single(6.0)
    found = choose_thresholds(p, y, False, "macro-f1")
    assert found[0] > found[1] > found[2] > 0
    other, truth = single(6.0, seed=1)
    assert macro(other, truth, found) > macro(other, truth, ()) + 0.01


@pytest.mark.long
def test_the_same_texts_give_the_same_thresholds():
    p, y = single(6.0)
    assert choose_thresholds(p, y, False, "macro-f1") == choose_thresholds(p, y, False, "macro-f1")
