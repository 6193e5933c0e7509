"""Active learning: which texts without labels to label next.

A text teaches a model most where the model is unsure, and where nothing like it is labelled at the same time. So of the texts
with the smallest margins, ten times as many as are asked for, a selection is drawn one by one as k-means++ draws its centres: with a
probability that grows with the distance to those that are chosen already, and here with the uncertainty too (Zhdanov,
"Diverse mini-batch Active Learning", 2019).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grutext.data import Row
from grutext.errors import ConfigError
from grutext.inference import Classifier
from grutext.inference.texts import list_texts
from grutext.text import KnownTexts, Vectorizer, Vocabulary, count_ngrams, text_key, unit_rows

Float = NDArray[np.float32]

CANDIDATES = 10  # times as many texts as are asked for are kept, the least certain ones
_BLOCK = 1_000  # texts that are read at once
_COLUMNS = 512  # of hashed n-grams
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A text to label.

    Attributes:
        position: Where the text stands in the input, from 0.
        text: The text.
        label: The model's guess; the tuple of its labels where a text may have several.
        margin: How sure the model is, in 0..1; see `margins`.
        fields: All values of the row by column, if the text comes from one.
    """

    position: int
    text: str
    label: str | tuple[str, ...]
    margin: float
    fields: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Selection:
    """The texts to label next.

    Attributes:
        suggestions: The texts, in the order in which to label them.
        texts: The number of texts that were read.
        empty: How many of them were left out because they are empty.
        labelled: How many were left out because they are labelled already.
        copies: How many were left out because they are copies of others.
    """

    suggestions: tuple[Suggestion, ...]
    texts: int
    empty: int
    labelled: int
    copies: int


class _Candidate(NamedTuple):
    key: int
    suggestion: Suggestion


def suggest(
    model: Classifier,
    texts: Iterable[str] | Iterable[Row],
    count: int = 100,
    *,
    labelled: Iterable[str] = (),
    label_columns: Sequence[str] = (),
    seed: int = 1,
) -> Selection:
    """Choose the texts to label next, such that they are uncertain and differ from one another.

    The texts are read once and in blocks, and memory holds only the candidates, and eight bytes of each text. Empty texts are left out, copies but for
    one (case and white space aside, as far as the model ignores case), and texts that are labelled already.

    Args:
        model: The model that is to learn from them.
        texts: The texts without labels, or rows of a file.
        count: How many to choose; fewer if there are fewer.
        labelled: Texts that are labelled already, such as those that the model was trained on.
        label_columns: Columns of the rows; a row with a value in one of them is labelled already.
        seed: Decides between candidates.

    Raises:
        ConfigError: `count` is below 1.
        TypeError: An item is neither a `str` nor a `Row`.
    """
    if count < 1:
        raise ConfigError(f"count is {count}; it must be 1 or more")
    case = model.bundle.config.text.case
    known = KnownTexts([text_key(text, case) for text in labelled])
    candidates: dict[int, Suggestion] = {}
    seen = [np.zeros(0, np.uint64)]  # the keys of the texts that could be suggested
    read = empty = already = 0
    for block in _blocks(texts):
        keys = [text_key(row.text, case) for row in block]
        filled = np.array([bool(row.text.strip()) for row in block])
        has_label = np.array(
            [any(_is_filled(row.fields.get(name)) for name in label_columns) for row in block]
        )
        is_known = (known.contains(keys) | has_label) & filled
        fresh = np.flatnonzero(filled & ~is_known).tolist()
        probabilities = model.predict_proba([block[n].text for n in fresh])
        labels: Sequence[str | tuple[str, ...]] = model.decide(probabilities)
        own = margins(model, probabilities).tolist()
        for n, margin, label in zip(fresh, own, labels, strict=True):
            found = Suggestion(read + n, block[n].text, label, margin, block[n].fields)
            candidates.setdefault(keys[n], found)
        seen.append(np.array(keys, np.uint64)[fresh])
        candidates = _least_certain(candidates, CANDIDATES * count)
        read += len(block)
        empty += int((~filled).sum())
        already += int(is_known.sum())
    left = list(candidates.values())
    keys_seen = np.concatenate(seen)
    copies = len(keys_seen) - len(np.unique(keys_seen))
    order = _draw(_embed(model, [one.text for one in left]), _uncertainty(left), count, seed)
    return Selection(tuple(left[n] for n in order), read, empty, already, copies)


