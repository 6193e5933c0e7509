"""The embedded sample keeps its promises: written one by one, no templates, nothing twice.

Each check is shown to notice a violation that is planted into a copy.
"""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path

import pytest

from grutext.text import normalize

Row = tuple[str, str]  # text, label
Parts = dict[str, list[Row]]

ROWS = {"train": 900, "dev": 100, "test": 200}
LABELS = {"account", "billing", "delivery", "feedback", "membership", "product", "refund", "technical"}
WORD = re.compile(r"\w+(?:'\w+)*")


def read(folder: Path) -> Parts:
    """Return the rows of each part as (text, label)."""
    parts: Parts = {}
    for name in ROWS:
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file, strict=True)
        assert header == ["text", "label"]
        parts[name] = [(text, label) for text, label in rows]
    return parts


@pytest.fixture
def parts(sample_folder) -> Parts:
    return read(sample_folder)


def words(text: str) -> list[str]:
    return WORD.findall(normalize(text))


def ngrams(text: str, n: int) -> set[tuple[str, ...]]:
    some = words(text)
    return {tuple(some[start : start + n]) for start in range(len(some) - n + 1)}


def everything(parts: Parts) -> Iterable[tuple[str, str]]:
    """Yield where a text stands (file and row, the first row of texts being 2), and the text."""
    for name, rows in parts.items():
        for row, (text, _) in enumerate(rows, start=2):
            yield f"{name}.csv, row {row}", text


def check_counts(parts: Parts) -> None:
    """Assert the number of rows in each part, and of texts and parts of each label."""
    assert {name: len(rows) for name, rows in parts.items()} == ROWS
    counts = Counter(label for rows in parts.values() for _, label in rows)
    assert counts == dict.fromkeys(LABELS, 150)
    for name, rows in parts.items():
        shares = Counter(label for _, label in rows)
        assert max(shares[label] for label in LABELS) - min(shares[label] for label in LABELS) <= 1, name


def check_lengths(parts: Parts) -> None:
    """Assert that every text has 3 to 80 words."""
    wrong = {
        place: len(text.split()) for place, text in everything(parts) if not 3 <= len(text.split()) <= 80
    }
    assert not wrong, wrong


def check_clean(parts: Parts) -> None:
    """Assert that texts are one line without white space at the ends, of printable characters."""
    wrong = [place for place, text in everything(parts) if text != text.strip() or not text.isprintable()]
    assert not wrong, wrong


def check_nothing_twice(parts: Parts) -> None:
    """Assert that no two texts, of one part or of two, have the same words."""
    places = defaultdict(list)
    for place, text in everything(parts):
        places[tuple(words(text))].append(place)
    wrong = [some for some in places.values() if len(some) > 1]
    assert not wrong, wrong


def check_no_near_copies(parts: Parts) -> None:
    """Assert that no two texts share half of the 3-grams of the one that has fewer."""
    grams = {place: ngrams(text, 3) for place, text in everything(parts)}
    holders = defaultdict(list)
    for place, some in grams.items():
        for gram in some:
            holders[gram].append(place)
    shared = Counter(pair for some in holders.values() for pair in combinations(some, 2))
    wrong = [pair for pair, count in shared.items() if 2 * count >= min(len(grams[place]) for place in pair)]
    assert not wrong, wrong


def check_no_templates(parts: Parts) -> None:
    """Assert that no 5-gram stands in more than one text of a hundred."""
    texts = [text for _, text in everything(parts)]
    counts = Counter(gram for text in texts for gram in ngrams(text, 5))
    wrong = {" ".join(gram): count for gram, count in counts.items() if count > len(texts) / 100}
    assert not wrong, wrong


def check_varied_lengths(parts: Parts) -> None:
    """Assert that short and long texts both are more than a few, for every label."""
    for label in LABELS:
        lengths = sorted(len(text.split()) for rows in parts.values() for text, its in rows if its == label)
        assert lengths[15] <= 12, (label, lengths[15])
        assert lengths[-15] >= 40, (label, lengths[-15])


CHECKS = [
    check_counts, check_lengths, check_clean, check_nothing_twice, check_no_near_copies, check_no_templates,
    check_varied_lengths,
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_sample_passes_every_check(parts, check):
    check(parts)


def put(part: str, place: int, text: str) -> Callable[[Parts], None]:
    """Return a change that replaces one text."""

    def change(parts: Parts) -> None:
        parts[part][place] = (text, parts[part][place][1])

    return change


def copy(part: str, place: int, into: str, at: int, edit: Callable[[str], str]) -> Callable[[Parts], None]:
    """Return a change that replaces one text by an edited copy of another."""

    def change(parts: Parts) -> None:
        parts[into][at] = (edit(parts[part][place][0]), parts[into][at][1])

    return change


def template(parts: Parts) -> None:
    """Put the same five words into thirteen texts of 1,200."""
    for place in range(13):
        text, label = parts["train"][place * 7]
        parts["train"][place * 7] = (f"{' '.join(text.split()[:70])} hoping this finds you well", label)


def shorten(parts: Parts) -> None:
    """Cut all texts of one label to twenty words."""
    for rows in parts.values():
        rows[:] = [
            (" ".join(text.split()[:20]) if label == "refund" else text, label) for text, label in rows
        ]


def first_half(text: str) -> str:
    some = text.split()
    return " ".join([*some[: len(some) * 2 // 3], "and", "now", "for", "something", "else"])


VIOLATIONS = {
    "a row too few": (check_counts, lambda parts: parts["dev"].pop()),
    "another label": (check_counts, lambda parts: parts["dev"].append((parts["dev"].pop()[0], "other"))),
    "a label moved": (
        check_counts,
        lambda parts: parts["train"].__setitem__(0, (parts["train"][0][0], parts["train"][1][1])),
    ),
    "two words": (check_lengths, put("test", 5, "not working")),
    "eighty-one words": (check_lengths, put("test", 5, " ".join(f"word{n}" for n in range(81)))),
    "a line break": (check_clean, put("train", 5, "my parcel\nis lost")),
    "a blank at the end": (check_clean, put("train", 5, "my parcel is lost ")),
    "a text in two parts": (check_nothing_twice, copy("train", 3, "test", 8, str)),
    "a text twice in a part": (check_nothing_twice, copy("train", 3, "train", 8, str)),
    "the same words in capitals": (
        check_nothing_twice,
        copy("dev", 3, "test", 8, lambda text: text.upper() + "!!"),
    ),
    "half of a longer text": (check_no_near_copies, copy("train", 1, "dev", 4, first_half)),
    "a text with a word more": (
        check_no_near_copies,
        copy("train", 1, "train", 4, lambda text: f"Well, {text}"),
    ),
    "a phrase in many texts": (check_no_templates, template),
    "short texts only": (check_varied_lengths, shorten),
}


@pytest.mark.long
@pytest.mark.parametrize("name", VIOLATIONS)
def test_notices_a_planted_violation(parts, name):
    check, plant = VIOLATIONS[name]
    check(parts)
    plant(parts)
    with pytest.raises(AssertionError):
        check(parts)


def test_every_check_has_a_planted_violation():
    assert {check for check, _ in VIOLATIONS.values()} == set(CHECKS)
