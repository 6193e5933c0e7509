"""Fit the linear part: choose n-grams, weight them, and fit scikit-learn's LinearSVC to them and to text vectors.

Each n-gram's TF-IDF is multiplied by the square root of how informative the n-gram is: the root mean square over
the classes, weighted by their priors, of its naive-Bayes log-count ratio (Wang and Manning 2012, "Baselines and
Bigrams", section 2.2, pooled over the classes so that one matrix serves them all). The ratio's rates are smoothed
towards those of all texts: with add-one smoothing in each class, the most informative n-grams of 150 classes would
be those that hardly occur.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.svm import LinearSVC

from grutext.config import LinearConfig
from grutext.model.spec import linear_columns
from grutext.text import (
    CHARACTER_FAMILY,
    KeyIndex,
    NgramCounts,
    NgramFeatures,
    TextVectors,
    Vectorizer,
    count_ngrams,
)
from grutext.training.linear.label_names import as_texts
from grutext.training.samples import nested_sample, runs

Targets = NDArray[np.float32]
_CHUNK_CHARACTERS = 1 << 20
# The length of a text's vector, where its word n-grams and its character n-grams have length 1 each.
_VECTOR_LENGTH = 0.7
# How much more a word n-gram counts than a character n-gram when n-grams are chosen, since the latter overlap.
_WORD_WORTH = 3.0


@dataclass(frozen=True, slots=True)
class LinearTask:
    """Everything that fitting a linear part needs, except the texts.

    Attributes:
        vectorizer: Splits texts into the tokens that word n-grams are made of.
        config: The n-gram settings.
        multilabel: Whether a text may have several labels; each label then has a classifier of its own.
        seed: Decides the order in which the solver visits the texts.
        class_weights: `(C,) float32`, the factor on the loss of each label's texts.
        vectors: Text vectors that are read beside the n-grams; None for none.
        features: The n-grams; None chooses them from the texts.
    """

    vectorizer: Vectorizer
    config: LinearConfig
    multilabel: bool
    seed: int
    class_weights: NDArray[np.float32]
    vectors: TextVectors | None = None
    features: NgramFeatures | None = None


@dataclass(frozen=True, slots=True)
class LinearFit:
    """A fitted linear part.

    Attributes:
        arrays: The weights by the spec's names.
        rows: The number of training texts that it was fitted to.
    """

    arrays: dict[str, NDArray[Any]]
    rows: int


def fit_linear(
    texts: Sequence[str],
    targets: Targets,
    task: LinearTask,
    *,
    weights: NDArray[np.float32] | None = None,
    label_names: Sequence[str] = (),
    seconds: float | None = None,
) -> LinearFit:
    """Fit the linear part.

    Args:
        texts: The N training texts.
        targets: `(N, C)`, 1 where a label applies, or the probability that it does.
        task: The settings.
        weights: `(N,)`, the factor on the loss of each text; 1 if left out.
        label_names: The labels' names by column, each of which becomes one more text of its label; none if left out.
        seconds: Time that the fit may take. A first fit to a tenth of the texts estimates how many can be fitted in
            it. None fits all.
    """
    named, named_targets = as_texts(label_names)

    counted = np.ones(len(texts), np.float32) if weights is None else weights

    def fit(places: NDArray[np.int64]) -> LinearFit:
        some = [texts[n] for n in places]
        all_targets = np.concatenate([targets[places], named_targets]) if named else targets[places]
        all_weights = np.concatenate([counted[places], np.ones(len(named), np.float32)])
        return LinearFit(_fit([*some, *named], all_targets, all_weights, len(named), task), rows=len(some))

    rows = len(texts)
    sample = nested_sample(targets, max(1, rows // 10), task.seed)
    if seconds is None or len(sample) == rows:
        return fit(np.arange(rows))
    began = time.monotonic()
    first = fit(sample)
    spent = time.monotonic() - began
    # liblinear's time grows a little faster than the number of texts, hence the margin of 1.5.
    affordable = int((len(sample) + len(named)) * max(0.0, seconds - spent) / max(spent, 1e-6) / 1.5)
    rows = min(rows, affordable - len(named))
    if rows <= len(sample):
        return first
    return fit(nested_sample(targets, rows, task.seed))


def _fit(
    texts: Sequence[str], targets: Targets, weights: NDArray[np.float32], names: int, task: LinearTask
) -> dict[str, NDArray[Any]]:
    """Return the weights fitted to texts of which the last `names` are labels' names."""
    config, multilabel = task.config, task.multilabel
    counts = count_runs(texts, task.vectorizer, config)
    margins = linear_columns(targets.shape[1], multilabel)
    features = task.features or choose_features(
        counts, targets, _without_vectors(config, task.vectors), margins
    )
    if not len(features.keys):
        return without_features(targets, margins, multilabel)
    matrix = _transform(counts, features)
    if task.vectors:
        dense = task.vectors.transform(task.vectorizer.vectorize(texts)) * _VECTOR_LENGTH
        matrix = hstack([matrix, csr_matrix(dense)], "csr")
    kernel = np.zeros((matrix.shape[1], margins), np.float32)
    bias = np.where(targets.any(axis=0), 1.0, -1.0)[:margins]  # stays where all texts have a label, or none
    is_name = np.arange(len(texts)) >= len(texts) - names
    separable = np.flatnonzero(targets.any(axis=0) & ~(targets[~is_name] >= 1.0).all(axis=0))
    svm = partial(
        LinearSVC, C=config.regularization, dual=True, random_state=task.seed, tol=1e-3, max_iter=2000
    )
    if multilabel:
        for c in separable:
            # Each label is fitted to its own name only: `sport.hockey` must not be a negative example of `sport`.
            reads = ~is_name | (targets[:, c] > 0)
            rows, labels, counted = list_label(targets[:, c], weights * reads)
            model = svm(class_weight={1: task.class_weights[c]})
            model.fit(matrix[rows], labels, counted)
            kernel[:, c], bias[c] = model.coef_[0], model.intercept_[0]
    else:
        model = svm(class_weight={int(c): float(task.class_weights[c]) for c in separable})
        rows, labels, counted = list_labels(targets, weights)
        with warnings.catch_warnings():  # many labels for few texts are no mistake
            warnings.filterwarnings("ignore", "The number of unique classes")
            model.fit(matrix[rows], labels, counted)
        columns = model.classes_ if margins > 1 else [0]
        kernel[:, columns], bias[columns] = list_margins(model, len(columns))
    known = len(features.keys)
    arrays = pack(features, kernel[:known], bias)
    if task.vectors:
        arrays |= _pack_vectors(task.vectors, kernel[known:] * _VECTOR_LENGTH)
    return arrays


