"""Reading a whole source of labelled texts."""

from __future__ import annotations

from collections import Counter

from grutext.data.cells import read_text
from grutext.data.columns import Choice, Columns, choose_columns
from grutext.data.examples import Dataset, Example, ReadOptions
from grutext.data.labels import Labels, read_labels
from grutext.data.records import Record, Table
from grutext.data.sources import find_source
from grutext.data.tables import open_table
from grutext.data.wording import count, list_names
from grutext.errors import DataError

_NO_OPTIONS = ReadOptions()
_NOTHING_KNOWN = Columns(None, None)


def read_dataset(
    source: str,
    options: ReadOptions = _NO_OPTIONS,
    *,
    multilabel: bool | None = None,
    known: Columns = _NOTHING_KNOWN,
) -> Dataset:
    """Reads and checks all rows of a source.

    Args:
        source: A path, `-` for standard input, `tfds:NAME[/CONFIG][:SPLIT]` or `sample`.
        options: How to read it. Column names mean nothing for sources without columns (fastText, folders).
        multilabel: Whether a text may have several labels; None takes it from the data, where any list of
            labels (and any fastText line with two) means yes.
        known: The columns of other data for the same model, used where the source has them and the options name
            none.

    Raises:
        DataError: The source or one of its rows cannot be used; names file, line and remedy.
        MissingExtraError: The source needs a package that is not installed.
    """
    if options.label_separator == "":
        raise DataError("the separator of labels is empty; name one, such as --label-separator ';'")
    with open_table(find_source(source, options.format), options.encoding) as table:
        named = Columns(options.text_column, options.label_column)
        choice = choose_columns(table, named, known, labelled=True)
        examples, several, counts = _read_examples(table, choice, options, multilabel)
        notes = [*table.notes, *choice.notes]
        names = None if table.fixed else choice
        source = table.source
    notes += _describe(source, counts)
    if not examples:
        raise DataError(f"none of its {count(counts['rows'], 'row')} is left: all are empty", source)
    return Dataset(
        examples=examples,
        multilabel=several if multilabel is None else multilabel,
        notes=notes,
        text_column=names and names.text,
        label_column=names and names.label,
        source=source,
    )


def _read_examples(
    table: Table, choice: Choice, options: ReadOptions, multilabel: bool | None
) -> tuple[list[Example], bool, Counter[str]]:
    """Gives the examples, whether any row has a list of labels, and how many rows are special in which way."""
    examples = []
    several = options.label_separator is not None
    counts: Counter[str] = Counter()
    label_column = str(choice.label)
    for record in table:
        counts["rows"] += 1
        found = read_labels(record, label_column, options.label_separator)
        if options.skip_empty and (found.labels is None or _is_blank(record, label_column)):
            counts["without label"] += 1
            continue
        labels = _check_labels(found, record, table, label_column, multilabel)
        if options.skip_empty and choice.text not in record.fields:
            counts["without text"] += 1
            continue
        text = read_text(record, choice.text)
        if not text or text.isspace():
            if options.skip_empty:
                counts["without text"] += 1
                continue
            counts["empty texts"] += 1
        several = several or found.several
        counts["no label"] += not labels
        examples.append(Example(text, labels, record.source, record.number))
    return examples, several, counts


def _is_blank(record: Record, column: str) -> bool:
    """Tells whether the cell itself is empty, which a list without labels is not."""
    value = record.fields.get(column)
    return isinstance(value, str) and not value.strip()


def _check_labels(
    found: Labels, record: Record, table: Table, column: str, multilabel: bool | None
) -> tuple[str, ...]:
    """Gives the labels of a row that may stand.

    Raises:
        DataError: There are none, or several where the model gives one.
    """
    problem = ""
    if found.labels is None:
        problem = table.no_label or f'the label column "{column}" is empty; --skip-empty drops such rows'
    elif multilabel is False and len(found.labels) != 1:
        has = f"{len(found.labels)} labels ({list_names(found.labels)})" if found.labels else "no label"
        problem = f"the text has {has}, but here each text has one; give it one"
    if problem:
        raise DataError(problem, record.source, record.number)
    return found.labels or ()


def _describe(source: str, counts: Counter[str]) -> list[str]:
    notes = []
    if counts["empty texts"]:
        are = "is" if counts["empty texts"] == 1 else "are"
        notes.append(
            f"{source}: {count(counts['empty texts'], 'text')} {are} empty (kept; --skip-empty drops them)"
        )
    if counts["no label"]:
        notes.append(
            f"{source}: {count(counts['no label'], 'text')} with no label at all (kept: none applies)"
        )
    if counts["without label"]:
        notes.append(f"{source}: {count(counts['without label'], 'row')} dropped: label empty")
    if counts["without text"]:
        notes.append(f"{source}: {count(counts['without text'], 'row')} dropped: text empty")
    return notes
