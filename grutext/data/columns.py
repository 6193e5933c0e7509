"""Choosing the columns of the texts and of the labels."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from grutext.data.cells import describe, is_missing, read_scalar
from grutext.data.examples import ColumnNames, list_columns
from grutext.data.guessing import Profile, find_labels, find_texts, looks_like_data, profile_columns
from grutext.data.label_cells import read_flag
from grutext.data.records import Table
from grutext.errors import DataError
from grutext.messages import count, list_names, quote, shorten, suggest

# The first of these names that a source has is chosen, whatever the content.
TEXT_NAMES = (
    *("text", "sentence", "review", "content", "message", "body", "comment", "question", "utterance"),
    *("document", "description", "tweet", "post", "query", "request", "abstract", "article", "texts"),
    *("selftext", "msg", "comments", "narrative"),
)
# Chosen if no other name fits: a longer text often stands beside them.
TITLE_NAMES = ("title", "headline", "subject")
LABEL_NAMES = ("label", "labels", "class", "target", "y")
# Chosen if there is only one of them: what is to be told apart, the category or the rating, the names do not say.
TOPIC_NAMES = (
    *(
        "category",
        "sentiment",
        "intent",
        "tag",
        "topic",
        "rating",
        "emotion",
        "classes",
        "categories",
        "intents",
    ),
    *("tags", "topics", "emotions", "polarity", "stars", "genre", "department"),
)
# One of these names is chosen if the content of the column agrees and no other column has such a name.
LIKELY_TEXT_NAMES = (
    "v2",
    "summary",
    "statement",
    "transcript",
    "prompt",
    "feedback",
    "complaint",
    "news",
    "story",
)
LIKELY_LABEL_NAMES = (
    *(
        "score",
        "overall",
        "kind",
        "type",
        "flair",
        "status",
        "priority",
        "queue",
        "language",
        "lang",
        "grade",
    ),
    *("section", "group", "verdict", "outcome", "gold", "annotation", "v1", "subreddit", "stance"),
)
EXAMPLES = 3
_MOST_SHOWN = 8  # candidates in an error
_FEWEST_FLAGS = 3  # columns of 0 and 1 from which on they are taken for one label each


class Columns(NamedTuple):
    """The names of the text columns and of the label columns, as in `ReadOptions`; None if they are not known or not needed."""

    text: ColumnNames
    label: ColumnNames


class Choice(NamedTuple):
    """The chosen columns.

    Attributes:
        texts: The text columns, one or more.
        labels: The label columns: one, or several of 0 and 1; none if labels are not needed.
        notes: Lines for the user about what was guessed.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    notes: list[str]


def choose_columns(
    table: Table, named: Columns, known: Columns, *, labelled: bool, excluded: Collection[str] = ()
) -> Choice:
    """Choose the columns of texts and labels.

    In this order: columns that the user names; the columns that other data of the same model had; `text` and `label`;
    other common names; names that end in one of these (`review_text`); likely names whose content agrees. If no name
    decides, the content of the first block does: the column with the longest texts holds the texts, and the only column
    with short values that repeat the labels; three columns or more of 0 and 1, and no other, hold one label each. Where
    several columns qualify, the guess is not sure, which is an error. The content does not decide if other data of the
    same model had named columns, which are then missing here.

    Args:
        table: An open source.
        named: The columns that the user named.
        known: The columns that other data of the same model had.
        labelled: Whether label columns are needed.
        excluded: Columns that hold something else, and are not guessed.

    Raises:
        DataError: A named column does not exist, or it is not clear which columns to choose.
    """
    if table.fixed:
        for name in excluded:
            problem = f"there is no column {quote(name)}: this format has texts and labels only; leave out --weight-column"
            raise DataError(problem, table.source)
        return Choice(("text",), ("label",) if labelled else (), [])
    texts, labels = list_columns(named.text), list_columns(named.label) if labelled else ()
    for name in (*texts, *labels, *excluded):
        if name not in table.columns:
            raise _no_column(table, f"there is no column {quote(name)}{suggest(name, table.columns)}")
    for name in (*texts, *labels, *excluded):
        if (*texts, *labels, *excluded).count(name) > 1:
            raise DataError(f"the column {quote(name)} is named twice", table.source)
    texts = texts or _if_present(list_columns(known.text), table, "--text-column")
    if labelled:
        labels = labels or _if_present(list_columns(known.label), table, "--label-column")
    if texts and (labels or not labelled):
        return Choice(texts, labels, [])
    guessed_texts, guessed_labels = not texts, labelled and not labels
    records = table.read_block() if labelled else table.first
    guess = _Guess(
        table, profile_columns(records, [name for name in table.columns if name not in excluded]), known
    )
    guess.by_name(texts, labels, labelled=labelled)
    _check_separated(table)
    guess.texts = guess.texts or guess.texts_by_content()
    if labelled:
        guess.labels = guess.labels or guess.labels_by_content()
    return Choice(guess.texts, guess.labels, guess.describe(texts=guessed_texts, labels=guessed_labels))


