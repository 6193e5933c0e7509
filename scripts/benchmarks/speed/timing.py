"""Timings of several things side by side, and the numbers that are kept of them."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

Call = Callable[[], object]
# TensorFlow's, ONNX Runtime's and OpenBLAS' threads spin for a while after their work; the next one is not to pay for it.
_PAUSE_SECONDS = 0.1


def interleave(calls: Mapping[str, Call], repeats: int, block: int = 1) -> dict[str, list[float]]:
    """Times calls in turns, after each was made once to warm up; gives the seconds of each call.

    Args:
        calls: What is timed, by name.
        repeats: Turns of each.
        block: Calls in a turn. If there are several, one more goes before them that is not timed: what is
            asked for is then the time of a call among others, not of the first one after a pause.
    """
    for call in calls.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            time.sleep(_PAUSE_SECONDS)
            if block > 1:
                call()
            for _ in range(block):
                began = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - began)
    return seconds


def time_often(call: Call, enough: float) -> list[float]:
    """Times a call again and again, until it has taken `enough` seconds in all; gives the seconds of each."""
    seconds: list[float] = []
    while sum(seconds) < enough:
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return seconds


def medians(seconds: Mapping[str, Sequence[float]], scale: float = 1.0) -> dict[str, float]:
    """Gives the median of each, times `scale`."""
    return {name: scale * statistics.median(values) for name, values in seconds.items()}


def rates(seconds: Mapping[str, Sequence[float]], amount: float) -> dict[str, float]:
    """Gives how much of `amount` each does in a second, by its median."""
    return {name: amount / statistics.median(values) for name, values in seconds.items()}


def quantile(values: Sequence[float], share: float) -> float:
    """Gives the smallest value that at least this share of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
