"""What a check knows of the texts of a source, whether one machine or a cluster has counted them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from grutext.data import Rows
from grutext.data_quality.findings import Place

RARE_SCRIPT = 0.02  # of the texts: a script of fewer is rare
_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_OUTLIER, _LEAST_OUTLIER = 50, 5_000  # times the median length, and characters


@dataclass(frozen=True)
class Lengths:
    """How many texts have each length in characters.

    Attributes:
        values: `(M,)`, the M different lengths, in ascending order.
        counts: `(M,)`, the number of texts of each, at least 1.
    """

    values: NDArray[np.integer]
    counts: NDArray[np.integer]

    @classmethod
    def of(cls, lengths: NDArray[np.integer]) -> Lengths:
        """Count the lengths of N texts, shape (N,)."""
        return cls(*np.unique(lengths, return_counts=True))

    def quantiles(self) -> list[int]:
        """Return the quantiles 0, 5, 25, 50, 75, 95 and 100 %, interpolated and rounded down; zeros without texts."""
        return [int(self._quantile(share)) for share in _QUANTILES]

    @property
    def median(self) -> float:
        """The median; 0 without texts."""
        return self._quantile(0.5)

    @property
    def outlier(self) -> float:
        """The length above which a text is so much longer than the others that it may be several."""
        return max(_OUTLIER * self.median, _LEAST_OUTLIER)

    @property
    def outliers(self) -> int:
        """The number of texts that are longer than `outlier`."""
        return int(self.counts[self.values > self.outlier].sum())

    def _quantile(self, share: float) -> float:
        """Return a quantile: the length at the position `share * (N - 1)` in ascending order, interpolated."""
        if not len(self.values):
            return 0.0
        ends = np.cumsum(self.counts)
        first_and_last = np.stack([ends - self.counts, ends - 1], axis=1).ravel()  # (2M,)
        return float(np.interp(share * (ends[-1] - 1), first_and_last, self.values.repeat(2)))


@dataclass(frozen=True, slots=True)
class Copies:
    """Texts that occur again with the same labels.

    Attributes:
        count: The number of texts that are copies of an earlier one.
        most: How often the most frequent text occurs.
        text: The beginning of that text.
        places: All copies.
    """

    count: int = 0
    most: int = 0
    text: str = ""
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Contradictions:
    """Texts that occur with different labels.

    Attributes:
        count: The number of such texts.
        text: The beginning of one of them.
        labels: Two of its labels, or sets of labels.
        places: All places of all such texts, text after text.
    """

    count: int = 0
    text: str = ""
    labels: tuple[tuple[str, ...], ...] = ()
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class TextStatistics:
    """The texts of a source, counted. Places are missing where rows have no numbers, as in a table of a cluster.

    Attributes:
        texts: The number of texts that are not empty.
        label_counts: The number of texts with each label.
        lengths: Their lengths.
        scripts: The number of texts in each script.
        empty: The rows without a text.
        copies: Texts that occur again with the same labels.
        contradictions: Texts that occur with different labels.
        odd: The rows with each kind of odd character, and the characters around one of them.
        script_places: The places of the texts in each rare script, and of those without a letter.
        long: Places of all texts that are longer than `lengths.outlier`.
    """

    texts: int
    label_counts: Counter[str]
    lengths: Lengths
    scripts: Counter[str]
    empty: Rows
    copies: Copies
    contradictions: Contradictions
    odd: Mapping[str, tuple[Rows, str]]
    script_places: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    long: tuple[Place, ...] = ()
