"""Find copies of texts and tell the user about them, since they make metrics too optimistic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from grutext.data import Example, TextIndex
from grutext.messages import count, quote
from grutext.text import text_key

# Share and number of texts with different labels from which on these may be several labels, one a row.
_LONG_FORM, _FEWEST = 0.2, 5


def distinct(examples: Sequence[Example], key: Callable[[str], int] = text_key) -> list[list[int]]:
    """Return the positions of the copies of each text, in the order of the first copies."""
    groups: dict[int, list[int]] = {}
    for position, example in enumerate(examples):
        groups.setdefault(key(example.text), []).append(position)
    return list(groups.values())


def describe_copies(source: str, index: TextIndex, examples: Sequence[Example]) -> Iterator[str]:
    """Yield one line about copies within a source, and one about texts with different labels, where there are any.

    Args:
        source: The source as the user named it.
        index: Its texts.
        examples: The examples of the index, in its order; empty if they are not in memory.
    """
    found = index.count()
    if found.copies:
        are = "is a copy" if found.copies == 1 else "are copies"
        yield (
            f"{source}: {found.copies:,} of {count(found.texts, 'text')} {are} of another text "
            f"(case and white space aside); equal texts are all in the training or all in the dev set"
        )
    if found.contradicting:
        text = "1 text occurs" if found.contradicting == 1 else f"{found.contradicting:,} texts occur"
        pair = _find_contradiction(index, examples)
        such = ""
        if pair is not None:
            first, second = pair
            labels = [quote(", ".join(example.labels), 30) for example in pair]
            such = f", such as {quote(first.text, 40)}: {labels[0]} in row {first.row:,}, {labels[1]} in row {second.row:,}"
        several = ""
        if found.contradicting >= max(_FEWEST, _LONG_FORM * (found.texts - found.copies)):
            several = "; if a text has several labels, write them as a list in one row"
        yield f"{source}: {text} with different labels (case and white space aside){such}{several}"


def _find_contradiction(index: TextIndex, examples: Iterable[Example]) -> tuple[Example, Example] | None:
    seen: dict[int, Example] = {}
    for key, example in zip(index.keys, examples, strict=False):
        first = seen.setdefault(key, example)
        if set(first.labels) != set(example.labels):
            return first, example
    return None


def describe_shared(
    source: str, examples: Sequence[Example], data: str, index: TextIndex, use: str
) -> Iterator[str]:
    """Yield a line about the texts of a source that are in the training data as well, if there are any.

    Args:
        source: The source as the user named it.
        examples: Its examples.
        data: The training data as the user named them.
        index: The texts of the training data.
        use: The consequence for metrics on the source, as a phrase.
    """
    shared = int(index.contains([index.key(example.text) for example in examples]).sum())
    if shared:
        are = "is" if shared == 1 else "are"
        yield f"{source}: {shared:,} of {count(len(examples), 'text')} {are} in {data} as well, {use}"
