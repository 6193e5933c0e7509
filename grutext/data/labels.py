"""Labels as values: which spellings stand for the same label.

A label is cleaned where it is read (`clean_label`): NFC, no invisible characters, no white space around it. Labels that
then still differ in spelling only (`label_key`) become one where both occur in the same data (`merge_spellings`), and a
label of other data for a model becomes the label that the model knows (`match_labels`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches

from grutext.data.examples import Example
from grutext.errors import DataError
from grutext.messages import LISTED, count, list_names, quote, shorten

# What pandas, NumPy and databases write for a missing value, letter for letter; "none" and "NA" may well be labels.
MISSING = frozenset(
    ("nan", "NaN", "-nan", "-NaN", "NaT", "None", "null", "NULL", "N/A", "n/a", "<NA>", "#N/A")
)
# Characters without width that never belong to a word: soft hyphen, Mongolian vowel separator, zero width space, marks
# of direction, word joiner, byte order mark.
_INVISIBLE = re.compile("[\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
# Joiners belong to some words (Persian, emoji), but not to their ends.
_JOINERS = "\u200c\u200d"
# Joiners, and the marks that say whether an emoji is drawn in colours.
_WITHIN = re.compile(f"[{_JOINERS}\ufe0e\ufe0f]")
# Marks and letters of other alphabets that look like those of ASCII.
_LOOKS = str.maketrans(
    "’‘ʼ`´“”„–—−‐‑АВЕКМНОРСТХаеорсухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",  # noqa: RUF001
    "'" * 5 + '"' * 3 + "-" * 5 + "ABEKMHOPCTXaeopcyxijs" + "ABEZHIKMNOPTYXo",
)
_BETWEEN_WORDS = re.compile(r"(?<=[^\W_])[\s_-]+(?=[^\W_])")
_WHOLE_NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<digits>0|[1-9][0-9]*)(?:\.0*)?")
_SEPARATORS = "|;,+/"
_SHOWN = 3  # nearest spellings in an error
_ENDS = 10  # of a long list of labels, the largest and the smallest that are shown


def clean_label(label: str) -> str:
    """Return a label in NFC, without invisible characters and without white space around it."""
    if label.isascii():
        return label.strip()
    label = unicodedata.normalize("NFC", _INVISIBLE.sub("", label))
    while (stripped := label.strip().strip(_JOINERS)) != label:
        label = stripped
    return label


def label_key(label: str) -> str:
    """Return what is the same for all spellings of a label.

    Whole numbers are the same with and without decimals (`1`, `1.0`), but not with leading zeros (`007`); `true` and
    `false` in any case are Booleans; kinds of white space, joiners and variants of emoji make no difference.
    """
    label = clean_label(_WITHIN.sub("", label))
    number = _WHOLE_NUMBER.fullmatch(label)
    if number is not None:
        negative = number["sign"] == "-" and number["digits"] != "0"
        return f"-{number['digits']}" if negative else number["digits"]
    if label.lower() in ("true", "false"):
        return label.lower()
    return " ".join(label.split())


def label_set(examples: Iterable[Example]) -> tuple[str, ...]:
    """Return all labels of the examples, sorted; also those that are only possible."""
    return tuple(sorted({label for example in examples for label in example.probabilities or example.labels}))


def merge_spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """Return the spellings that are replaced because another spelling of the same label occurs too, and by which.

    Numbers and Booleans become their shortest spelling (`1`, `true`), other labels the most frequent one.

    Args:
        counts: The number of texts with each label.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        groups[label_key(label)].append(label)
    replaced: dict[str, str] = {}
    for key, spellings in groups.items():
        if len(spellings) == 1:
            continue
        plain = _WHOLE_NUMBER.fullmatch(key) or key in ("true", "false")
        chosen = key if plain else min(spellings, key=lambda label: (-counts[label], label))
        replaced |= {label: chosen for label in spellings if label != chosen}
    return replaced


def respell(labels: Iterable[str], replaced: Mapping[str, str]) -> tuple[str, ...]:
    """Return labels without duplicates, in the spellings that replace them."""
    return tuple(dict.fromkeys(replaced.get(label, label) for label in labels))


def respell_example(example: Example, replaced: Mapping[str, str]) -> Example:
    """Return an example with the spellings of its labels that replace them; of spellings that become one, probabilities are added."""
    if replaced.keys().isdisjoint(example.probabilities or example.labels):
        return example
    probabilities: dict[str, float] = {}
    for label, probability in (example.probabilities or {}).items():
        label = replaced.get(label, label)  # noqa: PLW2901
        probabilities[label] = probabilities.get(label, 0.0) + probability
    return replace(example, labels=respell(example.labels, replaced), probabilities=probabilities or None)


