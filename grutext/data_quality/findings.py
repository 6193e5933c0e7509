"""A finding: one thing that is wrong with data, where, how often, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SHOWN = 5  # places that people see of a finding
Place = tuple[str, int]  # a file or other source as the user named it, and the line or row in it


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with data.

    Attributes:
        kind: Which thing, one of the names in docs/guide/data-quality.md.
        message: A sentence that says what was found.
        count: How many texts, labels or measures it concerns.
        places: All rows where it was found; none where it concerns the data as a whole.
        remedy: What to do about it.
    """

    kind: str
    message: str
    count: int
    remedy: str
    places: tuple[Place, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain values, as `grutext check --json` prints it."""
        return {
            "kind": self.kind,
            "message": self.message,
            "count": self.count,
            "places": [{"source": source, "line": line} for source, line in self.places],
            "remedy": self.remedy,
        }
