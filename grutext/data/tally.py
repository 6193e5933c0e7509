"""What is counted while labelled rows are read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from grutext.data.labels import show_all
from grutext.messages import LISTED, count, quote

_SHOWN = 5  # places for a note


@dataclass(slots=True)
class Rows:
    """Rows that have something in common.

    Attributes:
        count: Their number.
        places: File and line of the first `most` of them.
        most: How many places are kept; None for all.
    """

    count: int = 0
    places: list[tuple[str, int]] = field(default_factory=list)
    most: int | None = _SHOWN

    def add(self, source: str, row: int) -> None:
        """Count a row of a file."""
        self.count += 1
        if self.most is None or len(self.places) < self.most:
            self.places.append((source, row))


@dataclass(slots=True)
class Tally:
    """Counts of the rows that were read.

    Attributes:
        several: Whether a text may have several labels.
        list_at: The first line with a list of labels.
        rows: All rows.
        empty_texts: Rows with an empty text that are not dropped.
        no_labels: Rows with an empty list of labels that are not dropped.
        dropped_labels: Rows that are dropped because they have no label.
        dropped_texts: Rows that are dropped because they have no text.
        dropped_weights: Rows that are dropped because their weight is 0.
        uncertain: Rows with probabilities instead of labels.
        missing: Spelled-out missing values that were taken for empty labels.
        cleaned: Labels that were changed by cleaning, as they are in the source.
        vectors: The lengths of the lists of numbers in 0..1; other lists, except for empty ones, have the length 0.
    """

    several: bool
    list_at: int | None = None
    rows: int = 0
    empty_texts: int = 0
    no_labels: int = 0
    dropped_labels: Rows = field(default_factory=Rows)
    dropped_texts: Rows = field(default_factory=Rows)
    dropped_weights: int = 0
    uncertain: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    cleaned: Counter[str] = field(default_factory=Counter)
    vectors: set[int] = field(default_factory=set)

    def describe(self, source: str) -> list[str]:
        """Return notes on the rows of a source."""
        are = "is" if self.empty_texts == 1 else "are"
        missing = ", ".join(
            f"{quote(spelling)} ({number:,})" for spelling, number in self.missing.most_common()
        )
        counted = (
            (self.empty_texts, "text", f"{are} empty (kept; --skip-empty drops such rows)"),
            (self.no_labels, "text", "with no label at all (kept: none applies)"),
            (self.dropped_labels.count, "row", "dropped: label empty"),
            (self.dropped_texts.count, "row", "dropped: text empty"),
            (self.dropped_weights, "row", "dropped: weight 0"),
            (
                self.uncertain,
                "text",
                f"with the probabilities of {'its' if self.uncertain == 1 else 'their'} labels",
            ),
        )
        notes = [f"{source}: {count(number, thing)} {what}" for number, thing, what in counted if number]
        if self.cleaned:
            spelled = ", ".join(
                f"{show_all(label)} ({number:,})" for label, number in self.cleaned.most_common(LISTED)
            )
            notes.append(
                f"{source}: labels freed from invisible characters and other Unicode forms than NFC: {spelled}"
            )
        if missing:
            notes.append(
                f"{source}: taken for missing labels: {missing} (--keep-missing takes them for labels)"
            )
        return notes
