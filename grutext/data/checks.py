"""Checks whether a model can be trained on examples."""

from __future__ import annotations

from collections import Counter

from grutext.data.datasets import Dataset
from grutext.data.examples import Example
from grutext.errors import DataError
from grutext.messages import count, list_names, quote


def check_trainable(dataset: Dataset) -> list[str]:
    """Check whether a model can be trained on a data set; return notes about labels that will be hard to learn.

    Raises:
        DataError: There are no examples; there is only one class; or, where each text has one label, a class has
            a single example.
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
    single = sorted(label for label, number in counts.items() if number == 1)
    if single:
        found = (example for example in dataset.examples if example.labels[0] in single)
        example = next(found, Example("", (single[0],), dataset.source, 0))
        problem = (
            f"the class {quote(example.labels[0])} has this one example only; add examples of it or remove it"
        )
        if len(single) > 1:
            problem += f" ({len(single) - 1:,} more such classes: "
            problem += f"{list_names([label for label in single if label != example.labels[0]])})"
        raise DataError(problem, example.source, example.row or None)
    return []


def _check_several(dataset: Dataset, counts: Counter[str]) -> list[str]:
    source = dataset.source or None
    if not counts:
        raise DataError("no text has any label; training needs some", source)
    everywhere = [label for label, number in counts.items() if number == dataset.texts]
    if len(everywhere) == len(counts):
        problem = f"every text has all the labels there are ({list_names(sorted(counts))}); there is nothing to learn"
        raise DataError(problem, source)
    single = sorted(label for label, number in counts.items() if number == 1)
    if not single:
        return []
    return [f"{dataset.source}: {count(len(single), 'label')} with a single example: {list_names(single)}"]
