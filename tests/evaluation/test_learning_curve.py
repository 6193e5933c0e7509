"""Power laws are found again, and intervals hold as often as they promise."""

import numpy as np
import pytest

from grutext.errors import ConfigError
from grutext.evaluation import learning_curve
from grutext.evaluation.learning_curve import EXPONENTS, PowerLaw, fit_power_law, forecast

SIZES = [50, 100, 200, 400, 800]


@pytest.mark.parametrize("law", [PowerLaw(0.05, 2.0, float(EXPONENTS[40])), PowerLaw(0.0, 0.9, 1.0)])
def test_a_power_law_is_found_again(law):
    found = fit_power_law(SIZES, law.error(SIZES))
    np.testing.assert_allclose(found.error([25, 800, 6400]), law.error([25, 800, 6400]), atol=1e-6)
    assert (found.a, found.b, found.c) == pytest.approx((law.a, law.b, law.c), abs=1e-5)


@pytest.mark.long
def test_the_fit_is_the_best_one_within_the_bounds(rng):
    optimize = pytest.importorskip("scipy.optimize")
    for left in [0.1, 0.0] * 5:
        errors = left + 2 * np.array(SIZES) ** -0.4 + rng.normal(size=5) * 0.02
        deviations = rng.uniform(0.01, 0.04, 5)
        found = fit_power_law(SIZES, errors, deviations**2)
        best = min(
            optimize.least_squares(
                lambda law, errors=errors, deviations=deviations: (
                    (law[0] + law[1] * np.array(SIZES) ** -law[2] - errors) / deviations
                ),
                [0.1, 1.0, start],
                bounds=([0, 0, 0.05], [1, 50, 1.0]),
            ).cost
            for start in (0.1, 0.4, 0.9)
        )
        ours = np.square((found.error(SIZES) - errors) / deviations).sum() / 2
        assert best - 1e-6 <= ours <= best * 1.01 + 1e-6


def test_errors_that_rise_are_fitted_by_a_flat_line():
    found = fit_power_law(SIZES, [0.1, 0.2, 0.3, 0.4, 0.5], [1, 1, 1, 1, 4])
    assert found.b == 0
    assert found.a == pytest.approx((0.1 + 0.2 + 0.3 + 0.4 + 0.5 / 4) / 4.25)


def test_errors_that_fall_to_zero_leave_nothing():
    found = fit_power_law([100, 200, 400], [0.4, 0.1, 0.0])
    assert (found.a, found.c) == (0, 1)
    assert found.b == pytest.approx((0.4 / 100 + 0.1 / 200) / (1 / 100**2 + 1 / 200**2 + 1 / 400**2))


def test_too_few_sizes_are_an_error():
    with pytest.raises(ConfigError, match="a learning curve has 2 sizes; it takes 3 or more"):
        fit_power_law([10, 20, 20], [0.3, 0.2, 0.2])


@pytest.mark.long
def test_the_interval_holds_nine_of_ten_trainings(monkeypatch):
    monkeypatch.setattr(learning_curve, "_SAMPLES", 300)
    law, rng = PowerLaw(0.08, 1.5, 0.4), np.random.default_rng(3)
    repeats = [5, 5, 4, 2, 1]
    held, spans = [], []
    for _ in range(150):
        errors = [
            law.error(n) + rng.normal(size=times) * np.sqrt(0.04 / n)
            for n, times in zip(SIZES, repeats, strict=True)
        ]
        one = forecast(SIZES, errors, [1600])[1][0]
        score = 1 - law.error(1600) + rng.normal() * np.sqrt(0.04 / 1600)
        held.append(one.low <= score <= one.high)
        spans.append(one.high - one.low)
        assert one.low <= one.score <= one.high
    assert 0.83 <= np.mean(held) <= 0.97
    assert np.mean(spans) < 0.06


def test_with_a_law_that_is_known_well_the_interval_is_that_of_one_training(rng):
    law = PowerLaw(0.1, 1.5, 0.4)
    errors = [law.error(n) + rng.normal(size=500) * np.sqrt(0.04 / n) for n in SIZES]
    one = forecast(SIZES, errors, [1600])[1][0]
    assert one.high - one.low == pytest.approx(2 * 1.645 * np.sqrt(0.04 / 1600), rel=0.15)


def test_a_forecast_is_the_same_every_time_and_wider_further_out():
    errors = [[0.4, 0.38], [0.31, 0.33], [0.27, 0.25], [0.22, 0.23], [0.19]]
    law, forecasts = forecast(SIZES, errors, [1600, 3200])
    assert forecast(SIZES, errors, [1600, 3200]) == (law, forecasts)
    assert [one.texts for one in forecasts] == [1600, 3200]
    near, far = forecasts
    assert far.high - far.low > near.high - near.low
    assert near.score == pytest.approx(1 - float(law.error(1600)))


def test_without_repeats_the_misfit_says_how_sure_a_forecast_is():
    smooth = forecast(SIZES, [[one] for one in PowerLaw(0.1, 1.5, 0.4).error(SIZES)], [1600])[1][0]
    rough = forecast(SIZES, [[0.42], [0.31], [0.31], [0.2], [0.21]], [1600])[1][0]
    assert smooth.high - smooth.low < 0.01 < rough.high - rough.low
