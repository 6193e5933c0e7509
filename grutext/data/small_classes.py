"""Leaving out the classes of few texts."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace

from grutext.data.datasets import Dataset
from grutext.data.examples import Example
from grutext.errors import DataError
from grutext.messages import count, list_names


def drop_small_classes(dataset: Dataset, least: int) -> list[str]:
    """Remove labels of fewer than `least` texts from a data set, with the texts that have no other label.

    Returns:
        A line with the labels and the number of texts, if there are such labels.

    Raises:
        DataError: Too few labels are left to train on.
    """
    counts = dataset.label_counts
    small = {label for label, number in counts.items() if number < least}
    if not small:
        return []
    left = len(counts) - len(small)
    if left < (1 if dataset.multilabel else 2):
        few = "no label has" if not left else "only one label has"
        raise DataError(f"{few} the {least:,} texts that --min-class-size asks for", dataset.source or None)
    texts = dataset.texts
    dataset.examples = _drop(dataset.examples, small, dataset.multilabel)
    dataset.held_out = _drop(dataset.held_out, small, dataset.multilabel)
    if dataset.on_disk is not None:
        dataset.on_disk = dataset.on_disk.rewrite(lambda examples: _drop(examples, small, dataset.multilabel))
    names = list_names(sorted(small))
    dropped = count(texts - dataset.texts, "text")
    few = f"{count(len(small), 'label')} of fewer than {least:,} texts"
    return [f"{dataset.source}: {few} dropped, with {dropped}: {names}"]


def _drop(examples: list[Example], labels: AbstractSet[str], multilabel: bool) -> list[Example]:
    """Return the examples without these labels; where a text has one label, the other probabilities sum to 1 again."""
    kept = []
    for example in examples:
        left = tuple(label for label in example.labels if label not in labels)
        if left or not example.labels:
            possible = {
                label: probability
                for label, probability in (example.probabilities or {}).items()
                if label not in labels
            }
            if possible and not multilabel:
                total = sum(possible.values())
                possible = {label: probability / total for label, probability in possible.items()}
            kept.append(replace(example, labels=left, probabilities=possible or None))
    return kept
