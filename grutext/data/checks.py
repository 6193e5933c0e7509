"""Checks whether a model can be trained on examples."""

from __future__ import annotations

from collections import Counter

from grutext.data.datasets import Dataset
from grutext.errors import DataError
from grutext.messages import count, list_names, quote


def check_trainable(dataset: Dataset) -> list[str]:
    """Check whether a model can be trained on a data set; return notes about labels that will be hard to learn.

    Raises:
        DataError: There are no examples, only one class, or no class of two texts.
    """
    texts, counts = dataset.texts, dataset.label_counts
    if not texts:
        raise DataError("there are no labelled texts in it", dataset.source or None)
    if dataset.multilabel:
        return _check_several(dataset, counts)
    if len(counts) < 2:
        only = quote(next(iter(counts)))
        problem = f"all {count(texts, 'text')} have the label {only}; training needs at least two classes"
        raise DataError(problem, dataset.source or None)
    if max(counts.values()) == 1:
        problem = (
            f"each of the {len(counts):,} labels has a single text; training needs several texts of a label"
        )
        raise DataError(problem, dataset.source or None)
    return _describe_single(dataset.source, counts)


def _check_several(dataset: Dataset, counts: Counter[str]) -> list[str]:
    source = dataset.source or None
    if not counts:
        raise DataError("no text has any label; training needs some", source)
    everywhere = [label for label, number in counts.items() if number == dataset.texts]
    if len(everywhere) == len(counts):
        problem = f"every text has all the labels there are ({list_names(sorted(counts))}); there is nothing to learn"
        raise DataError(problem, source)
    return _describe_single(dataset.source, counts)


def _describe_single(source: str, counts: Counter[str]) -> list[str]:
    single = sorted(label for label, number in counts.items() if number == 1)
    if not single:
        return []
    them = "it" if len(single) == 1 else "them"
    kept = f"kept for training (--min-class-size 2 drops {them})"
    return [f"{source}: {count(len(single), 'label')} with a single text, {kept}: {list_names(single)}"]
