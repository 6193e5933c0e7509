"""Metrics on samples of the texts, for the bootstrap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from grutext.evaluation.decisions import Decisions, FloatArray

_MOST_SAMPLES, _MOST_COUNTS = 50, 1_250_000  # that are held at once; so many counts need 10 MB


def draw_samples(texts: int, samples: int, seed: int) -> Iterator[FloatArray]:
    """Yield how often each text is in a sample, shapes (S, texts), some samples at a time.

    Each sample has as many texts as there are, drawn with replacement; they are always the same ones for the same seed.

    Args:
        texts: The number of texts.
        samples: The number of samples.
        seed: Seed of the random numbers.
    """
    random = np.random.default_rng(seed)
    at_once = max(1, min(_MOST_SAMPLES, _MOST_COUNTS // texts))
    for start in range(0, samples, at_once):
        drawn = random.integers(texts, size=(min(at_once, samples - start), texts))
        yield np.stack([np.bincount(own, minlength=texts) for own in drawn]).astype(np.float64)


def measure(decisions: Decisions, samples: Iterable[FloatArray]) -> dict[str, FloatArray]:
    """Return accuracy, macro-, micro- and weighted F1 and log loss on each of S samples, shape (S,).

    Args:
        decisions: What a model decided about N texts.
        samples: How often each text is in a sample, shapes (samples, N).
    """
    from scipy.sparse import csr_array

    actual, predicted = decisions.actual, decisions.predicted
    tables = [
        csr_array(table.T.astype(np.float64)) for table in (actual & predicted, predicted, actual)
    ]  # (C, N)
    correct, losses = decisions.correct.astype(np.float64), decisions.text_losses  # (N,)
    parts = []
    for times in samples:  # (S, N)
        texts = times.sum(axis=1)  # (S,)
        hits, positives, support = ((table @ times.T).T for table in tables)  # (S, C)
        total = positives + support  # (S, C)
        f1 = label_f1(hits, total)
        parts.append(
            {
                "accuracy": times @ correct / texts,
                "macro_f1": macro_f1(hits, total),
                "micro_f1": 2 * hits.sum(axis=1) / np.maximum(total.sum(axis=1), 1),
                "weighted_f1": (f1 * support).sum(axis=1) / np.maximum(support.sum(axis=1), 1),
                "log_loss": times @ losses / texts,
            }
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def label_f1(hits: FloatArray, total: FloatArray) -> FloatArray:
    """Return the F1 of each label on each sample, shape (S, C); 0 where a label is neither true nor predicted.

    Args:
        hits: `(S, C)`, texts that got the label and have it.
        total: `(S, C)`, texts that got it plus texts that have it.
    """
    return 2 * hits / np.maximum(total, 1)


def macro_f1(hits: FloatArray, total: FloatArray) -> FloatArray:
    """Return the mean F1 over the labels that are true or predicted in each sample, shape (S,); the arguments are those of `label_f1`."""
    return np.asarray(label_f1(hits, total).sum(axis=1) / np.maximum((total > 0).sum(axis=1), 1))
