"""`check_data`: look over texts and labels before a training, and compare them with others and with a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.data import (
    IN_MEMORY_TABLE,
    Columns,
    Example,
    ReadOptions,
    RowReader,
    Tally,
    open_frame,
    open_labelled,
    read_rows,
    remember_options,
    remembered_columns,
    rows_of_table,
)
from grutext.data_quality.findings import Finding
from grutext.data_quality.label_findings import find_in_labels, find_missing_labels, find_unknown_labels
from grutext.data_quality.model_measures import ModelMeasures, find_unfamiliar
from grutext.data_quality.profile import Profile
from grutext.data_quality.shift import Shift, find_shifts, measure_shifts
from grutext.data_quality.statistics import TextStatistics
from grutext.data_quality.text_findings import find_in_texts, find_shared
from grutext.inference import Classifier
from grutext.messages import list_names
from grutext.model.bundle import Bundle
from grutext.progress import Listener, Silent

_MOST_UNKNOWN_WORDS = 20

Source = str | Path | Sequence[str] | Any  # a path or a name, several of them, or a table in memory
_NO_OPTIONS = ReadOptions()


@dataclass(frozen=True)
class DataCheck:
    """What a check of data has found.

    Attributes:
        source: The data as the user named them.
        statistics: Its texts, counted.
        labelled: Whether the labels were read.
        findings: What is wrong, in the order of docs/guide/data-quality.md.
        shifts: The measures in which the data were compared with other data; empty without other data.
        measures: What a model says about the texts; None without a model.
    """

    source: str
    statistics: TextStatistics = field(repr=False)
    labelled: bool
    findings: tuple[Finding, ...]
    shifts: tuple[Shift, ...] = ()
    measures: ModelMeasures | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the check as plain values, as `grutext check --json` prints it."""
        statistics, measures = self.statistics, self.measures
        model = None
        if measures is not None:
            familiarity = measures.familiarity
            model = {
                "unknown_words": _mean(measures.unknown),
                "familiarity": None if familiarity is None else _mean(familiarity),
                "most_frequent_unknown_words": measures.unknown_words.most_common(_MOST_UNKNOWN_WORDS),
            }
        return {
            "source": self.source,
            "texts": statistics.texts,
            "labels": dict(statistics.label_counts.most_common()) if self.labelled else None,
            "characters": dict(
                zip(("min", "p5", "p25", "p50", "p75", "p95", "max"), self.quantiles(), strict=True)
            ),
            "scripts": dict(statistics.scripts.most_common()),
            "model": model,
            "shifts": [shift.to_dict() for shift in self.shifts],
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def quantiles(self) -> list[int]:
        """Return the quantiles 0, 5, 25, 50, 75, 95 and 100 % of the texts' lengths in characters; zeros without texts."""
        return self.statistics.lengths.quantiles()


def check_data(
    data: Source,
    *,
    against: Source | None = None,
    model: str | Path | None = None,
    reading: ReadOptions = _NO_OPTIONS,
    labelled: bool = True,
    listener: Listener | None = None,
) -> DataCheck:
    """Look over data: odd characters, copies, labels, lengths and scripts; rows are read one by one and not kept.

    Args:
        data: A path or a name as the command line takes it, several of them with the same columns, or a table in memory.
        against: Other data, such as the training data or a test set: shared texts, labels that are missing there, and
            tests whether both have the same lengths, labels, and, with a model, unknown words and familiarity.
        model: Folder of a model, whose words and labels the data are compared with. It remembers the columns.
        reading: How files are read, as for `grutext.train`.
        labelled: Whether the data have labels.
        listener: Receives notes on what was guessed.

    Raises:
        DataError: A source cannot be read, or it is not clear which columns to read.
        BundleError: The model is missing or damaged.
    """
    listener = listener or Silent()
    classifier, known = None, Columns(None, None)
    if model is not None:
        bundle = Bundle.load(model)
        classifier, known = Classifier(bundle), remembered_columns(bundle.data)
        reading = remember_options(reading, bundle.data)
    reader = _Reader(reading, known, classifier, labelled, listener)
    profile, tally = reader.read(data)
    source = _name(data)
    statistics = profile.statistics()
    findings = list(find_in_texts(source, statistics, labelled))
    if labelled:
        findings += find_in_labels(profile.label_counts, tally)
    shifts: tuple[Shift, ...] = ()
    if against is not None:
        other, _ = reader.read(against)
        findings += find_shared(profile, _name(against), other)
        if labelled:
            findings += find_missing_labels(profile.label_counts, other.label_counts, _name(against))
        shifts = tuple(measure_shifts(profile, other))
        findings += find_shifts(shifts, _name(against))
    if classifier is not None and labelled:
        findings += find_unknown_labels(profile.label_counts, classifier.labels)
    if profile.measures is not None:
        findings += find_unfamiliar(profile.measures)
    return DataCheck(source, statistics, labelled, tuple(findings), shifts, profile.measures)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads sources in the same way.

    Attributes:
        options: How files are read.
        known: The columns of the model's training data.
        classifier: The model that measures the texts; None for none.
        labelled: Whether the labels are read.
        listener: Receives notes.
    """

    options: ReadOptions
    known: Columns
    classifier: Classifier | None
    labelled: bool
    listener: Listener

    def read(self, source: Source) -> tuple[Profile, Tally]:
        """Read a source once, and return what was counted of its texts and of its rows."""
        profile = Profile(None if self.classifier is None else ModelMeasures(self.classifier))
        if self.labelled:
            tally = self._read_labelled(source, profile)
        else:
            tally = Tally(several=False)
            with self._open_rows(source) as rows:
                profile.read(Example(row.text, (), rows.source, row.number) for row in rows)
                self._note(rows.notes)
        return profile, tally

    def _open_rows(self, source: Source) -> RowReader:
        """Open texts without labels."""
        if _is_named(source):
            return read_rows(_names(source), self.options, known=self.known)
        return rows_of_table(open_frame(source), self.options, known=self.known)

    def _read_labelled(self, source: Source, profile: Profile) -> Tally:
        """Read labelled texts; rows without a label or a text are findings, and no reason to stop."""
        options = replace(self.options, skip_empty=True)
        opened = _names(source) if _is_named(source) else open_frame(source)
        with open_labelled(opened, options, known=self.known) as reading:
            reading.tally.dropped_labels.most = reading.tally.dropped_texts.most = None
            profile.read(reading.examples())
        reading.check_names(profile.label_counts)
        self._note(reading.notes)
        profile.empty = reading.tally.dropped_texts
        return reading.tally

    def _note(self, notes: Iterable[str]) -> None:
        for note in notes:
            self.listener.note(note)


def _is_named(source: Source) -> bool:
    """Return whether a source is a path or a name, or a list of names, and not a table in memory."""
    return isinstance(source, str | Path) or (
        isinstance(source, list | tuple) and all(isinstance(name, str | Path) for name in source)
    )


def _names(source: Source) -> list[str]:
    """Return the names of a source's files."""
    names = [source] if isinstance(source, str | Path) else source
    return [str(name) for name in names]


def _name(source: Source) -> str:
    """Return what a source is called in messages."""
    if not _is_named(source):
        return IN_MEMORY_TABLE
    names = [source] if isinstance(source, str | Path) else source
    return list_names(["standard input" if name == "-" else str(name) for name in names])


def _mean(values: NDArray[np.float32]) -> float | None:
    """Return the mean, rounded to four decimals; None without values."""
    return round(float(values.mean(dtype=np.float64)), 4) if len(values) else None
