"""Make a model small: store its weights in few bits, and prune what matters least.

A small model is a model like any other: its arrays have the dtypes of the spec, and hold only values that fewer bits can hold
as well. So any engine can say what it is worth, and an export that stores them in fewer bits loses nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from grutext.errors import ExportError
from grutext.export.packing import round_to_float16, round_to_int8
from grutext.inference import Classifier
from grutext.model.bundle import Bundle

_SHARES = (0.2, 0.4, 0.6, 0.8)  # of what can be pruned that stays n-grams
_STEPS = 8  # of the search for the largest model that is small enough


@dataclass(frozen=True, slots=True)
class Sizes:
    """What of a model can be pruned.

    Attributes:
        ngrams: n-grams of the linear part.
        words: Words of the vocabulary.
        buckets: Rows of the subword table.
    """

    ngrams: int
    words: int
    buckets: int

    @classmethod
    def of(cls, bundle: Bundle) -> Sizes:
        """Return the sizes of a model; 0 for what it does not have."""
        ngrams, buckets = (
            len(bundle.weights.get(name, ())) for name in ("linear/keys", "embedding/subwords")
        )
        return cls(ngrams, len(bundle.vocabulary) if _word_tables(bundle) else 0, buckets)


def _word_tables(bundle: Bundle) -> list[str]:
    """Return the names of the arrays that have a row for each word."""
    names = ("embedding/words", "text_vectors/words", "text_vectors/scale")
    return [name for name in names if name in bundle.weights]


def shrink(
    bundle: Bundle, limit: int, size_of: Callable[[Bundle], int], loss_of: Callable[[Bundle], float]
) -> Bundle:
    """Return a model of at most `limit` bytes, pruned only if rounding its weights is not enough.

    How much is left of the n-grams, and how much of the embedding, is tried out.

    Args:
        bundle: The model.
        limit: The largest number of bytes.
        size_of: Returns the bytes of a model's files.
        loss_of: Returns the loss of a model on dev texts, lower is better.

    Raises:
        ExportError: Not even the smallest model is small enough.
    """
    whole = _with_own_answers(quantize(bundle))
    if size_of(whole) <= limit:
        return whole
    least = size_of(_prune_to(bundle, 0.0, 0.5))
    if least > limit:
        raise ExportError(
            f"{limit:,} bytes cannot be had: without n-grams, words and subword rows the model has {least:,} bytes; "
            "train one with fewer units, or allow more"
        )
    shares = _SHARES if bundle.config.linear.enabled and _word_tables(bundle) else (1.0,)
    candidates = [_largest(bundle, share, limit, size_of) for share in shares]
    return min(candidates, key=loss_of)


def _largest(bundle: Bundle, share: float, limit: int, size_of: Callable[[Bundle], int]) -> Bundle:
    """Return the largest model of at most `limit` bytes whose n-grams keep this share of what is kept."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        fits = size_of(_prune_to(bundle, middle, share)) <= limit
        low, high = (middle, high) if fits else (low, middle)
    return _prune_to(bundle, low, share)


def _prune_to(bundle: Bundle, kept: float, share: float) -> Bundle:
    """Return a model that keeps parts of its n-grams, and of its words and subword rows, in the ratio of `share` to the rest."""
    sizes, larger = Sizes.of(bundle), max(share, 1.0 - share)
    ngrams, table = kept * share / larger, kept * (1.0 - share) / larger
    if not bundle.config.linear.enabled:
        table = kept
    target = Sizes(
        ngrams=max(1, round(sizes.ngrams * ngrams)),
        words=round(sizes.words * table),
        buckets=max(1, round(sizes.buckets * table)),
    )
    return _with_own_answers(quantize(prune(bundle, target)))


def prune(bundle: Bundle, target: Sizes) -> Bundle:
    """Return a model with at most these sizes.

    The n-grams with the largest weights stay, and the most frequent words. Subword rows are added up in groups, since
    n-grams of the same group share a row as those of the same hash did before; their number divides the one before.
    """
    weights, config = dict(bundle.weights), bundle.config
    if config.linear.enabled:
        kernel = weights["linear/kernel"].astype(np.float32)
        size = np.linalg.norm(kernel, axis=1) * weights["linear/scale"]
        kept = np.sort(np.argsort(-size, kind="stable")[: target.ngrams])
        for name in ("linear/keys", "linear/scale", "linear/kernel"):
            weights[name] = weights[name][kept]
    vocabulary = bundle.vocabulary
    for name in _word_tables(bundle):
        vocabulary = vocabulary[: target.words]
        weights[name] = weights[name][: target.words + 1]
    if "embedding/subwords" in weights:
        table = weights["embedding/subwords"]
        buckets = max(n for n in _divisors(len(table)) if n <= target.buckets)
        groups = table.reshape(-1, buckets, table.shape[1]).astype(np.float32)
        weights["embedding/subwords"] = groups.mean(axis=0).astype(np.float16)
        config = config.override({"text.subword_buckets": buckets})
    return replace(bundle, config=config, vocabulary=vocabulary, weights=weights)


def _divisors(number: int) -> list[int]:
    small = [n for n in range(1, int(number**0.5) + 1) if number % n == 0]
    return small + [number // n for n in small]


def quantize(bundle: Bundle) -> Bundle:
    """Return a model whose tables fit into 8 bits for each number, and its other weights into 16.

    Embeddings share a power of two in each row, the kernel of the linear part one in each column.
    """
    weights = dict(bundle.weights)
    for name, array in weights.items():
        if name.startswith("embedding/"):
            weights[name] = round_to_int8(array, axis=1)
        elif name == "linear/kernel":
            weights[name] = round_to_int8(array, axis=0)
        elif array.dtype == np.float32:
            weights[name] = round_to_float16(array)
    return replace(bundle, weights=weights)


def _with_own_answers(bundle: Bundle) -> Bundle:
    """Return a model with its own probabilities for its golden texts, and without what was measured on another one."""
    texts = [row["text"] for row in bundle.golden]
    rows = Classifier(bundle, threads=1, compiled=False).predict_proba(texts)
    golden = [{"text": text, "probabilities": row.tolist()} for text, row in zip(texts, rows, strict=True)]
    return replace(bundle, golden=golden, metrics={}, abstention=[], unfamiliar=[])