def margins(model: Classifier, probabilities: Float) -> Float:
    """Return how sure a model is of each text, shape (N,), float32, in 0..1.

    Where a text has one label, it is the difference between the largest probability and the next one, after division by the
    model's thresholds if it has some. Where it may have several, it is the distance between a probability and its threshold, for the
    label that is nearest to it.

    Args:
        model: The model.
        probabilities: `(N, C)`, of at least two labels where a text has one.
    """
    if model.multilabel:
        return np.asarray(np.abs(probabilities - model.thresholds).min(axis=1))
    scores = probabilities / model.thresholds if model.thresholds.size else probabilities
    scores = np.sort(scores / scores.sum(axis=1, keepdims=True), axis=1)
    return np.asarray(scores[:, -1] - scores[:, -2])


def _is_filled(value: Any) -> bool:
    return bool(value.strip() if isinstance(value, str) else value not in (None, []))


def _blocks(texts: Iterable[str] | Iterable[Row]) -> Iterator[list[Row]]:
    """Yield the texts as rows, in blocks."""
    remaining: Iterator[Any] = iter(texts)
    while block := list(itertools.islice(remaining, _BLOCK)):
        if isinstance(block[0], Row):
            yield block
        else:
            yield [Row(0, {}, text) for text in list_texts(block)]


def _least_certain(candidates: dict[int, Suggestion], most: int) -> dict[int, Suggestion]:
    """Return the candidates with the smallest margins; of equal ones, those that come first."""
    if len(candidates) <= most:
        return candidates
    kept = sorted(candidates.items(), key=lambda item: (item[1].margin, item[1].position))[:most]
    return dict(kept)


def _uncertainty(candidates: Sequence[Suggestion]) -> NDArray[np.float64]:
    return 1 - np.array([one.margin for one in candidates], np.float64)


def _embed(model: Classifier, texts: Sequence[str]) -> Float:
    """Return a vector of length 1 for each text, `(N, P) float32`: the encoder's, or else hashed n-grams."""
    if model.bundle.config.gru.enabled:
        return unit_rows(model.encode(texts))
    return unit_rows(_hash_ngrams(model, texts))


def _hash_ngrams(model: Classifier, texts: Sequence[str]) -> Float:
    """Return the counts of the n-grams of each text in few columns, `(N, 512) float32`.

    Each n-gram adds to one column or subtracts from it, so that inner products are those of the counts on average
    (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009).
    """
    config = model.bundle.config
    counts = count_ngrams(Vectorizer(config.text, Vocabulary([])).vectorize(texts), config.linear)
    hashed = counts.keys.astype(np.uint64) * _MIX  # modulo 2^64
    columns = (hashed >> np.uint64(40)).astype(np.int64) % _COLUMNS
    signs = np.where(hashed >> np.uint64(63), 1.0, -1.0)
    cells = np.bincount(
        counts.texts * _COLUMNS + columns, signs * counts.counts, minlength=len(texts) * _COLUMNS
    )
    return cells.reshape(len(texts), _COLUMNS).astype(np.float32)


def _draw(vectors: Float, weights: NDArray[np.float64], count: int, seed: int) -> list[int]:
    """Return the positions of texts that are drawn one by one, by weight and distance to the nearest one drawn before.

    Args:
        vectors: `(N, P)`.
        weights: `(N,)`, at least 0.
        count: How many to draw; fewer if there are fewer texts.
        seed: Decides the draws.
    """
    rng = np.random.default_rng(seed)
    squares = np.square(vectors).sum(axis=1)  # (N,)
    distances = np.ones(
        len(vectors), np.float32
    )  # (N,), squared; before the first draw the weight alone counts
    chosen: list[int] = []
    while len(chosen) < min(count, len(vectors)):
        chances = weights * distances
        chances[chosen] = 0.0
        if not chances.any():  # all others are certain, or equal to one that is drawn
            chances = np.ones(len(vectors))
            chances[chosen] = 0.0
        new = int(rng.choice(len(vectors), p=chances / chances.sum()))
        between = np.maximum(squares + squares[new] - 2 * vectors @ vectors[new], 0.0)
        distances = between if not chosen else np.minimum(distances, between)
        chosen.append(new)
    return chosen
