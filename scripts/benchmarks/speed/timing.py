"""Time several calls side by side, and summarise the timings."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

Call = Callable[[], object]
# The threads of TensorFlow, ONNX Runtime and OpenBLAS spin for a while after their work, which must not slow the next call.
_PAUSE_SECONDS = 0.1


def interleave(calls: Mapping[str, Call], repeats: int, block: int = 1) -> dict[str, list[float]]:
    """Time calls in alternation, after one warm-up call each; return the seconds of every call.

    Args:
        calls: The calls by name.
        repeats: Turns of each call.
        block: Timed calls per turn. If there are several, one untimed call precedes them, so that the result is the time
            of a call among others, not of the first call after a pause.
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
    """Time a call repeatedly until it has taken `enough` seconds in total; return the seconds of each repetition."""
    seconds: list[float] = []
    while sum(seconds) < enough:
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return seconds


def medians(seconds: Mapping[str, Sequence[float]], scale: float = 1.0) -> dict[str, float]:
    """Return the median of each, times `scale`."""
    return {name: scale * statistics.median(values) for name, values in seconds.items()}


def rates(seconds: Mapping[str, Sequence[float]], amount: float) -> dict[str, float]:
    """Return `amount` per second for each, by its median."""
    return {name: amount / statistics.median(values) for name, values in seconds.items()}


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of the values do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
