"""Names of columns that are added to those of a source."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, count

_PREFIX = "predicted_"


def name_added(
    added: Iterable[str], taken: Iterable[str], fold: Callable[[str], str] = str
) -> dict[str, str]:
    """Return a free name for each added column: its own, or with the prefix `predicted_`, and a number if that is taken too.

    Args:
        added: The columns to add.
        taken: The columns that are there.
        fold: Maps names that may not stand side by side to one name, such as `str.casefold` where the case of letters does
            not count.

    >>> name_added(["label", "confidence"], ["text", "label"])
    {'label': 'predicted_label', 'confidence': 'confidence'}
    """
    used = set(map(fold, taken))
    names = {}
    for name in added:
        numbered = (f"{_PREFIX}{name}_{n}" for n in count(2))
        free = next(tried for tried in chain((name, _PREFIX + name), numbered) if fold(tried) not in used)
        used.add(fold(free))
        names[name] = free
    return names