def _without_vectors(config: LinearConfig, vectors: TextVectors | None) -> LinearConfig:
    """Return the settings with the size limit of the n-grams alone: what word vectors leave of it, but at least half."""
    if vectors is None:
        return config
    left = config.max_megabytes - vectors.words.nbytes / 1e6
    return replace(config, max_megabytes=max(left, config.max_megabytes / 2))


def _pack_vectors(vectors: TextVectors, kernel: NDArray[np.floating]) -> dict[str, NDArray[Any]]:
    """Return the weights of the text vectors by the spec's names."""
    return {
        "text_vectors/words": vectors.words,
        "text_vectors/scale": vectors.scale,
        "text_vectors/center": vectors.center,
        "linear/vector_kernel": kernel.astype(np.float32),
    }


Rows = tuple[Any, NDArray[np.int64], NDArray[np.float32]]
_ALL = slice(None)


def list_labels(targets: Targets, weights: NDArray[np.float32]) -> Rows:
    """Return one row for each possible label of each text: places of texts, labels, and weights.

    Args:
        targets: `(N, C)`, the probability of each label; where all are certain, the places are a slice of all texts.
        weights: `(N,)`, the weights of the texts.
    """
    places, labels = np.nonzero(targets)
    counted = targets[places, labels] * weights[places]
    return _ALL if len(places) == len(targets) else places, labels, counted


def list_label(targets: Targets, weights: NDArray[np.float32]) -> Rows:
    """Return, as `list_labels` does, the rows for a label that applies or not, 1 or 0, with the probabilities `(N,)`."""
    places = np.flatnonzero((targets > 0) & (targets < 1))
    counted = weights * np.where(targets > 0, targets, 1.0)
    labels = (targets > 0).astype(np.int64)
    if not len(places):
        return _ALL, labels, counted
    no = np.zeros(len(places), np.int64)
    more = weights[places] * (1.0 - targets[places])
    return (
        np.concatenate([np.arange(len(targets)), places]),
        np.concatenate([labels, no]),
        np.concatenate([counted, more]),
    )


