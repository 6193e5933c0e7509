"""The time budget and the schedule, by a clock that the test sets."""

import math
from types import SimpleNamespace

import pytest

from grutext.training import budget
from grutext.training.budget import TimeBudget
from grutext.training.gru import schedule
from grutext.training.gru.schedule import Schedule


@pytest.fixture
def clock(monkeypatch):
    """A clock at 100 s whose `now` may be set."""
    clock = SimpleNamespace(now=100.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(budget, "time", clock)
    monkeypatch.setattr(schedule, "time", clock)
    return clock


def test_a_budget_counts_from_the_start_and_may_be_overdrawn(clock):
    own, earlier = TimeBudget(30.0), TimeBudget(30.0, started=90.0)
    assert (own.end, earlier.end) == (130.0, 120.0)
    clock.now = 125.0
    assert (own.remaining(), earlier.remaining()) == (5.0, -5.0)


def test_without_a_budget_there_is_no_end(clock):
    assert TimeBudget().remaining() == math.inf


def test_progress_follows_epochs_or_time_whichever_is_further(clock):
    made = Schedule(epochs=10, warmup=0.1, deadline=200.0)
    assert made.progress(3, 0.5) == pytest.approx(0.25)
    clock.now = 150.0
    assert made.progress(3, 0.5) == pytest.approx(0.5)
    assert not made.time_is_up
    made.reserve = 50.0
    assert made.progress(3, 0.5) == 1.0
    assert made.time_is_up


def test_without_a_deadline_time_means_nothing(clock):
    made = Schedule(epochs=4, warmup=0.1)
    clock.now = 1e9
    assert made.progress(1, 0.5) == 0.125
    assert not made.time_is_up


def test_the_rate_rises_then_falls_to_zero():
    made = Schedule(epochs=4, warmup=0.2)
    assert made.rate(0.1) == pytest.approx(0.5)
    assert made.rate(0.2) == pytest.approx(1.0)
    assert made.rate(0.6) == pytest.approx(0.5)
    assert made.rate(1.0) == pytest.approx(0.0)
