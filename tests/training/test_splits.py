"""How much is set aside where nobody says."""

import pytest

from grutext.training.splits import default_fraction


@pytest.mark.parametrize(
    ("texts", "aside"),
    [(0, 0), (20, 2), (4_990, 499), (5_000, 500), (8_000, 500), (10_000, 500), (50_000, 2_500)],
)
def test_a_tenth_is_set_aside_then_500_then_a_twentieth(texts, aside):
    assert round(texts * default_fraction(texts)) == aside
