"""Setting a part of the examples aside, with the classes in proportion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from grutext.data.examples import Example
from grutext.errors import DataError


def split_examples(
    examples: Sequence[Example], fraction: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Gives the rest, and a stratified part; both keep the order of the examples.

    The part has `fraction` of each class, rounded so that the whole has `fraction` of all (but one example at
    least). Where a text has several labels, the rarest decides to which class it counts. Each label keeps an
    example in the rest. The same examples, fraction and seed give the same parts, on any machine.

    Args:
        examples: What to split.
        fraction: How much to set aside, between 0 and 1.
        seed: Decides which examples.

    Raises:
        DataError: The fraction is out of range, or every class has one example only.
    """
    import numpy as np  # not at the top: `grutext train --help` imports this package, and needs no NumPy

    if not 0 < fraction < 1:
        raise DataError(f"the fraction to set aside must lie between 0 and 1, and not be {fraction}")
    classes = _group(examples)
    quotas = _share_out({key: len(members) for key, members in classes.items()}, fraction)
    generator = np.random.default_rng(seed)
    chosen: set[int] = set()
    for key, members in classes.items():
        order = generator.permutation(len(members))
        chosen.update(members[position] for position in order[: quotas[key]])
    chosen -= _needed_in_rest(examples, chosen)
    if not chosen:
        raise DataError(
            "there are too few examples of each class to set a part of them aside; name a dev part"
        )
    rest = [example for index, example in enumerate(examples) if index not in chosen]
    return rest, [examples[index] for index in sorted(chosen)]


def _group(examples: Sequence[Example]) -> dict[tuple[str, ...], list[int]]:
    """Gives the positions of the examples of each class, in the order of the class names."""
    counts = Counter(label for example in examples for label in example.labels)
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, example in enumerate(examples):
        rarest = sorted(example.labels, key=lambda label: (counts[label], label))[:1]
        groups.setdefault(tuple(rarest), []).append(index)
    return dict(sorted(groups.items()))


def _share_out(sizes: dict[tuple[str, ...], int], fraction: float) -> dict[tuple[str, ...], int]:
    """Gives how many of each class go into the part, by largest remainder; one at least stays."""
    exact = {key: size * fraction for key, size in sizes.items()}
    quotas = {key: int(exact[key]) for key in sizes}  # less than the class, as the fraction is less than 1
    missing = max(1, round(sum(sizes.values()) * fraction)) - sum(quotas.values())
    for key in sorted(sizes, key=lambda key: quotas[key] - exact[key]):
        if missing > 0 and quotas[key] < sizes[key] - 1:
            quotas[key] += 1
            missing -= 1
    return quotas


def _needed_in_rest(examples: Sequence[Example], chosen: set[int]) -> set[int]:
    """Gives, for each label that the rest would lack, the position of its first example."""
    kept = {
        label for index, example in enumerate(examples) if index not in chosen for label in example.labels
    }
    needed = set()
    for index in sorted(chosen):
        if not kept.issuperset(examples[index].labels):
            needed.add(index)
            kept.update(examples[index].labels)
    return needed
