"""Keys found by their upper bits against a dictionary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grutext.text import KeyIndex

MOST = (1 << 32) - 1
# Keys that crowd, at both ends and in the middle, and keys from all over.
KEYS = st.one_of(
    st.integers(0, MOST),
    st.integers(0, 40),
    st.integers(MOST - 40, MOST),
    st.integers((1 << 31) - 20, (1 << 31) + 20),
)


def check(keys: list[int], wanted: list[int]) -> None:
    place_of = {key: place for place, key in enumerate(keys)}
    places, found = KeyIndex(np.array(keys, np.uint32)).find(np.array(wanted, np.uint32))
    assert found.tolist() == [n for n, key in enumerate(wanted) if key in place_of]
    assert places.tolist() == [place_of[key] for key in wanted if key in place_of]
    assert places.dtype == np.int32


@given(keys=st.sets(KEYS, max_size=200), wanted=st.lists(KEYS, max_size=200))
def test_finds_each_key_at_its_position_and_nothing_else(keys: set[int], wanted: list[int]):
    check(sorted(keys), [*wanted, *list(keys)[:50], 0, MOST])


@pytest.mark.parametrize("size", [0, 1, 2, 1000, 70_000])
def test_finds_hashes_for_any_number_of_keys(rng, size):
    keys = np.unique(rng.integers(0, 1 << 32, size, dtype=np.uint32)).tolist()
    check(keys, [*keys[::7], *rng.integers(0, 1 << 32, 500, dtype=np.uint32).tolist()])


def test_finds_keys_that_are_unevenly_distributed():
    keys = np.arange(7_000_000, 7_003_000, 2, dtype=np.uint32)
    wanted = np.arange(6_999_990, 7_003_010, dtype=np.uint32)
    places, found = KeyIndex(keys).find(wanted)
    assert wanted[found].tolist() == keys.tolist()
    assert places.tolist() == list(range(len(keys)))


def test_finds_the_sentinel_value_only_if_it_is_a_key():
    check([3, MOST], [MOST, 3, 4])
    check([3, MOST - 1], [MOST, MOST - 1])
    check([], [MOST])
