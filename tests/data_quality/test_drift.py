"""Two-sample tests against scipy, and against what chance makes of samples of one distribution."""

import numpy as np
import pytest

from grutext.data_quality.drift import compare_shares, kolmogorov_smirnov


@pytest.mark.long
@pytest.mark.parametrize(("size", "shift"), [(40, 0.3), (60, 0.8), (300, 0.05), (300, 0.3), (2000, 0.1)])
def test_kolmogorov_smirnov_is_scipys(rng, size, shift):
    from scipy.stats import ks_2samp

    one, other = rng.normal(size=size), rng.normal(shift, 1.3, size=size * 2 + 3)
    own, theirs = kolmogorov_smirnov(one, other), ks_2samp(one, other)
    assert own.statistic == pytest.approx(theirs.statistic)
    assert own.p_value == pytest.approx(theirs.pvalue, rel=0.1, abs=0.01)


@pytest.mark.long
def test_equal_values_count_as_in_scipy(rng):
    from scipy.stats import ks_2samp

    one, other = rng.integers(5, size=70), rng.integers(1, 6, size=90)
    assert kolmogorov_smirnov(one, other).statistic == pytest.approx(ks_2samp(one, other).statistic)


def test_a_sample_does_not_differ_from_itself(rng):
    sample = rng.normal(size=50)
    outcome = kolmogorov_smirnov(sample, sample[::-1])
    assert (outcome.statistic, outcome.p_value) == (0.0, 1.0)


def test_samples_without_overlap_are_as_far_apart_as_can_be():
    outcome = kolmogorov_smirnov(np.arange(30), np.arange(30) + 100)
    assert outcome.statistic == 1.0
    assert outcome.p_value < 1e-8


def test_shares_are_half_the_sum_of_the_differences():
    # 0.5, 0.5, 0 against 0.25, 0.5, 0.25
    assert compare_shares({"a": 10, "b": 10}, {"a": 5, "b": 10, "c": 5}).statistic == pytest.approx(0.25)


def test_p_values_of_equal_shares_are_uniform_and_those_of_other_shares_small(rng):
    labels = ["a", "b", "c"]

    def draw(shares):
        return dict(zip(labels, rng.multinomial(120, shares), strict=True))

    equal = [compare_shares(draw([0.5, 0.3, 0.2]), draw([0.5, 0.3, 0.2])).p_value for _ in range(200)]
    assert 0.4 < np.mean(equal) < 0.62  # equal counts make the test err to larger p-values
    assert np.mean(np.array(equal) < 0.1) < 0.16
    assert max(compare_shares(draw([0.5, 0.3, 0.2]), draw([0.2, 0.3, 0.5])).p_value for _ in range(20)) < 0.01


def test_the_permutations_depend_on_the_seed_alone():
    first, second = {"a": 40, "b": 60}, {"a": 52, "b": 48}
    assert compare_shares(first, second) == compare_shares(first, second)
    assert compare_shares(first, second) != compare_shares(first, second, seed=2)