def list_margins(model: Any, columns: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the weights `(F, K)` and the biases `(K,)` of a scikit-learn classifier for K columns.

    For two classes scikit-learn has the margin of the second only; that of the first, if it has a column too, is the negative one.
    """
    kernel, bias = model.coef_.T, model.intercept_
    if columns == 2 and len(bias) == 1:
        return np.hstack([-kernel, kernel]), np.hstack([-bias, bias])
    return kernel, bias


def pack(
    features: NgramFeatures, kernel: NDArray[np.floating], bias: NDArray[np.floating]
) -> dict[str, NDArray[Any]]:
    """Return the weights of a linear part by the spec's names, in the dtypes of a bundle."""
    return {
        "linear/keys": features.keys,
        "linear/scale": features.scale.astype(np.float16),
        "linear/kernel": kernel.astype(np.float16),
        "linear/bias": bias.astype(np.float32),
    }


def without_features(targets: Targets, margins: int, multilabel: bool) -> dict[str, NDArray[Any]]:
    """Return a linear part without n-grams, whose bias is the labels' frequencies: no n-gram occurs often enough."""
    share = (targets.sum(axis=0) + 1.0) / (len(targets) + 2.0)
    odds = np.log(share / (1.0 - share)) if multilabel else np.log(share)
    bias = (odds[1:] - odds[:1]) / 2 if margins < len(share) else odds
    return {
        "linear/keys": np.zeros(0, np.uint32),
        "linear/scale": np.zeros(0, np.float16),
        "linear/kernel": np.zeros((0, margins), np.float16),
        "linear/bias": bias.astype(np.float32),
    }


def _transform(counts: list[NgramCounts], features: NgramFeatures) -> csr_matrix:
    """Return the features of all texts, `(N, F) float64`, as liblinear needs them; empties `counts`."""
    most = sum(len(run.keys) for run in counts)
    # The operating system allocates memory only for the part of these arrays that is written to.
    values, columns = np.empty(most, np.float64), np.empty(most, np.int32)
    sizes = []
    end = 0
    while counts:
        rows = features.transform(counts.pop(0))
        start, end = end, end + len(rows.columns)
        values[start:end], columns[start:end] = rows.values, rows.columns
        sizes.append(np.diff(rows.starts))
    starts = np.concatenate([[0], np.cumsum(np.concatenate(sizes))])
    return csr_matrix((values[:end], columns[:end], starts), shape=(len(starts) - 1, len(features.keys)))


def choose_features(
    counts: Sequence[NgramCounts], targets: Targets, config: LinearConfig, margins: int
) -> NgramFeatures:
    """Choose the n-grams that are most informative about the labels, as many as fit into `linear.max_megabytes`.

    Args:
        counts: The n-grams of all texts, as `count_runs` returns them.
        targets: `(N, C)` for all texts together.
        config: How often an n-gram must occur, and the megabytes.
        margins: Columns of the linear model.
    """
    keys, frequency = _frequencies(counts)
    frequent = frequency >= min(config.min_count, max(1, len(targets) // 2))
    keys, frequency = keys[frequent], frequency[frequent]
    present = _presence(counts, targets, keys)  # (F, C)
    informative = _informativeness(present, frequency, targets)  # (F,)
    most = int(config.max_megabytes * 1e6 / (6 + 2 * margins))
    value = informative * np.sqrt(frequency)
    value[: keys.searchsorted(CHARACTER_FAMILY)] *= _WORD_WORTH
    best = np.sort(np.argsort(-value, kind="stable")[:most])
    idf = np.log((1 + len(targets)) / (1 + frequency[best])) + 1.0
    scale = (idf * np.sqrt(informative[best])).astype(np.float16).astype(np.float32)
    return NgramFeatures(keys[best], scale)


def count_runs(texts: Sequence[str], vectorizer: Vectorizer, config: LinearConfig) -> list[NgramCounts]:
    """Count the n-grams of texts, run by run; see `grutext.training.samples.runs`."""
    return [count_ngrams(vectorizer.vectorize(run), config) for run in runs(texts, len, _CHUNK_CHARACTERS)]


def _frequencies(counts: Sequence[NgramCounts]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the n-grams' keys, ascending, and the number of texts in which each occurs, both `(F,)`."""
    distinct = [np.unique(run.keys, return_counts=True) for run in counts]
    keys = np.concatenate([some for some, _ in distinct])
    times = np.concatenate([some for _, some in distinct])
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=~keys[:1]))
    return keys[starts], np.add.reduceat(times[order], starts)


def _presence(counts: Sequence[NgramCounts], targets: Targets, keys: NDArray[np.uint32]) -> Targets:
    """Return the number of texts of each label in which each n-gram occurs, `(F, C)`."""
    index = KeyIndex(keys)
    total = np.zeros((len(keys), targets.shape[1]), np.float32)
    first = 0
    for run in counts:
        last = first + len(run.starts) - 1
        places, found = index.find(run.keys)
        occurs = np.zeros(len(keys), bool)
        occurs[places] = True
        here = np.flatnonzero(occurs)  # most n-grams are not in most runs
        columns = np.cumsum(occurs, dtype=np.int32)[places] - 1
        ones, starts = np.ones(len(places), np.float32), found.searchsorted(run.starts)
        where = csr_matrix((ones, columns, starts), shape=(last - first, len(here)))
        total[here] += where.T @ targets[first:last]
        first = last
    return total


def _informativeness(present: Targets, frequency: NDArray[np.int64], targets: Targets) -> NDArray[np.float32]:
    """Return sqrt(sum over c of prior_c * r_cf^2), `(F,)`; r_cf is the log-ratio of f's rates in class c and outside.

    The rates are smoothed with a few more texts that contain f and have the label frequencies of all texts.
    """
    texts, sizes = len(targets), targets.sum(axis=0)
    priors = sizes / max(1.0, sizes.sum())
    more = max(1.0, targets.shape[1] / 10)
    total = np.zeros(len(present), np.float32)
    for c in np.flatnonzero((sizes > 0) & (sizes < texts)):  # a table of F * C logs would not fit
        inside = (present[:, c] + more * sizes[c] / texts) / sizes[c]
        outside = (frequency - present[:, c] + more * (1 - sizes[c] / texts)) / (texts - sizes[c])
        total += priors[c] * np.square(np.log(inside / outside)).astype(np.float32)
    # With a single label no n-gram is informative.
    return np.sqrt(total) if total.any() else np.ones_like(total)
