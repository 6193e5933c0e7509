"""Stratified splits of examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from grutext.data.examples import Example
from grutext.errors import DataError


def split_examples(
    examples: Sequence[Example], fraction: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Split examples into the rest and a stratified part, each in the order of the examples.

    The part has `fraction` of each class, rounded so that the whole part has `fraction` of all examples, but at least
    one. A text with several labels belongs to the class of its rarest label. Each label has at least one example in the
    rest. The same examples, fraction and seed give the same split on any machine.

    Args:
        examples: The examples to split.
        fraction: The fraction of examples in the part, between 0 and 1.
        seed: Decides which examples are in the part.

    Returns:
        The rest, and the part.

    Raises:
        DataError: The fraction is out of range, or every class has only one example.
    """
    import numpy as np  # not at the top: `grutext train --help` imports this package, and needs no NumPy

    if not 0 < fraction < 1:
        raise DataError(f"the fraction to set aside must be between 0 and 1, not {fraction}")
    classes = _group(examples)
    quotas = _share_out({key: len(members) for key, members in classes.items()}, fraction)
    generator = np.random.default_rng(seed)
    chosen: set[int] = set()
    for key, members in classes.items():
        order = generator.permutation(len(members))
        chosen.update(members[position] for position in order[: quotas[key]])
    chosen -= _needed_in_rest(examples, chosen)
    if not chosen:
        raise DataError("there are too few examples of each class to set some of them aside; name dev data")
    rest = [example for index, example in enumerate(examples) if index not in chosen]
    return rest, [examples[index] for index in sorted(chosen)]


def _group(examples: Sequence[Example]) -> dict[tuple[str, ...], list[int]]:
    """Return the positions of the examples of each class, sorted by class."""
    counts = Counter(label for example in examples for label in example.labels)
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, example in enumerate(examples):
        rarest = sorted(example.labels, key=lambda label: (counts[label], label))[:1]
        groups.setdefault(tuple(rarest), []).append(index)
    return dict(sorted(groups.items()))


def _share_out(sizes: dict[tuple[str, ...], int], fraction: float) -> dict[tuple[str, ...], int]:
    """Return the number of examples of each class in the part, by the largest-remainder method; one stays in the rest."""
    exact = {key: size * fraction for key, size in sizes.items()}
    quotas = {key: int(exact[key]) for key in sizes}  # less than the class, as the fraction is less than 1
    missing = max(1, round(sum(sizes.values()) * fraction)) - sum(quotas.values())
    for key in sorted(sizes, key=lambda key: quotas[key] - exact[key]):
        if missing > 0 and quotas[key] < sizes[key] - 1:
            quotas[key] += 1
            missing -= 1
    return quotas


def _needed_in_rest(examples: Sequence[Example], chosen: set[int]) -> set[int]:
    """Return, for each label without an example in the rest, the position of its first example."""
    kept = {
        label for index, example in enumerate(examples) if index not in chosen for label in example.labels
    }
    needed = set()
    for index in sorted(chosen):
        if not kept.issuperset(examples[index].labels):
            needed.add(index)
            kept.update(examples[index].labels)
    return needed
