"""Lengths that are counted, and what follows from them."""

import numpy as np
import pytest

from grutext.data_quality.statistics import Lengths


@pytest.mark.parametrize("texts", [1, 2, 3, 20, 21, 1000])
def test_quantiles_are_those_of_all_lengths(rng, texts):
    for longest in (3, 50, 100_000):
        lengths = rng.integers(0, longest, texts)
        expected = np.quantile(lengths, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1])
        counted = Lengths.of(lengths)
        assert counted.quantiles() == [int(value) for value in expected]
        assert counted.median == pytest.approx(np.median(lengths))


def test_without_texts_all_are_zero():
    counted = Lengths.of(np.zeros(0, np.uint32))
    assert (counted.quantiles(), counted.median, counted.outliers) == ([0] * 7, 0.0, 0)


def test_outliers_are_much_longer_than_the_median_and_long():
    lengths = np.array([10] * 9 + [5_000, 5_001, 20_000])
    assert Lengths.of(lengths).outliers == 2
    assert Lengths.of(lengths * 30).outliers == 3  # longer than 50 times the median of 300
