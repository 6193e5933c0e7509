"""Stratified splits of examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from grutext.data.examples import Example
from grutext.errors import DataError

_TOO_FEW = "there are too few examples of each class to set some of them aside; name dev data"


def split_examples(
    examples: Sequence[Example], fraction: float, seed: int, keys: Sequence[int] | None = None
) -> tuple[list[Example], list[Example]]:
    """Split examples into the rest and a stratified part, each in the order of the examples.

    The part has `fraction` of each class, rounded so that the whole part has `fraction` of all examples, but at least
    one. Copies of a text are all in the rest or all in the part, whose share of a class is then as near to `fraction` as
    they allow. A text with several labels belongs to the class of its rarest label. Each label has at least one example
    in the rest. The same examples, fraction, seed and keys give the same split on any machine.

    Args:
        examples: The examples to split.
        fraction: The fraction of examples in the part, between 0 and 1.
        seed: Decides which examples are in the part.
        keys: A number for each example, equal for copies of the same text; None: there are no copies.

    Returns:
        The rest, and the part.

    Raises:
        DataError: The fraction is out of range, or every class has only one text.
    """
    if not 0 < fraction < 1:
        raise DataError(f"the fraction to set aside must be between 0 and 1, not {fraction}")
    groups = _group_copies(len(examples), keys)
    classes = _group_classes(examples, groups)
    chosen = _choose(classes, groups, fraction, seed)
    chosen -= _needed_in_rest(examples, groups, chosen)
    if not chosen:
        raise DataError(_TOO_FEW)
    part = {index for group in chosen for index in groups[group]}
    rest = [example for index, example in enumerate(examples) if index not in part]
    return rest, [examples[index] for index in sorted(part)]


def fold_examples(
    examples: Sequence[Example], folds: int, seed: int, keys: Sequence[int] | None = None
) -> list[int]:
    """Deal examples out to stratified folds, for cross-validation.

    The examples of each class are spread over the folds as evenly as its copies allow: copies of a text are all in one
    fold. A text with several labels belongs to the class of its rarest label. Texts without which the other folds
    would lack a label, such as the only one of a label, are in no fold. The same arguments give the same folds on any
    machine.

    Args:
        examples: The N examples.
        folds: The number of folds, at least 2; a few of them are empty if there are fewer texts.
        seed: Decides which examples are in which fold.
        keys: A number for each example, equal for copies of the same text; None: there are no copies.

    Returns:
        The fold of each example, from 0; -1 for an example in no fold.

    Raises:
        DataError: Every class has only one text.
    """
    groups = _group_copies(len(examples), keys)
    fold_of = _deal_groups(examples, groups, folds, seed)
    for fold in range(folds):
        chosen = {group for group, own in fold_of.items() if own == fold}
        fold_of |= dict.fromkeys(_needed_in_rest(examples, groups, chosen), -1)
    if max(fold_of.values(), default=-1) < 0:
        raise DataError(_TOO_FEW)
    return _spread(groups, fold_of)


def deal_examples(
    examples: Sequence[Example], shares: int, seed: int, keys: Sequence[int] | None = None
) -> list[int]:
    """Deal all examples out to stratified shares, as `fold_examples` deals them out to folds, rare labels too.

    Args:
        examples: The N examples.
        shares: The number of shares.
        seed: Decides which examples are in which share.
        keys: As for `fold_examples`.

    Returns:
        The share of each example, from 0.
    """
    groups = _group_copies(len(examples), keys)
    return _spread(groups, _deal_groups(examples, groups, shares, seed))


def _deal_groups(
    examples: Sequence[Example], groups: list[list[int]], shares: int, seed: int
) -> dict[int, int]:
    """Return the share of each group of copies; of each class, the shares have as many examples as its copies allow."""
    import numpy as np  # not at the top; see `_choose`

    generator = np.random.default_rng(seed)
    share_of: dict[int, int] = {}
    totals = [0] * shares
    for members in _group_classes(examples, groups).values():
        in_class = [0] * shares
        for place in generator.permutation(len(members)):
            group = members[place]
            smallest = min(range(shares), key=lambda share: (in_class[share], totals[share]))
            share_of[group] = smallest
            in_class[smallest] += len(groups[group])
            totals[smallest] += len(groups[group])
    return share_of


def _spread(groups: list[list[int]], of_group: dict[int, int]) -> list[int]:
    """Return for each example what is known of its group of copies."""
    spread = [-1] * sum(map(len, groups))
    for group, number in of_group.items():
        for index in groups[group]:
            spread[index] = number
    return spread


def _group_copies(size: int, keys: Sequence[int] | None) -> list[list[int]]:
    """Return the positions of the copies of each text, in the order of the first copies."""
    groups: dict[int, list[int]] = {}
    for index, key in enumerate(range(size) if keys is None else keys):
        groups.setdefault(key, []).append(index)
    return list(groups.values())


def _group_classes(examples: Sequence[Example], groups: list[list[int]]) -> dict[tuple[str, ...], list[int]]:
    """Return the groups of copies of each class, sorted by class."""
    counts = Counter(label for example in examples for label in example.labels)
    classes: dict[tuple[str, ...], list[int]] = {}
    for group, members in enumerate(groups):
        labels = {label for index in members for label in examples[index].labels}
        rarest = sorted(labels, key=lambda label: (counts[label], label))[:1]
        classes.setdefault(tuple(rarest), []).append(group)
    return dict(sorted(classes.items()))


def _choose(
    classes: dict[tuple[str, ...], list[int]], groups: list[list[int]], fraction: float, seed: int
) -> set[int]:
    """Return the groups of copies in the part.

    What a class gives too little or too much, as its texts have several copies, the next classes make up for.
    """
    import numpy as np  # not at the top: `grutext train --help` imports this package, and needs no NumPy

    sizes = [len(members) for members in groups]
    quotas = share_out({key: sum(sizes[g] for g in found) for key, found in classes.items()}, fraction)
    generator = np.random.default_rng(seed)
    chosen: set[int] = set()
    owed = 0
    for key, found in classes.items():
        order = generator.permutation(len(found))
        quota = quotas[key]
        made_up = max(-quota, min(owed, max(quota, min(sizes[group] for group in found))))
        wanted = quota + made_up
        for position in order[:-1]:  # one text stays in the rest
            group = found[position]
            if 0 < sizes[group] <= 2 * wanted:  # the share is nearer with it than without
                chosen.add(group)
                wanted -= sizes[group]
        owed += wanted - made_up
    if not chosen:  # all texts have too many copies for their share
        several = [group for found in classes.values() if len(found) > 1 for group in found]
        chosen.update(sorted(several, key=lambda group: sizes[group])[:1])
    return chosen


def share_out(sizes: dict[tuple[str, ...], int], fraction: float) -> dict[tuple[str, ...], int]:
    """Return the number of examples of each class in a part, by the largest-remainder method; one stays in the rest.

    Args:
        sizes: The number of examples of each class.
        fraction: The fraction of all examples in the part, between 0 and 1.
    """
    exact = {key: size * fraction for key, size in sizes.items()}
    quotas = {key: int(exact[key]) for key in sizes}  # less than the class, as the fraction is less than 1
    missing = max(1, round(sum(sizes.values()) * fraction)) - sum(quotas.values())
    for key in sorted(sizes, key=lambda key: quotas[key] - exact[key]):
        if missing > 0 and quotas[key] < sizes[key] - 1:
            quotas[key] += 1
            missing -= 1
    return quotas


def _needed_in_rest(examples: Sequence[Example], groups: list[list[int]], chosen: set[int]) -> set[int]:
    """Return, for each label without an example in the rest, the first group of copies that has it."""
    labels = [{label for index in members for label in examples[index].labels} for members in groups]
    kept = {label for group, own in enumerate(labels) if group not in chosen for label in own}
    needed = set()
    for group in sorted(chosen):
        if not kept.issuperset(labels[group]):
            needed.add(group)
            kept.update(labels[group])
    return needed