def match_labels(counts: Mapping[str, int], known: Collection[str], source: str) -> dict[str, str]:
    """Return the spellings that are replaced by a known label of another spelling, and by which.

    Args:
        counts: The number of texts with each label.
        known: The labels that the model knows.
        source: The source of the labels, for messages.

    Raises:
        DataError: There are labels, but the model knows none of them; names the nearest spellings.
    """
    by_key: dict[str, str] = {}
    for label in known:
        by_key.setdefault(label_key(label), label)
    exact = frozenset(known)
    replaced = {
        label: by_key[key] for label in counts if label not in exact and (key := label_key(label)) in by_key
    }
    if counts and not replaced and exact.isdisjoint(counts):
        raise DataError(_explain_unknown(list(counts), list(known)), source)
    return replaced


def _explain_unknown(labels: list[str], known: list[str]) -> str:
    folded = {label.casefold(): label for label in known}
    pairs: list[str] = []
    for label in labels[:LISTED]:
        near = get_close_matches(label.casefold(), list(folded), n=1)
        if near and len(pairs) < _SHOWN:
            pairs.append(f"{quote(folded[near[0]])} for {quote(label)}")
    nearest = (
        f", did you mean {', '.join(pairs)}?" if pairs else "; name the column of the labels: --label-column."
    )
    return (
        f"the model knows none of its labels ({list_names(labels)}){nearest} "
        f"The model's labels are: {list_names(known)}"
    )


def describe_spellings(source: str, replaced: Mapping[str, str], counts: Mapping[str, int]) -> list[str]:
    """Return a note on the spellings that are replaced, and two on labels that stay apart although they look alike.

    Args:
        source: The source, for the notes.
        replaced: As `merge_spellings` and `match_labels` return it.
        counts: The number of texts with each label, before replacing.
    """
    notes: list[str] = []
    if replaced:
        pairs = [f"{quote(old)} ({counts[old]:,}) is {quote(new)}" for old, new in sorted(replaced.items())]
        notes.append(f"{source}: labels that differ in spelling only are one: {_list(pairs)}")
    by_case, alike = similar_labels(counts.keys() - replaced.keys())
    if by_case:
        twins = [
            " and ".join(f"{quote(label)} ({counts[label]:,})" for label in labels) for labels in by_case
        ]
        notes.append(f"{source}: labels that differ in upper and lower case only stay apart: {_list(twins)}")
    if alike:
        twins = [
            " and ".join(f"{show_all(label)} ({counts[label]:,})" for label in labels) for labels in alike
        ]
        notes.append(f"{source}: labels that look alike stay apart: {_list(twins)}")
    return notes


def similar_labels(labels: Iterable[str]) -> tuple[list[list[str]], list[list[str]]]:
    """Return the labels that differ in upper and lower case only, and the others that look alike, group by group."""
    kept = sorted(labels)
    by_case = _group(kept, str.casefold)
    return by_case, [labels for labels in _group(kept, _look) if labels not in by_case]


def _group(labels: Iterable[str], key: Callable[[str], str]) -> list[list[str]]:
    """Return the labels that have a key in common, where there are several."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[key(label)].append(label)
    return [groups[key] for key in sorted(groups) if len(groups[key]) > 1]


def _look(label: str) -> str:
    """Return what is the same for labels that look alike."""
    plain = unicodedata.normalize("NFKC", label).translate(_LOOKS)
    return _BETWEEN_WORDS.sub(" ", plain).casefold()


def show_all(label: str) -> str:
    """Return a label in quotes, with escapes for all that is not ASCII, since it may be invisible or look like ASCII."""
    return f'"{shorten(label.encode("ascii", "backslashreplace").decode())}"'


def describe_separator(source: str, counts: Mapping[str, int]) -> list[str]:
    """Return a note if labels look like several joined by a separator: every part of them occurs in another label too."""
    for separator in _SEPARATORS:
        joined = [label for label in counts if separator in label]
        parts = Counter(part.strip() for label in counts for part in set(label.split(separator)))
        if len(joined) > 1 and all(
            parts[part.strip()] > 1 for label in joined for part in label.split(separator)
        ):
            option = f'--label-separator "{separator}"'
            return [f"{source}: labels such as {quote(joined[0])} look like several; {option} splits them"]
    return []


def _list(parts: list[str]) -> str:
    more = f" and {len(parts) - LISTED:,} more" if len(parts) > LISTED else ""
    return ", ".join(parts[:LISTED]) + more


def describe_counts(source: str, counts: Counter[str]) -> str:
    """Return a note with the labels and the number of their texts: all of up to 20, else the largest and the smallest."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))

    def render(items: list[tuple[str, int]]) -> str:
        return ", ".join(f"{shorten(label)} {number:,}" for label, number in items)

    head = f"{source}: {count(len(ordered), 'label')}"
    if len(ordered) <= LISTED:
        return f"{head}: {render(ordered)}"
    return f"{head}, the largest: {render(ordered[:_ENDS])}; the smallest: {render(ordered[-_ENDS:])}"
