"""What is wrong with the texts of a source: odd characters, copies, contradictions, outliers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from grutext.data import Rows
from grutext.data_quality import characters
from grutext.data_quality.findings import Finding
from grutext.data_quality.profile import Profile
from grutext.messages import count, quote
from grutext.text import KnownTexts

_SHOWN = 5  # places of a finding
_RARE_SCRIPT = 0.02  # of the texts
_OUTLIER, _LEAST_OUTLIER = 50, 5_000  # times the median length, and characters
_FEW_OUTLIERS = 0.001  # of the texts; more of them are the long end of a wide distribution
_DECODE = "read the file with its real encoding (--encoding), or mend the program that wrote it"
_KINDS = {
    characters.REPLACEMENT: ("the replacement character U+FFFD, which stands for a lost one", _DECODE),
    characters.MOJIBAKE: ("UTF-8 that was read in another encoding", _DECODE),
    characters.NUL: ("NUL characters", "remove them, or mend the program that wrote the file"),
    characters.CONTROL: ("control characters", _DECODE),
    characters.SURROGATE: ("half a character (a lone surrogate)", "mend the program that cut the texts"),
}


def find_in_texts(source: str, profile: Profile, labelled: bool) -> Iterator[Finding]:
    """Yield what is wrong with the texts of a source.

    Args:
        source: The source, for messages.
        profile: Its texts.
        labelled: Whether they have labels.
    """
    yield from _find_odd(profile)
    if profile.empty.count:
        drop = "drop them in training with --skip-empty" if labelled else "leave them out"
        are = "is" if profile.empty.count == 1 else "are"
        message = f"{count(profile.empty.count, 'text')} {are} empty"
        yield finding_of_rows("empty_text", message, profile.empty, drop)
    yield from _find_copies(profile, labelled)
    yield from _find_outliers(profile)
    yield from _find_rare_scripts(source, profile)


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
            profile.places(shared[:_SHOWN]),
        )


def finding_of_rows(kind: str, message: str, rows: Rows, remedy: str) -> Finding:
    """Return the finding that concerns some rows."""
    return Finding(kind, message, rows.count, remedy, tuple(rows.first))


def _find_odd(profile: Profile) -> Iterator[Finding]:
    for kind, (what, remedy) in _KINDS.items():
        if kind in profile.odd:
            rows, shown = profile.odd[kind]
            message = f"{count(rows.count, 'text')} with {what}, such as {quote(shown[0])}"
            yield finding_of_rows(kind, message, rows, remedy)


def _find_copies(profile: Profile, labelled: bool) -> Iterator[Finding]:
    """Yield texts that occur again with the same labels, and texts that occur with different labels."""
    copies: list[NDArray[np.int64]] = []
    contradicting: list[NDArray[np.int64]] = []
    for group in profile.repeated():
        (contradicting if len(set(profile.labels[group].tolist())) > 1 else copies).append(group)
    if copies:
        again = sum(map(len, copies)) - len(copies)
        often = max(copies, key=len)
        message = (
            f"{again:,} of {count(profile.texts, 'text')} {'is a copy' if again == 1 else 'are copies'} of an earlier one "
            f"(case and white space aside); the most frequent, {_snippet(profile, often[0])}, occurs {len(often):,} times"
        )
        remedy = "keep one of each, unless the same text really comes that often"
        places = sorted(int(text) for group in copies for text in group[1:])[:_SHOWN]
        yield Finding("copy", message, again, remedy, profile.places(places))
    if contradicting and labelled:
        first = contradicting[0]
        differing = [
            int(first[0]),
            next(int(n) for n in first if profile.labels[n] != profile.labels[first[0]]),
        ]
        shown = " and ".join(quote(", ".join(profile.label_sets[profile.labels[n]]), 30) for n in differing)
        texts = "1 text occurs" if len(contradicting) == 1 else f"{len(contradicting):,} texts occur"
        message = f"{texts} with different labels (case and white space aside), such as {_snippet(profile, first[0])} with {shown}"
        remedy = "decide on one label for each, or write several in one row as a list if all apply"
        places = differing + [int(group[0]) for group in contradicting[1:_SHOWN]]
        yield Finding("contradicting_label", message, len(contradicting), remedy, profile.places(places))


def _snippet(profile: Profile, text: int) -> str:
    """Return the beginning of a repeated text."""
    return quote(profile.snippets.get(int(profile.keys[text]), ""), 40)


def _find_outliers(profile: Profile) -> Iterator[Finding]:
    """Yield a few texts that are so much longer than the others that they may be several."""
    if not profile.texts:
        return
    median = float(np.median(profile.lengths))
    limit = max(_OUTLIER * median, _LEAST_OUTLIER)
    long = np.flatnonzero(profile.lengths > limit)
    if 0 < len(long) <= max(3, _FEW_OUTLIERS * profile.texts):
        longest = int(profile.lengths.max())
        message = f"{count(len(long), 'text')} longer than {limit:,.0f} characters; the longest has {longest:,}, half of all at most {median:,.0f}"
        remedy = "look whether a quote that is not closed has joined several rows"
        yield Finding("long_text", message, len(long), remedy, profile.places(long[:_SHOWN].tolist()))


def _find_rare_scripts(source: str, profile: Profile) -> Iterator[Finding]:
    """Yield the scripts of a few texts of a source whose other texts are written otherwise."""
    most = _RARE_SCRIPT * profile.texts
    written = {name: number for name, number in profile.scripts.items() if name != characters.NO_SCRIPT}
    rare = sorted((name for name in written if written[name] < most), key=lambda name: -written[name])
    without = profile.scripts[characters.NO_SCRIPT]
    if rare and sum(written[name] for name in rare) < most:
        listed = ", ".join(f"{name} {written[name]:,}" for name in islice(rare, 10))
        rows = Rows(sum(written[name] for name in rare))
        for name in rare:
            for place in profile.script_rows[name].first[: _SHOWN - len(rows.first)]:
                rows.first.append(place)
        message = (
            f"{count(rows.count, 'text')} in a script that few texts of {source} are written in: {listed}"
        )
        yield finding_of_rows("rare_script", message, rows, "look whether they belong to the data")
    if without:
        message = f"{count(without, 'text')} without a letter"
        rows = profile.script_rows[characters.NO_SCRIPT]
        yield finding_of_rows("no_letters", message, rows, "look whether they belong to the data")
