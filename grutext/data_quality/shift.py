"""Whether data differ from other data: in the lengths of the texts, in the labels, and in what a model says of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from grutext.data_quality.drift import TwoSampleTest, compare_shares, kolmogorov_smirnov
from grutext.data_quality.findings import Finding
from grutext.data_quality.profile import Profile

# A difference is a finding if chance makes one so large in one of a hundred cases, and if it is large enough to matter.
_MOST_P, _LEAST_STATISTIC = 0.01, 0.1
_LEAST_TEXTS = 20


@dataclass(frozen=True, slots=True)
class Shift:
    """The comparison of two sources in one measure.

    Attributes:
        measure: `characters`, `labels`, `unknown_words` or `familiarity`.
        own: The median of the data; None for labels.
        other: The median of the other data; None for labels.
        statistic: The largest distance between the two cumulative distributions; for labels half the sum of the
            differences of their shares; both in 0..1.
        p_value: How likely it is to be so large by chance.
    """

    measure: str
    own: float | None
    other: float | None
    statistic: float
    p_value: float

    def describe(self) -> str:
        """Return the numbers as a phrase."""
        medians = "" if self.own is None else f"medians {self.own:g} and {self.other:g}, "
        chance = "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}"
        return f"{medians}distance {self.statistic:.2f}, {chance}"

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
        return asdict(self)


def measure_shifts(own: Profile, other: Profile) -> Iterator[Shift]:
    """Yield the comparison of two sources in each measure that both have; none if one has fewer than 20 texts."""
    if min(own.texts, other.texts) < _LEAST_TEXTS:
        return
    yield _compare("characters", own.lengths, other.lengths)
    if own.label_counts and other.label_counts:
        test = compare_shares(own.label_counts, other.label_counts)
        yield Shift("labels", None, None, *_rounded(test))
    if own.measures is None or other.measures is None:
        return
    yield _compare("unknown_words", own.measures.unknown, other.measures.unknown)
    own_familiarity, other_familiarity = own.measures.familiarity, other.measures.familiarity
    if own_familiarity is not None and other_familiarity is not None:
        yield _compare("familiarity", own_familiarity, other_familiarity)


def find_shifts(shifts: Iterable[Shift], against: str) -> Iterator[Finding]:
    """Yield the comparisons that show a difference."""
    for shift in shifts:
        if shift.p_value >= _MOST_P or shift.statistic < _LEAST_STATISTIC:
            continue
        measure = shift.measure.replace("_", " ")
        verb = "differ" if measure.endswith("s") else "differs"
        message = f"{measure} {verb} from {against}: {shift.describe()}"
        remedy = (
            "scores on one may not hold for the other; look whether both come from the same source and time"
        )
        if shift.measure in ("unknown_words", "familiarity"):
            remedy += f"; a model always knows the texts that it was trained on better: {against} must not be among them"
        yield Finding("shift", message, 1, remedy)


def _compare(measure: str, own: npt.ArrayLike, other: npt.ArrayLike) -> Shift:
    """Compare two samples of a number."""
    first, second = (round(float(np.median(np.asarray(sample, np.float64))), 4) for sample in (own, other))
    return Shift(measure, first, second, *_rounded(kolmogorov_smirnov(own, other)))


def _rounded(test: TwoSampleTest) -> tuple[float, float]:
    return round(test.statistic, 4), round(test.p_value, 6)
