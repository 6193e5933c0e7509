"""Texts and labels in memory, checked and cleaned as those of files are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from grutext.data import MISSING, Dataset, Example, ReadOptions, Tally, clean_label, unify_labels
from grutext.data.label_cells import is_distribution, likely_labels, read_probability, unless_certain
from grutext.errors import DataError
from grutext.inference.texts import list_texts
from grutext.messages import count, list_names, quote, shorten

IN_MEMORY = "texts in memory"
Label = str | Sequence[str] | Mapping[str, float]


def dataset_in_memory(
    texts: Iterable[str],
    labels: Iterable[Label],
    reading: ReadOptions,
    *,
    weights: Iterable[float] | None = None,
    multilabel: bool | None = None,
    known: Collection[str] = (),
) -> Dataset:
    """Check texts and labels in memory, and make all spellings of a label one.

    Args:
        texts: The N texts, as `Classifier.predict` takes them.
        labels: The N labels: each a str, a list of str where a text may have several, or a dict with the probability of
            each label, which sum to 1 where a text has one.
        reading: Whether empty texts and labels are dropped (`skip_empty`), and labels such as `nan` kept (`keep_missing`).
        weights: The N weights of the texts in training, at least 0; texts of weight 0 are dropped. None: each counts once.
        multilabel: Whether a text may have several labels; None means yes if any label is a list, or a dict that does not sum to 1.
        known: The labels of the model that the texts are for; empty for texts that a model is trained on.

    Raises:
        TypeError: `texts` is no iterable of str in an order, or a label is none of these; names the position.
        DataError: The numbers of texts, labels and weights differ, a weight is not a number of at least 0, a label is empty, a text has several where it may have one, or the
            model knows none of the labels.
    """
    if isinstance(texts, str) or isinstance(labels, str):
        raise TypeError("texts and labels are two lists of str, not one str; put a single text into a list")
    if isinstance(labels, (Mapping, AbstractSet)):
        raise TypeError(f"labels is a {type(labels).__name__}; pass a list of as many labels as texts")
    texts, labels = list_texts(texts), list(labels)
    if len(texts) != len(labels):
        raise DataError(f"there are {count(len(texts), 'text')} but {count(len(labels), 'label')}", IN_MEMORY)
    counted = _check_weights(weights, len(texts))
    tally = Tally(several=bool(multilabel))
    given, probable = [], []
    for number, label in enumerate(labels):
        probabilities = _read_probabilities(label, number, tally) if isinstance(label, Mapping) else None
        own = _likely(probabilities, tally) if probabilities else _list_labels(label, number, tally)
        given.append(own)
        probable.append(probabilities and unless_certain(probabilities))
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
            tally.dropped_labels.add(IN_MEMORY, number)
        elif is_blank and reading.skip_empty:
            tally.dropped_texts.add(IN_MEMORY, number)
        elif multilabel is False and len(own) != 1:
            has = f"{len(own)} labels ({list_names(own)})" if own else "no label"
            raise DataError(f"labels[{number}] has {has}, but here each text has one", IN_MEMORY)
        elif not counted[number]:
            tally.dropped_weights += 1
        else:
            tally.empty_texts += is_blank
            tally.no_labels += not own
            tally.uncertain += probable[number] is not None
            examples.append(Example(text, own, IN_MEMORY, number + 1, counted[number], probable[number]))
    several = tally.several if multilabel is None else multilabel
    return unify_labels(Dataset(examples, several, tally.describe(IN_MEMORY), source=IN_MEMORY), known)


def _check_weights(weights: Iterable[float] | None, texts: int) -> list[float]:
    """Return the weights of N texts; 1 for each if there are none.

    Raises:
        DataError: There are not as many weights as texts, one is not a number of at least 0, or all are 0.
    """
    if weights is None:
        return [1.0] * texts
    try:
        values = np.asarray(list(weights), np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"weights are numbers of at least 0: {error}", IN_MEMORY) from None
    if values.shape != (texts,):
        raise DataError(f"there are {count(texts, 'text')} but weights of shape {values.shape}", IN_MEMORY)
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0.0)))
    if len(wrong):
        problem = f"weights[{wrong[0]}] is {values[wrong[0]]:g}; a weight is a number of at least 0"
        raise DataError(problem, IN_MEMORY)
    if not values.any():
        raise DataError("the weights of all texts are zero", IN_MEMORY)
    return list(values.tolist())


def _read_probabilities(label: Mapping[str, float], number: int, tally: Tally) -> dict[str, float]:
    """Return the probability of each label of a text, cleaned; count the labels that cleaning changed.

    Raises:
        TypeError: A label is not a str.
        DataError: There is no label, or a value is not a probability.
    """
    names = _list_labels(list(label), number, tally, several=False)
    values = [read_probability(value) for value in label.values()]
    probabilities = {name: value for name, value in zip(names, values, strict=False) if value is not None}
    if not probabilities or len(probabilities) < len(label):
        problem = (
            f"labels[{number}] is {shorten(repr(label), 40)}; it has a probability in 0..1 for each label"
        )
        raise DataError(problem, IN_MEMORY)
    return probabilities


def _likely(probabilities: dict[str, float], tally: Tally) -> tuple[str, ...]:
    """Return the labels that count as those of a text, given their probabilities."""
    is_exclusive = is_distribution(probabilities)
    tally.several = tally.several or not is_exclusive
    return likely_labels(probabilities, is_exclusive)


def _list_labels(label: Label, number: int, tally: Tally, *, several: bool = True) -> tuple[str, ...]:
    """Return the labels of a text, cleaned and without duplicates; count those that cleaning changed.

    Raises:
        TypeError: It is neither a str nor a list of str.
    """
    own = [label] if isinstance(label, str) else label
    if not isinstance(own, list | tuple) or not all(isinstance(one, str) for one in own):
        found = f"{type(label).__name__} {shorten(repr(label), 40)}"
        problem = (
            f"labels[{number}] is {found}; a label is a str, a list of str where a text may have several, or a dict with the "
            "probability of each label"
        )
        raise TypeError(problem)
    tally.several = tally.several or (several and not isinstance(label, str))
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
