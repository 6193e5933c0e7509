"""Reading all labelled texts of a source."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from grutext.data.cells import is_missing, read_scalar, read_text
from grutext.data.columns import Choice, Columns, choose_columns
from grutext.data.copies import TextIndex
from grutext.data.dialect import Dialect
from grutext.data.examples import ColumnNames, Example, ReadOptions, join_columns, list_columns
from grutext.data.formats.encodings import describe_encodings
from grutext.data.formats.registry import find_source, open_table
from grutext.data.joined import open_sources
from grutext.data.label_cells import (
    LabelReader,
    Labels,
    is_distribution,
    is_one_hot_name,
    likely_labels,
    one_hot_error,
    read_probability,
)
from grutext.data.labels import (
    MISSING,
    clean_label,
    describe_separator,
    describe_spellings,
    match_labels,
    merge_spellings,
    respell_example,
)
from grutext.data.on_disk import Collected, DiskOptions, TextsOnDisk, collect
from grutext.data.records import Record, Table
from grutext.data.tally import Tally
from grutext.errors import DataError
from grutext.messages import count, list_names, quote


@dataclass
class Dataset:
    """The labelled texts of one source.

    Attributes:
        examples: The labelled texts in the order of the source; empty if they are in `on_disk`.
        multilabel: Whether a text may have several labels.
        notes: Lines for the user: the guessed columns with three rows, and the number of empty and of dropped rows.
        text_column: The column of the texts, or several columns; None if the source has no columns.
        label_column: The column of the labels, or several of 0 and 1; None if the source has no columns.
        source: The source as the user named it.
        on_disk: The labelled texts in files; None if they are in memory.
        held_out: A random sample for a dev split, which is not in the files.
        dialect: The dialect in which a CSV or TSV file was read; None for other sources.
        index: All texts of the source, if they are in files.
        encodings: The encodings that were found, and the number of files in each; empty if the user named one.
    """

    examples: list[Example]
    multilabel: bool
    notes: list[str] = field(default_factory=list)
    text_column: ColumnNames = None
    label_column: ColumnNames = None
    source: str = ""
    on_disk: TextsOnDisk | None = None
    held_out: list[Example] = field(default_factory=list)
    dialect: Dialect | None = None
    index: TextIndex | None = None
    encodings: Counter[str] = field(default_factory=Counter)

    @property
    def texts(self) -> int:
        """The number of texts, in memory and in files."""
        return len(self.examples) + len(self.held_out) + (self.on_disk.texts if self.on_disk else 0)

    @property
    def label_counts(self) -> Counter[str]:
        """The number of texts with each label."""
        counts = Counter(label for example in (*self.examples, *self.held_out) for label in example.labels)
        return counts + self.on_disk.counts if self.on_disk else counts


_NO_OPTIONS = ReadOptions()
_NOTHING_KNOWN = Columns(None, None)


def read_dataset(
    source: str | Sequence[str] | Table,
    options: ReadOptions = _NO_OPTIONS,
    *,
    multilabel: bool | None = None,
    known: Columns = _NOTHING_KNOWN,
    labels: Collection[str] = (),
    on_disk: DiskOptions | None = None,
) -> Dataset:
    """Read and check all rows of a source.

    Args:
        source: A path, a pattern such as `2026-*.csv`, `-` for standard input, `tfds:NAME[/CONFIG][:SPLIT]` or `sample`; or
            several of these, whose files have the same columns; or a table that is open already.
        options: How to read it. Names of columns have no effect on sources without columns (fastText, folders).
        multilabel: Whether a text may have several labels. None: it may if any row has a list of labels, or any
            fastText line has two.
        known: The columns of other data for the same model, which are used if the source has them and the options name
            none.
        labels: The labels that the model knows; labels that differ from these in spelling only are read as these. Empty
            for data that a model is trained on.
        on_disk: When and where texts are written to files; None holds all of them in memory.

    Raises:
        DataError: The source or one of its rows cannot be used, or the model knows none of its labels; names file, line
            and remedy.
        MissingExtraError: The source needs a package that is not installed.
    """
    with open_labelled(source, options, multilabel=multilabel, known=known, labels=labels) as reading:
        collected = (
            Collected(list(reading.examples())) if on_disk is None else collect(reading.examples(), on_disk)
        )
    table, choice, tally = reading.table, reading.choice, reading.tally
    notes = [*reading.notes, *tally.describe(table.source)]
    if not collected.examples and not collected.on_disk:
        problem = f"none of its {count(tally.rows, 'row')} has both a text and a label"
        raise DataError(problem, table.source)
    if multilabel is None and tally.list_at is not None:
        notes.append(
            f"{table.source}: a text may have several labels (line {tally.list_at} has a list of them)"
        )
    dataset = Dataset(
        examples=collected.examples,
        on_disk=collected.on_disk,
        held_out=list(collected.held_out),
        index=collected.index,
        multilabel=tally.several if multilabel is None else multilabel,
        notes=notes,
        text_column=None if table.fixed else join_columns(choice.texts),
        label_column=None if table.fixed else join_columns(choice.labels),
        source=table.source,
        dialect=table.dialect,
        encodings=table.encodings,
    )
    if not labels:
        counts = dataset.label_counts
        reading.check_names(counts)
        without = [name for name in choice.labels if clean_label(name) not in counts]
        if len(choice.labels) > 1 and without:
            dataset.notes.append(f"{table.source}: labels without a text: {list_names(without)}")
    return unify_labels(dataset, labels)


@contextmanager
def open_labelled(
    source: str | Sequence[str] | Table,
    options: ReadOptions = _NO_OPTIONS,
    *,
    multilabel: bool | None = None,
    known: Columns = _NOTHING_KNOWN,
    labels: Collection[str] = (),
) -> Iterator[LabelledReading]:
    """Open a source and choose its columns, to read its examples one by one; the arguments are those of `read_dataset`.

    Raises:
        DataError: The source cannot be read, or it is not clear which columns to choose.
        MissingExtraError: The source needs a package that is not installed.
    """
    if options.label_separator == "":
        raise DataError("the separator of labels is empty; name one, such as --label-separator ';'")

    def open_source(name: str) -> Table:
        return open_table(find_source(name, options.format), options)

    sources = [source] if isinstance(source, str) else source
    with sources if isinstance(sources, Table) else open_sources(sources, open_source) as table:
        named = Columns(options.text_column, options.label_column)
        weights = list_columns(options.weight_column)
        choice = choose_columns(table, named, known, labelled=True, excluded=weights)
        exclusive = _hold_distributions(table, choice.labels)
        several = options.label_separator is not None or (len(choice.labels) > 1 and not exclusive)
        yield LabelledReading(table, choice, options, multilabel, labels, Tally(several), exclusive)


def unify_labels(dataset: Dataset, known: Collection[str] = ()) -> Dataset:
    """Return a data set in which all spellings of a label are one, with notes on what was replaced.

    Args:
        dataset: The data set as it was read.
        known: The labels of the model that the data are for; empty for data that a model is trained on.

    Raises:
        DataError: The model knows none of the labels.
    """
    if dataset.multilabel:
        dataset = replace(
            dataset,
            examples=[_decide_each(example) for example in dataset.examples],
            held_out=[_decide_each(example) for example in dataset.held_out],
        )
    counts = dataset.label_counts
    replaced = match_labels(counts, known, dataset.source) if known else merge_spellings(counts)
    notes = [*dataset.notes, *describe_spellings(dataset.source, replaced, counts)]
    if not dataset.multilabel:
        notes += describe_separator(dataset.source, counts)
    if not replaced:
        return replace(dataset, notes=notes)
    return replace(
        dataset,
        notes=notes,
        examples=[respell_example(example, replaced) for example in dataset.examples],
        held_out=[respell_example(example, replaced) for example in dataset.held_out],
        on_disk=None if dataset.on_disk is None else dataset.on_disk.respell(replaced),
    )


@dataclass(frozen=True, slots=True)
class LabelledReading:
    """The examples of an open table.

    Attributes:
        table: The table.
        choice: Its columns.
        options: How to read it.
        multilabel: Whether a text may have several labels; None: if any row has a list.
        known: The labels that the model knows; empty for data that a model is trained on.
        tally: What was counted.
        exclusive: Whether several label columns have probabilities that sum to 1, so that each text has one label.
        missing: The spellings of a missing label; None finds them in the first block.
    """

    table: Table
    choice: Choice
    options: ReadOptions
    multilabel: bool | None
    known: Collection[str]
    tally: Tally
    exclusive: bool = False
    missing: frozenset[str] | None = None

    @property
    def notes(self) -> list[str]:
        """Lines for the user: which dialect, encodings and columns were found in the files that are read so far."""
        encodings = describe_encodings(self.table.source, self.table.encodings)
        return [*self.table.notes, *encodings, *self.choice.notes]

    def examples(self) -> Iterator[Example]:
        """Yield the examples, in the order of the table.

        Raises:
            DataError: A row has no label, or more than one where each text has one.
        """
        tally, skip_empty = self.tally, self.options.skip_empty
        texts, label_columns = self.choice.texts, self.choice.labels
        missing = self.find_missing() if self.missing is None else self.missing
        reader = LabelReader(label_columns, self.options.label_separator, missing, self.exclusive)
        tally.cleaned = reader.cleaned
        for record in self.table:
            tally.rows += 1
            found = reader.read(record)
            if found.missing:
                tally.missing[found.missing] += 1
            if skip_empty and (found.labels is None or found.missing or _is_blank(record, label_columns)):
                tally.dropped_labels.add(record.source, record.number)
                continue
            labels = self._check_labels(found, record)
            if skip_empty and not any(column in record.fields for column in texts):
                tally.dropped_texts.add(record.source, record.number)
                continue
            text = read_text(record, texts)
            if not text or text.isspace():
                if skip_empty:
                    tally.dropped_texts.add(record.source, record.number)
                    continue
                tally.empty_texts += 1
            if found.several:
                tally.several = True
                if len(label_columns) == 1:
                    tally.list_at = tally.list_at or record.number
                    if labels:
                        tally.vectors.add(found.vector)
            weight = self._read_weight(record)
            if weight == 0:
                tally.dropped_weights += 1
                continue
            tally.no_labels += not labels
            tally.uncertain += found.probabilities is not None
            yield Example(text, labels, record.source, record.number, weight, found.probabilities)

    def _read_weight(self, record: Record) -> float:
        """Return the weight of a row; 1 without a column of weights.

        Raises:
            DataError: It is not a number of at least 0.
        """
        column = self.options.weight_column
        if column is None:
            return 1.0
        value = record.fields.get(column)
        cell = "" if is_missing(value) else read_scalar(value) or ""
        try:
            weight = float(cell)
        except ValueError:
            weight = -1.0
        if not 0.0 <= weight < math.inf:
            problem = (
                f"the weight column {quote(column)} holds {quote(cell)}; a weight is a number of at least 0"
            )
            raise DataError(problem, record.source, record.number)
        return weight

    def find_missing(self) -> frozenset[str]:
        """Return the spellings of a missing value, except for labels that the model knows.

        There are none in a source without columns, whose labels were written on purpose, and in a column that has no
        other values in the first block.
        """
        if self.options.keep_missing or self.table.fixed or len(self.choice.labels) > 1:
            return frozenset()
        missing = MISSING.difference(self.known)
        values = (record.fields.get(self.choice.labels[0]) for record in self.table.read_block())
        others = (value for value in values if not is_missing(value))
        has_others = any(
            not isinstance(value, str) or clean_label(value) not in missing | {""} for value in others
        )
        return missing if has_others else frozenset()

    def _check_labels(self, found: Labels, record: Record) -> tuple[str, ...]:
        """Return the labels of a row.

        Raises:
            DataError: The label is missing, or there is not exactly one label although each text must have one.
        """
        problem = ""
        if found.labels is None and found.missing:
            problem = (
                f"the label {quote(found.missing)} stands for a missing one; --skip-empty drops such rows, "
                "--keep-missing takes it for a label"
            )
        elif found.labels is None:
            empty = [name for name in self.choice.labels if is_empty(record.fields.get(name))]
            column = quote((empty or self.choice.labels)[0])
            problem = (
                self.table.no_label or f"the label column {column} is empty; --skip-empty drops such rows"
            )
        elif self.multilabel is False and len(found.labels) != 1:
            has = f"{len(found.labels)} labels ({list_names(found.labels)})" if found.labels else "no label"
            problem = f"the text has {has}, but here each text has one; give it one"
        if problem:
            raise DataError(problem, record.source, record.number)
        return found.labels or ()

    def check_names(self, counts: Counter[str]) -> None:
        """Raise a DataError if all lists of the table are one-hot, or all labels are one-hot lists without brackets."""
        check_not_one_hot(counts, self.tally, self.table.source, self.choice.labels[0])


def check_not_one_hot(counts: Counter[str], tally: Tally, source: str, column: str) -> None:
    """Raise a DataError if all lists of a source are one-hot, or all labels are one-hot lists without brackets.

    Args:
        counts: The number of texts with each label.
        tally: What was counted while the rows were read.
        source: The source, for the message.
        column: The label column, or the first one, for the message.
    """
    lengths = {len(label) for label in counts}
    bare = len(counts) > 1 and len(lengths) == 1 and all(map(is_one_hot_name, counts))
    if (len(tally.vectors) == 1 and 0 not in tally.vectors) or bare:
        raise one_hot_error(source, tally.list_at, column)


def _decide_each(example: Example) -> Example:
    """Return an example with each label that is likely, also if its probabilities happen to sum to 1."""
    if example.probabilities is None:
        return example
    return replace(example, labels=likely_labels(example.probabilities, exclusive=False))


def _hold_distributions(table: Table, columns: Sequence[str]) -> bool:
    """Return whether several label columns hold probabilities, not only 0 and 1, that sum to 1 in each row of the first block."""
    if len(columns) < 2:
        return False
    has_fractions = False
    for record in table.read_block():
        values = {column: read_probability(record.fields.get(column)) for column in columns}
        known = {column: value for column, value in values.items() if value is not None}
        if len(known) == len(columns) and not is_distribution(known):
            return False
        has_fractions = has_fractions or not set(known.values()) <= {0.0, 1.0}
    return has_fractions


def is_empty(value: object) -> bool:
    """Return whether a cell is missing or blank; an empty list of labels is not."""
    return is_missing(value) or (isinstance(value, str) and not value.strip())


def _is_blank(record: Record, columns: tuple[str, ...]) -> bool:
    """Return whether the only label cell is a blank string."""
    value = record.fields.get(columns[0])
    return len(columns) == 1 and isinstance(value, str) and not value.strip()
