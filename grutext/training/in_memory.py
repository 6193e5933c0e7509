"""Texts and labels in memory, checked and cleaned as those of files are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from grutext.data import MISSING, Dataset, Example, ReadOptions, Tally, clean_label, unify_labels
from grutext.errors import DataError
from grutext.inference.texts import list_texts
from grutext.messages import count, list_names, quote, shorten

IN_MEMORY = "texts in memory"


def dataset_in_memory(
    texts: Iterable[str],
    labels: Iterable[str | Sequence[str]],
    reading: ReadOptions,
    *,
    multilabel: bool | None = None,
    known: Collection[str] = (),
) -> Dataset:
    """Check texts and labels in memory, and make all spellings of a label one.

    Args:
        texts: The N texts, as `Classifier.predict` takes them.
        labels: The N labels: each a str, or a list of str where a text may have several.
        reading: Whether empty texts and labels are dropped (`skip_empty`), and labels such as `nan` kept (`keep_missing`).
        multilabel: Whether a text may have several labels; None means yes if any label is a list.
        known: The labels of the model that the texts are for; empty for texts that a model is trained on.

    Raises:
        TypeError: `texts` is no iterable of str in an order, or a label is neither a str nor a list of str; names the position.
        DataError: The numbers of texts and labels differ, a label is empty, a text has several where it may have one, or the
            model knows none of the labels.
    """
    if isinstance(texts, str) or isinstance(labels, str):
        raise TypeError("texts and labels are two lists of str, not one str; put a single text into a list")
    if isinstance(labels, (Mapping, AbstractSet)):
        raise TypeError(f"labels is a {type(labels).__name__}; pass a list of as many labels as texts")
    texts, labels = list_texts(texts), list(labels)
    if len(texts) != len(labels):
        raise DataError(f"there are {count(len(texts), 'text')} but {count(len(labels), 'label')}", IN_MEMORY)
    tally = Tally(several=bool(multilabel))
    given = [_list_labels(label, number, tally) for number, label in enumerate(labels)]
    missing = _find_missing(given, known) if not reading.keep_missing else frozenset()
    examples: list[Example] = []
    for number, (text, own) in enumerate(zip(texts, given, strict=True)):
        empty = next((label for label in own if not label or label in missing), None)
        if empty:
            tally.missing[empty] += 1
        if empty is not None and not reading.skip_empty:
            raise DataError(_explain_empty(empty, number), IN_MEMORY)
        is_blank = not text.strip()
        if empty is not None:
            tally.dropped_labels += 1
        elif is_blank and reading.skip_empty:
            tally.dropped_texts += 1
        elif multilabel is False and len(own) != 1:
            has = f"{len(own)} labels ({list_names(own)})" if own else "no label"
            raise DataError(f"labels[{number}] has {has}, but here each text has one", IN_MEMORY)
        else:
            tally.empty_texts += is_blank
            tally.no_labels += not own
            examples.append(Example(text, own, IN_MEMORY, number + 1))
    several = tally.several if multilabel is None else multilabel
    return unify_labels(Dataset(examples, several, tally.describe(IN_MEMORY), source=IN_MEMORY), known)


def _list_labels(label: str | Sequence[str], number: int, tally: Tally) -> tuple[str, ...]:
    """Return the labels of a text, cleaned and without duplicates; count those that cleaning changed.

    Raises:
        TypeError: It is neither a str nor a list of str.
    """
    own = [label] if isinstance(label, str) else label
    if not isinstance(own, list | tuple) or not all(isinstance(one, str) for one in own):
        found = f"{type(label).__name__} {shorten(repr(label), 40)}"
        problem = (
            f"labels[{number}] is {found}; a label is a str, or a list of str where a text may have several"
        )
        raise TypeError(problem)
    tally.several = tally.several or not isinstance(label, str)
    clean = [clean_label(str.__str__(one)) for one in own]
    tally.cleaned.update(
        old.strip() for old, new in zip(own, clean, strict=True) if new and old.strip() != new
    )
    return tuple(dict.fromkeys(clean))


def _find_missing(given: list[tuple[str, ...]], known: Collection[str]) -> frozenset[str]:
    """Return the spellings that stand for a missing label; none if there are no other labels."""
    missing = MISSING.difference(known)
    return missing if any(label and label not in missing for own in given for label in own) else frozenset()


def _explain_empty(label: str, number: int) -> str:
    if not label:
        return f"labels[{number}] is empty; leave the text out, or name its label"
    remedy = "leave the text out, or keep such labels: ReadOptions(keep_missing=True)"
    return f"labels[{number}] is {quote(label)}, which stands for a missing label; {remedy}"