def _if_present(names: tuple[str, ...], table: Table, option: str) -> tuple[str, ...]:
    """Return the columns of other data if the table has them; none if it has none of them."""
    missing = [name for name in names if name not in table.columns]
    if missing and len(missing) < len(names):
        problem = f"there is no column {quote(missing[0])} as in training; name the ones to read: {option}."
        raise _no_column(table, problem)
    return () if missing else names


@dataclass(slots=True)
class _Guess:
    """A guess of the columns of a table.

    Attributes:
        table: The table.
        profiles: What each column holds.
        known: The columns that other data of the same model had.
        texts: The text columns that a name has decided.
        labels: The label columns that a name has decided.
    """

    table: Table
    profiles: Mapping[str, Profile]
    known: Columns
    texts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def by_name(self, texts: tuple[str, ...], labels: tuple[str, ...], *, labelled: bool) -> None:
        """Choose what the names of the columns decide; columns that are chosen already stay."""
        self.texts, self.labels = texts, labels
        self.texts = self.texts or self._find_exact(TEXT_NAMES)
        if labelled:
            self.labels = self.labels or self._find_exact(LABEL_NAMES) or self._find_topic()
        self.texts = self.texts or self._find_ending(TEXT_NAMES)
        self.texts = self.texts or self._find_exact(TITLE_NAMES) or self._find_ending(TITLE_NAMES)
        if labelled:
            self.labels = self.labels or self._find_ending(LABEL_NAMES + TOPIC_NAMES, labels=True)
        self.texts = self.texts or self._find_likely(LIKELY_TEXT_NAMES, texts=True)
        if labelled:
            self.labels = self.labels or self._find_likely(LIKELY_LABEL_NAMES, texts=False)

    def _free(self) -> list[str]:
        """Return the columns that are not chosen yet."""
        return [column for column in self.profiles if column not in {*self.texts, *self.labels}]

    def _find_exact(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the column with the first of these names."""
        found = {column.strip().casefold(): column for column in reversed(self._free())}
        return next(((found[name],) for name in names if name in found), ())

    def _find_topic(self) -> tuple[str, ...]:
        """Return the column with one of `TOPIC_NAMES`.

        Raises:
            DataError: There are several whose content agrees.
        """
        named = [column for column in self._free() if column.strip().casefold() in TOPIC_NAMES]
        agreeing = [self.profiles[column] for column in named if self.profiles[column].has_labels]
        if len(agreeing) > 1:
            raise _unsure(self.table, "labels", agreeing, "--label-column")
        return (agreeing[0].name,) if agreeing else self._find_exact(TOPIC_NAMES)

    def _find_ending(self, names: Sequence[str], *, labels: bool = False) -> tuple[str, ...]:
        """Return the column whose name ends in the first of these names; none if several could hold the labels."""
        endings = {column: _last_word(column) for column in self._free()}
        for name in names:
            found = [column for column, ending in endings.items() if ending == name]
            agreeing = [column for column in found if labels and self.profiles[column].has_labels]
            if len(agreeing) > 1:
                return ()
            if found:
                return ((agreeing or found)[0],)
        return ()

    def _find_likely(self, names: Sequence[str], *, texts: bool) -> tuple[str, ...]:
        """Return the only column with one of these names whose content agrees; none if there are several."""
        found: list[str] = []
        for column in self._free():
            profile = self.profiles[column]
            agrees = profile.has_texts if texts else profile.has_labels and len(profile.values) > 1
            if agrees and {column.strip().casefold(), _last_word(column)} & set(names):
                found.append(column)
        return (found[0],) if len(found) == 1 else ()

    def texts_by_content(self) -> tuple[str, ...]:
        """Choose the column with the longest texts.

        Raises:
            DataError: There is none, or another has texts that are about as long.
        """
        if self.known.text is not None:
            name = quote(list_columns(self.known.text)[0])
            problem = f"there is no column {name} as in training; name the one with texts: --text-column."
            raise _no_column(self.table, problem)
        found = find_texts([p for p in self.profiles.values() if p.name not in self.labels])
        if not found or looks_like_data(found[0]):
            raise _unclear(self.table, "texts", "--text-column")
        if len(found) > 1:
            join = "; repeat it to join several"
            raise _unsure(self.table, "texts", found, f"--text-column{join}")
        return (found[0].name,)

    def labels_by_content(self) -> tuple[str, ...]:
        """Choose the only column that could hold the labels, or the columns of 0 and 1.

        Raises:
            DataError: There is none, or there are several.
        """
        if self.known.label is not None:
            name = quote(list_columns(self.known.label)[0])
            problem = f"there is no column {name} as in training; name the one with labels: --label-column."
            raise _no_column(self.table, problem)
        others = [profile for profile in self.profiles.values() if profile.name not in self.texts]
        found = find_labels(others)
        if not found or (len(found) == 1 and looks_like_data(found[0])):
            raise _unclear(self.table, "labels", "--label-column")
        if len(found) == 1:
            return (found[0].name,)
        flags = [profile for profile in others if profile.has_flags]
        if len(flags) >= _FEWEST_FLAGS and all(profile.has_flags for profile in found):
            return tuple(profile.name for profile in flags)
        several = (
            "; if each of several columns of 0 and 1 is a label, name all of these" if len(flags) > 1 else ""
        )
        raise _unsure(self.table, "labels", found, f"--label-column{several}")

    def describe(self, *, texts: bool, labels: bool) -> list[str]:
        """Return the note on the columns, with three rows, and one on other columns of text.

        Args:
            texts: Whether the text columns were guessed.
            labels: Whether the label columns were guessed.
        """
        notes = self._describe_chosen(guessed_texts=texts, guessed_labels=labels)
        return notes + (self._describe_others() if texts else [])

    def _describe_chosen(self, *, guessed_texts: bool, guessed_labels: bool) -> list[str]:
        """Return the note on the columns and on how to choose others than those that were guessed, with three rows."""
        source, texts, labels = self.table.source, self.texts, self.labels
        found = f"{source}: texts are in column {' and '.join(map(quote, texts))}"
        if guessed_texts and not guessed_labels:
            found += " (guessed; --text-column chooses another)"
        if not labels:
            notes = [found]
        else:
            where = quote(labels[0])
            if len(labels) > 1:
                where = f"{count(len(labels), 'column')} of 0 and 1, one for each: {list_names(labels)}"
            found += f", labels in {where}"
            if guessed_texts and guessed_labels:
                found += " (guessed; --text-column and --label-column choose others)"
            elif guessed_labels:
                found += " (guessed; --label-column chooses others)"
            notes = [found]
            for record in self.table.first[:EXAMPLES]:
                shown = "\n".join(_show(record.fields.get(column)) for column in texts)
                shown_labels = ", ".join(
                    _show(record.fields.get(column)) if len(labels) == 1 else column
                    for column in labels
                    if len(labels) == 1 or read_flag(record.fields.get(column))
                )
                notes.append(f"  line {record.number}: {quote(shown)} → {shorten(shown_labels)}")
        return notes

    def _describe_others(self) -> list[str]:
        """Return a note on columns of text that are not read, although they are longer or hold sentences."""
        texts = self.texts
        length = max(self.profiles[column].length for column in texts)
        taken = {*texts, *self.labels}
        others = [
            profile.name
            for profile in self.profiles.values()
            if profile.name not in taken
            and profile.has_texts
            and (profile.has_sentences or profile.length > length)
        ]
        if not others:
            return []
        join = " ".join(f"--text-column {shlex.quote(name)}" for name in (*texts, *others[:3]))
        longer = [name for name in others if self.profiles[name].length > length]
        is_longer = f", longer ones in {list_names(longer)}" if longer else ""
        return [
            f"{self.table.source}: there are texts in {list_names(others)} too{is_longer}; {join} joins them"
        ]


def _last_word(name: str) -> str:
    """Return the last word of a column's name, `rating` of `starRating` and of `star_rating`."""
    return re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", name)[-1].casefold()


def _check_separated(table: Table) -> None:
    """Raise a DataError if the only column has the separator of another format in its name."""
    only = table.columns[0] if len(table.columns) == 1 else ""
    if any(delimiter in only for delimiter in ";\t|"):
        problem = f"the first line names one column only, {quote(only)}; name what separates the columns: --delimiter"
        raise DataError(problem, table.source)


def _no_column(table: Table, problem: str) -> DataError:
    return DataError(f"{problem} The columns are: {list_names(table.columns)}", table.source)


def _unclear(table: Table, what: str, option: str) -> DataError:
    problem = f"it is not clear which column holds the {what}; name it: {option}. "
    columns = list_names(table.columns)
    if table.dialect is None:
        return DataError(f"{problem}The columns are: {columns}", table.source)
    remedy = "--no-header --columns text,label reads a file without such a line"
    if len(table.columns) == 1:
        remedy = "--delimiter names what separates them, if they are several"
    return DataError(
        f"{problem}The first line must name the columns; it names: {columns} ({remedy})", table.source
    )


def _unsure(table: Table, what: str, found: Sequence[Profile], option: str) -> DataError:
    """Return the error for several columns that qualify, with a few values of each."""
    shown = [f"{quote(p.name)} ({', '.join(shorten(value, 30) for value in p.examples)})" for p in found]
    more = f" and {len(found) - _MOST_SHOWN:,} more" if len(found) > _MOST_SHOWN else ""
    listed = ", ".join(shown[:_MOST_SHOWN])
    return DataError(
        f"it is not clear which column holds the {what}: {listed}{more}; name it: {option}", table.source
    )


def _show(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_show_item, value))
    return _show_item(value)


def _show_item(value: Any) -> str:
    scalar = "" if is_missing(value) else read_scalar(value)
    return describe(value) if scalar is None else scalar
