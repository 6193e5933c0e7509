"""Reading all labelled texts of a source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from grutext.data.cells import read_text
from grutext.data.columns import Choice, Columns, choose_columns
from grutext.data.copies import TextIndex
from grutext.data.dialect import Dialect
from grutext.data.examples import Example, ReadOptions
from grutext.data.formats.registry import find_source, open_table
from grutext.data.labels import Labels, read_labels
from grutext.data.on_disk import Collected, ShardOptions, Shards, collect
from grutext.data.records import Record, Table
from grutext.errors import DataError
from grutext.messages import count, list_names, quote


@dataclass
class Dataset:
    """The labelled texts of one source.

    Attributes:
        examples: The labelled texts in the order of the source; empty if they are in `shards`.
        multilabel: Whether a text may have several labels.
        notes: Lines for the user: the guessed columns with three rows, and the number of empty and of dropped rows.
        text_column: The column of the texts; None if the source has no columns.
        label_column: The column of the labels; None if the source has no columns.
        source: The source as the user named it.
        shards: The labelled texts in files; None if they are in memory.
        held_out: A random sample for a dev split, which is not in the files.
        dialect: The dialect in which a CSV or TSV file was read; None for other sources.
        index: All texts of the source, if they are in files.
    """

    examples: list[Example]
    multilabel: bool
    notes: list[str] = field(default_factory=list)
    text_column: str | None = None
    label_column: str | None = None
    source: str = ""
    shards: Shards | None = None
    held_out: list[Example] = field(default_factory=list)
    dialect: Dialect | None = None
    index: TextIndex | None = None

    @property
    def texts(self) -> int:
        """The number of texts, in memory and in files."""
        return len(self.examples) + len(self.held_out) + (self.shards.texts if self.shards else 0)

    @property
    def label_counts(self) -> Counter[str]:
        """The number of texts with each label."""
        counts = Counter(label for example in (*self.examples, *self.held_out) for label in example.labels)
        return counts + self.shards.counts if self.shards else counts


_NO_OPTIONS = ReadOptions()
_NOTHING_KNOWN = Columns(None, None)


def read_dataset(
    source: str,
    options: ReadOptions = _NO_OPTIONS,
    *,
    multilabel: bool | None = None,
    known: Columns = _NOTHING_KNOWN,
    shards: ShardOptions | None = None,
) -> Dataset:
    """Read and check all rows of a source.

    Args:
        source: A path, `-` for standard input, `tfds:NAME[/CONFIG][:SPLIT]` or `sample`.
        options: How to read it. Names of columns have no effect on sources without columns (fastText, folders).
        multilabel: Whether a text may have several labels. None: it may if any row has a list of labels, or any
            fastText line has two.
        known: The columns of other data for the same model, which are used if the source has them and the options name
            none.
        shards: When and where texts are written to files; None holds all of them in memory.

    Raises:
        DataError: The source or one of its rows cannot be used; names file, line and remedy.
        MissingExtraError: The source needs a package that is not installed.
    """
    if options.label_separator == "":
        raise DataError("the separator of labels is empty; name one, such as --label-separator ';'")
    found_source = find_source(source, options.format)
    with open_table(found_source, options.encoding, dialect=options.dialect) as table:
        named = Columns(options.text_column, options.label_column)
        choice = choose_columns(table, named, known, labelled=True)
        tally = _Tally(several=options.label_separator is not None)
        found = _read_examples(table, choice, options, multilabel, tally)
        collected = Collected(list(found)) if shards is None else collect(found, shards)
        notes = [*table.notes, *choice.notes, *_describe(table.source, tally)]
    if not collected.examples and not collected.shards:
        problem = f"none of its {count(tally.rows, 'row')} has both a text and a label"
        raise DataError(problem, table.source)
    if multilabel is None and tally.list_at is not None:
        notes.append(
            f"{table.source}: a text may have several labels (line {tally.list_at} has a list of them)"
        )
    return Dataset(
        examples=collected.examples,
        shards=collected.shards,
        held_out=list(collected.held_out),
        index=collected.index,
        multilabel=tally.several if multilabel is None else multilabel,
        notes=notes,
        text_column=None if table.fixed else choice.text,
        label_column=None if table.fixed else choice.label,
        source=table.source,
        dialect=table.dialect,
    )


@dataclass(slots=True)
class _Tally:
    """Counts of the rows that were read.

    Attributes:
        several: Whether a text may have several labels.
        list_at: The first line with a list of labels.
        rows: All rows.
        empty_texts: Rows with an empty text that are not dropped.
        no_labels: Rows with an empty list of labels that are not dropped.
        dropped_labels: Rows that are dropped because they have no label.
        dropped_texts: Rows that are dropped because they have no text.
    """

    several: bool
    list_at: int | None = None
    rows: int = 0
    empty_texts: int = 0
    no_labels: int = 0
    dropped_labels: int = 0
    dropped_texts: int = 0


def _read_examples(
    table: Table, choice: Choice, options: ReadOptions, multilabel: bool | None, tally: _Tally
) -> Iterator[Example]:
    label_column = str(choice.label)
    for record in table:
        tally.rows += 1
        found = read_labels(record, label_column, options.label_separator)
        if options.skip_empty and (found.labels is None or _is_blank(record, label_column)):
            tally.dropped_labels += 1
            continue
        labels = _check_labels(found, record, table, label_column, multilabel)
        if options.skip_empty and choice.text not in record.fields:
            tally.dropped_texts += 1
            continue
        text = read_text(record, choice.text)
        if not text or text.isspace():
            if options.skip_empty:
                tally.dropped_texts += 1
                continue
            tally.empty_texts += 1
        if found.several:
            tally.several = True
            tally.list_at = tally.list_at or record.number
        tally.no_labels += not labels
        yield Example(text, labels, record.source, record.number)


def _is_blank(record: Record, column: str) -> bool:
    """Return whether a cell is a blank string; an empty list of labels is not."""
    value = record.fields.get(column)
    return isinstance(value, str) and not value.strip()


def _check_labels(
    found: Labels, record: Record, table: Table, column: str, multilabel: bool | None
) -> tuple[str, ...]:
    """Return the labels of a row.

    Raises:
        DataError: The label is missing, or there is not exactly one label although each text must have one.
    """
    problem = ""
    if found.labels is None:
        problem = table.no_label or f"the label column {quote(column)} is empty; --skip-empty drops such rows"
    elif multilabel is False and len(found.labels) != 1:
        has = f"{len(found.labels)} labels ({list_names(found.labels)})" if found.labels else "no label"
        problem = f"the text has {has}, but here each text has one; give it one"
    if problem:
        raise DataError(problem, record.source, record.number)
    return found.labels or ()


def _describe(source: str, tally: _Tally) -> list[str]:
    are = "is" if tally.empty_texts == 1 else "are"
    counted = (
        (tally.empty_texts, "text", f"{are} empty (kept; --skip-empty drops such rows)"),
        (tally.no_labels, "text", "with no label at all (kept: none applies)"),
        (tally.dropped_labels, "row", "dropped: label empty"),
        (tally.dropped_texts, "row", "dropped: text empty"),
    )
    return [f"{source}: {count(number, thing)} {what}" for number, thing, what in counted if number]
