import numpy as np
import pytest

from grutext.evaluation import Decisions, selective_risk

CONFIDENCE = np.array([0.9, 0.5, 0.7, 0.7, 0.2])
CORRECT = np.array([True, False, True, False, True])


@pytest.mark.parametrize(
    ("threshold", "errors", "coverage"),
    [(0.0, 0.4, 1.0), (0.5, 0.5, 0.8), (0.7, 1 / 3, 0.6), (0.71, 0.0, 0.2), (0.95, None, 0.0)],
)
def test_errors_are_counted_among_the_answered_texts_only(threshold, errors, coverage):
    found = selective_risk(CONFIDENCE, CORRECT, threshold)
    assert found == {
        "errors": pytest.approx(errors),
        "coverage": coverage,
        "threshold": threshold,
        "familiar_above": None,
        "unsure": round(5 * (1 - coverage)),
        "unfamiliar": 0,
    }


def test_an_unfamiliar_text_is_not_answered_however_confident():
    familiar = np.array([0.1, -2.0, -1.5, 3.0, -2.5])
    found = selective_risk(CONFIDENCE, CORRECT, None, familiar, -1.5)
    answered = familiar >= -1.5
    assert found["errors"] == pytest.approx(1 - CORRECT[answered].mean())
    assert (found["coverage"], found["unsure"], found["unfamiliar"]) == (0.6, 0, 2)
    both = selective_risk(CONFIDENCE, CORRECT, 0.7, familiar, -1.5)
    assert both["unfamiliar"] == 2
    assert both["unsure"] == int((answered & (CONFIDENCE < 0.7)).sum())


@pytest.mark.parametrize(
    ("predicted", "right"),
    [(("a", "b"), True), (("b", "a"), True), (("a",), False), ((), False), (("a", "b", "c"), False)],
)
def test_a_set_of_labels_is_right_if_it_is_all_that_the_text_has(predicted, right):
    probabilities = [[0.9 * (label in predicted) for label in "abc"]]
    decided = Decisions.compare([("a", "b")], probabilities, ("a", "b", "c"), multilabel=True)
    assert decided.correct.tolist() == [right]
