"""What is wrong with the texts of a source: odd characters, copies, contradictions, outliers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from grutext.data import Rows
from grutext.data_quality import characters
from grutext.data_quality.findings import Finding
from grutext.data_quality.profile import Profile
from grutext.data_quality.statistics import RARE_SCRIPT, TextStatistics
from grutext.messages import count, quote
from grutext.text import KnownTexts

_FEW_OUTLIERS = 0.001  # of the texts; more of them are the long end of a wide distribution
_DECODE = "read the file with its real encoding (--encoding), or mend the program that wrote it"
_KINDS = {
    characters.REPLACEMENT: ("the replacement character U+FFFD, which stands for a lost one", _DECODE),
    characters.MOJIBAKE: ("UTF-8 that was read in another encoding", _DECODE),
    characters.NUL: ("NUL characters", "remove them, or mend the program that wrote the file"),
    characters.CONTROL: ("control characters", _DECODE),
    characters.SURROGATE: ("half a character (a lone surrogate)", "mend the program that cut the texts"),
}


def find_in_texts(source: str, texts: TextStatistics, labelled: bool) -> Iterator[Finding]:
    """Yield what is wrong with the texts of a source.

    Args:
        source: The source, for messages.
        texts: Its texts.
        labelled: Whether they have labels.
    """
    yield from _find_odd(texts)
    if texts.empty.count:
        drop = "drop them in training with --skip-empty" if labelled else "leave them out"
        are = "is" if texts.empty.count == 1 else "are"
        message = f"{count(texts.empty.count, 'text')} {are} empty"
        yield finding_of_rows("empty_text", message, texts.empty, drop)
    yield from _find_copies(texts)
    yield from _find_outliers(texts)
    yield from _find_rare_scripts(source, texts)


def find_shared(profile: Profile, against: str, other: Profile) -> Iterator[Finding]:
    """Yield the texts that occur in another source as well, if there are any."""
    shared = np.flatnonzero(KnownTexts(other.keys.tolist()).contains(profile.keys.tolist()))
    if len(shared):
        are = "is" if len(shared) == 1 else "are"
        yield Finding(
            "shared_text",
            f"{len(shared):,} of {count(profile.texts, 'text')} {are} in {against} as well (case and white space aside)",
            len(shared),
            "remove them from one of the two; a score on texts that were trained on is too high",
            profile.places(shared),
        )


def finding_of_rows(kind: str, message: str, rows: Rows, remedy: str) -> Finding:
    """Return the finding that concerns some rows."""
    return Finding(kind, message, rows.count, remedy, tuple(rows.places))


def _find_odd(texts: TextStatistics) -> Iterator[Finding]:
    for kind, (what, remedy) in _KINDS.items():
        if kind in texts.odd:
            rows, shown = texts.odd[kind]
            message = f"{count(rows.count, 'text')} with {what}, such as {quote(shown)}"
            yield finding_of_rows(kind, message, rows, remedy)


def _find_copies(texts: TextStatistics) -> Iterator[Finding]:
    """Yield texts that occur again with the same labels, and texts that occur with different labels."""
    copies, against = texts.copies, texts.contradictions
    if copies.count:
        message = (
            f"{copies.count:,} of {count(texts.texts, 'text')} {'is a copy' if copies.count == 1 else 'are copies'} of an "
            f"earlier one (case and white space aside); the most frequent, {quote(copies.text, 40)}, occurs "
            f"{copies.most:,} times"
        )
        remedy = "keep one of each (`grutext check -o FILE` writes the data without copies), unless the same text really comes that often"
        yield Finding("copy", message, copies.count, remedy, copies.places)
    if against.count:
        shown = " and ".join(quote(", ".join(labels), 30) for labels in against.labels)
        occur = "1 text occurs" if against.count == 1 else f"{against.count:,} texts occur"
        message = f"{occur} with different labels (case and white space aside), such as {quote(against.text, 40)} with {shown}"
        remedy = "decide on one label for each, or write several in one row as a list if all apply"
        yield Finding("contradicting_label", message, against.count, remedy, against.places)


def _find_outliers(texts: TextStatistics) -> Iterator[Finding]:
    """Yield a few texts that are so much longer than the others that they may be several."""
    lengths = texts.lengths
    if 0 < lengths.outliers <= max(3, _FEW_OUTLIERS * texts.texts):
        longest = int(lengths.values[-1])
        message = (
            f"{count(lengths.outliers, 'text')} longer than {lengths.outlier:,.0f} characters; the longest has "
            f"{longest:,}, half of all at most {lengths.median:,.0f}"
        )
        remedy = "look whether a quote that is not closed has joined several rows"
        yield Finding("long_text", message, lengths.outliers, remedy, texts.long)


def _find_rare_scripts(source: str, texts: TextStatistics) -> Iterator[Finding]:
    """Yield the scripts of a few texts of a source whose other texts are written otherwise."""
    most = RARE_SCRIPT * texts.texts
    written = {name: number for name, number in texts.scripts.items() if name != characters.NO_SCRIPT}
    rare = sorted((name for name in written if written[name] < most), key=lambda name: -written[name])
    without = texts.scripts[characters.NO_SCRIPT]
    if rare and sum(written[name] for name in rare) < most:
        listed = ", ".join(f"{name} {written[name]:,}" for name in islice(rare, 10))
        number = sum(written[name] for name in rare)
        places = tuple(place for name in rare for place in texts.script_places.get(name, ()))
        message = f"{count(number, 'text')} in a script that few texts of {source} are written in: {listed}"
        yield Finding("rare_script", message, number, "look whether they belong to the data", places)
    if without:
        message = f"{count(without, 'text')} without a letter"
        places = texts.script_places.get(characters.NO_SCRIPT, ())
        yield Finding("no_letters", message, without, "look whether they belong to the data", places)
