"""What is wrong with the labels of a source: missing ones, names that are nearly equal, classes of few texts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import SequenceMatcher

from grutext.data import Tally, label_key, merge_spellings, similar_labels
from grutext.data.labels import show_all
from grutext.data_quality.findings import Finding
from grutext.data_quality.text_findings import finding_of_rows
from grutext.messages import count, list_names, quote

SMALL = 5  # texts of a class below which some of five folds have none of it
_TYPO_SHARE = 0.1  # of the texts of the label that a typing error stands for
_SHORTEST = 4  # characters of a label in which a typing error is looked for


def find_in_labels(counts: Mapping[str, int], tally: Tally) -> Iterator[Finding]:
    """Yield what is wrong with labels.

    Args:
        counts: The number of texts with each label, as it is written.
        tally: What was counted while the rows were read.
    """
    if tally.dropped_labels.count:
        message = f"{count(tally.dropped_labels.count, 'row')} without a label"
        remedy = "label them, or drop them in training with --skip-empty"
        yield finding_of_rows("missing_label", message, tally.dropped_labels, remedy)
    replaced = merge_spellings(counts)
    spellings = [f"{quote(old)} ({counts[old]:,}) and {quote(new)}" for old, new in sorted(replaced.items())]
    spellings += [f"{show_all(label)} ({number:,})" for label, number in tally.cleaned.most_common()]
    if spellings:
        message = f"{count(len(spellings), 'spelling')} of a label that has another: {_list(spellings)}"
        remedy = "write each label in one way, without invisible characters; training takes them for one"
        yield Finding("label_spelling", message, len(spellings), remedy)
    merged = {label: number for label, number in counts.items() if label not in replaced}
    similar = [group for groups in similar_labels(merged) for group in groups]
    similar += [[rare, other] for rare, other in find_typos(merged)]
    if similar:
        groups = [" and ".join(f"{quote(name)} ({counts[name]:,})" for name in group) for group in similar]
        message = f"{count(len(similar), 'group')} of labels with nearly the same name: {_list(groups)}"
        remedy = "give them one name if they mean the same; training takes them for different labels"
        yield Finding("similar_label", message, len(similar), remedy)
    rare = [label for label, number in counts.items() if number < SMALL]
    small = sorted(rare, key=lambda label: (counts[label], label))
    if small:
        listed = list_names([f"{label} ({counts[label]:,})" for label in small])
        message = f"{count(len(small), 'label')} with fewer than {SMALL} texts: {listed}"
        remedy = "collect more texts of each, merge them, or drop them in training with --min-class-size"
        yield Finding("small_class", message, len(small), remedy)


def find_missing_labels(
    counts: Mapping[str, int], other_labels: Collection[str], other: str
) -> Iterator[Finding]:
    """Yield the labels that other data, a test set or the training data, do not have, if there are any.

    Args:
        counts: The number of texts with each label.
        other_labels: The labels of the other data.
        other: Their name.
    """
    remedy = (
        f"rename them if they have another name there; else, if {other} is a test set, no score covers these labels: add "
        "texts of them to it; if a model is trained on it, it never answers with them: add texts of them as well"
    )
    yield from _find_unknown(counts, other_labels, other, remedy)


def find_unknown_labels(counts: Mapping[str, int], known: Collection[str]) -> Iterator[Finding]:
    """Yield the labels that a model does not know, if there are any.

    Args:
        counts: The number of texts with each label.
        known: The labels of the model.
    """
    yield from _find_unknown(counts, known, "the model", "rename them, or train on texts of them too")


def _find_unknown(
    counts: Mapping[str, int], known: Collection[str], whose: str, remedy: str
) -> Iterator[Finding]:
    """Yield the labels that others do not know, if there are any."""
    keys = {label_key(label) for label in known}
    unknown = [label for label in sorted(counts) if label_key(label) not in keys]
    if unknown:
        listed = list_names([f"{label} ({counts[label]:,})" for label in unknown])
        message = f"{count(len(unknown), 'label')} that {whose} does not have: {listed}"
        yield Finding("unknown_label", message, len(unknown), remedy)


def find_typos(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return the rare labels that differ in one letter from a label of ten times the texts, and that label.

    >>> find_typos({"refund": 200, "refudn": 3, "version 1": 9, "version 2": 900})
    [('refudn', 'refund')]
    """
    found = []
    for rare in sorted(counts):
        larger = [name for name in counts if counts[rare] <= _TYPO_SHARE * counts[name]]
        near = [name for name in larger if _is_typo(rare.casefold(), name.casefold())]
        if near:
            found.append((rare, max(near, key=lambda name: counts[name])))
    return found


def _is_typo(one: str, other: str) -> bool:
    """Return whether two names differ by one letter, not the first, that is added, left out, exchanged, or swapped with the next."""
    if min(len(one), len(other)) < _SHORTEST or abs(len(one) - len(other)) > 1 or one[0] != other[0]:
        return False
    if one == other:
        return False
    changes = [
        change
        for change in SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
        if change[0] != "equal"
    ]
    first, last = changes[0], changes[-1]
    before, after = one[first[1] : last[2]], other[first[3] : last[4]]
    is_one_letter = len(before) <= 1 and len(after) <= 1
    is_swap = len(before) == 2 and before == after[::-1]
    return (is_one_letter or is_swap) and (before + after).isalpha()


def _list(parts: list[str]) -> str:
    """Return the first few parts, and how many more there are."""
    more = f" and {len(parts) - 10:,} more" if len(parts) > 10 else ""
    return ", ".join(parts[:10]) + more
