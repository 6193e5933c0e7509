"""`scripts/bench suggest` and `scripts/bench curve`: what they plan, and the tables that they make of results."""

import pytest

pytest.importorskip("sklearn")

from benchmarks.accuracy import PAGE
from benchmarks.curve import __main__ as curve
from benchmarks.results import read_results
from benchmarks.suggest import __main__ as suggest


def run(system, seed, accuracies):
    return {
        "set": "mail",
        "system": system,
        "seed": seed,
        "rows": [100, 200, 300],
        "accuracies": accuracies,
        "version": "grutext 1",
        "commit": "abc",
    }


RUNS = [
    run("random", 1, [0.5, 0.6, 0.7]),
    run("random", 2, [0.5, 0.6, 0.8]),
    run("suggest", 1, [0.5, 0.7, 0.8]),
    run("suggest", 2, [0.5, 0.7, 0.9]),
    run("suggest", 3, [0.1, 0.1, 0.1]),  # without its random counterpart
]


def test_labels_that_are_needed_lie_between_two_points():
    assert suggest.labels_needed([100, 200, 300], [0.5, 0.7, 0.8], 0.75) == pytest.approx(250)
    assert suggest.labels_needed([100, 200, 300], [0.5, 0.7, 0.8], 0.4) == 100
    assert suggest.labels_needed([100, 200, 300], [0.5, 0.7, 0.8], 0.7) == pytest.approx(200)
    assert suggest.labels_needed([100, 200, 300], [0.5, 0.7, 0.8], 0.9) is None


def test_suggested_and_random_rows_are_compared_seed_by_seed():
    tables = suggest.render_tables(RUNS)
    assert "| mail, 2 seeds | 100 rows | 200 rows | 300 rows |" in tables
    assert "| suggest | 50.00 | 70.00 | 85.00 |" in tables
    assert "| difference | +0.00 ± 0.00 | +10.00 ± 0.00 | +10.00 ± 0.00 |" in tables
    assert "| mail | 75.00 | 300 | 233 |" in tables


def test_a_forecast_is_shown_beside_what_came():
    result = {
        "set": "mail", "system": "linear part", "seed": 1, "holds": True, "accuracy": 0.8, "version": "grutext 1", "commit": None,
        "points": [{"texts": 500, "mean": 0.7}], "forecasts": [{"score": 0.79, "low": 0.75, "high": 0.82}],
    }  # fmt: skip
    table = curve.render_table([result, result | {"seed": 2, "holds": False}])
    assert "| mail, linear part | 500 | 70.00 | 79.00 | 75.00 to 82.00 | 80.00 | yes |" in table
    assert "| mail, linear part, seed 2 |" in table
    assert "in the interval 1 of 2 times" in table


@pytest.mark.parametrize(
    ("results", "render"),
    [(suggest.RESULTS, suggest.render_tables), (curve.RESULTS, curve.render_table)],
    ids=["suggest", "curve"],
)
def test_the_page_has_the_tables_of_the_results(results, render):
    assert render(read_results(results)) in PAGE.read_text(encoding="utf-8")
