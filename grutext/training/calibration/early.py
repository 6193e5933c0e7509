"""Calibrate the answers about texts that are still coming, and choose when they are safe to take.

The beginnings of the dev texts, up to each checkpoint, are labelled as a session labels them. The factor on their
log-probabilities depends on the number of words, and is fitted by their likelihood.

An answer is taken where its confidence first reaches a threshold. Its loss is 1 if that answer is wrong and the one after the
end is right. Thresholds are tested from the highest on, and the last one is chosen before the first for which a mean loss above
the promised gap cannot be ruled out, by the exact binomial distribution (fixed sequence testing; "Learn then test",
arXiv 2110.01052; for early answers, Ringel et al. 2024, arXiv 2402.00857). The guarantee: for at most one of ten random dev sets
do texts from the same source have a larger mean loss, and so an accuracy that is lower by more than the gap. It is exact for a
model that does not depend on the dev set; that the best epoch and the calibration do is neglected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import binom

from grutext.inference import Classifier
from grutext.inference.decisions import choose
from grutext.inference.fusion import sharpen
from grutext.inference.sessions import Reading, length_factors, read_to_checkpoints
from grutext.model.bundle import Bundle
from grutext.training.calibration.fit import loss

Float = NDArray[np.float32]

GAPS = (0.005, 0.01, 0.02, 0.05)
RISK = 0.1  # share of dev sets for which the guarantee may fail
# Of the confidence, tested in this order; they do not depend on the data.
THRESHOLDS = tuple((1 - np.geomspace(1e-4, 0.5, 60)).round(5).tolist())
_MOST_TEXTS, _MOST_BEGINNINGS = 2_000, 20_000
_PRIOR = 1.0  # nats, times the squares of the coefficients


@dataclass(frozen=True, slots=True)
class Beginnings:
    """N texts, as a session reads them: checkpoint by checkpoint.

    Attributes:
        readings: The probabilities at each checkpoint; those of a text that has ended are the last of it.
        texts: Their number N.
    """

    readings: Sequence[Reading]
    texts: int

    @property
    def whole(self) -> Float:
        """The probabilities after the end of each text, `(N, C)`."""
        whole = np.zeros((self.texts, self.readings[0].probabilities.shape[1]), np.float32)
        for reading in self.readings:
            whole[reading.texts[reading.has_ended]] = reading.probabilities[reading.has_ended]
        return whole

    @property
    def words(self) -> NDArray[np.int64]:
        """The number of words of each text, `(N,)`."""
        words = np.zeros(self.texts, np.int64)
        for reading in self.readings:
            words[reading.texts] = np.maximum(words[reading.texts], reading.words)
        return words

    def sharpened(self, length: Sequence[float], multilabel: bool) -> Beginnings:
        """Return the same with the calibration for beginnings, see `Calibration.length`."""
        readings = []
        for reading in self.readings:
            factors = np.where(reading.has_ended, 1.0, length_factors(reading.words, length))
            sharp = sharpen(reading.probabilities, factors, multilabel)
            readings.append(
                replace(
                    reading, probabilities=np.where(reading.has_ended[:, None], reading.probabilities, sharp)
                )
            )
        return replace(self, readings=readings)

    def stop(self, threshold: float, limits: Sequence[float]) -> tuple[Float, NDArray[np.int64]]:
        """Return the probabilities where each text is decided, `(N, C)`, and the words read until then, `(N,)`."""
        found, words = self.whole, self.words.copy()
        is_decided = np.zeros(self.texts, np.bool_)
        for reading in self.readings:
            best = choose(reading.probabilities, limits)
            confidence = np.take_along_axis(reading.probabilities, best[:, None], axis=1)[:, 0]
            now = (confidence >= threshold) & ~is_decided[reading.texts]
            texts = reading.texts[now]
            found[texts], words[texts] = reading.probabilities[now], reading.words[now]
            is_decided[texts] = True
        return found, words


def read_beginnings(bundle: Bundle, texts: Sequence[str]) -> Beginnings:
    """Read texts as a session does, checkpoint by checkpoint."""
    stream = Classifier(bundle, compiled=False).stream
    return Beginnings(list(read_to_checkpoints(stream, texts, np.zeros(len(texts), np.bool_))), len(texts))


def calibrate_early(bundle: Bundle, texts: Sequence[str], targets: Float) -> Bundle:
    """Return the bundle with the calibration of beginnings and the thresholds of early answers.

    Args:
        bundle: A calibrated model that reads forward only.
        texts: Dev texts, which no weight was trained on; each once.
        targets: `(N, C)`, 1 where a label applies.
    """
    known = np.flatnonzero(targets.sum(axis=1) > 0)[:_MOST_TEXTS]
    texts, targets = [texts[n] for n in known], targets[known]
    if not texts:
        return bundle
    read = read_beginnings(bundle, texts)
    length = fit_length(read, targets, bundle.multilabel)
    bundle = replace(bundle, calibration=replace(bundle.calibration, length=length))
    if bundle.multilabel:
        return bundle
    limits = bundle.calibration.thresholds
    return replace(bundle, early=choose_early(read.sharpened(length, False), targets, limits))


def fit_length(read: Beginnings, targets: Float, multilabel: bool) -> tuple[float, float]:
    """Return the coefficients of `Calibration.length` of the highest likelihood, with a prior around 0."""
    beginnings = [~reading.has_ended for reading in read.readings]
    probabilities = np.concatenate(
        [r.probabilities[own] for r, own in zip(read.readings, beginnings, strict=True)]
    )
    words = np.concatenate([r.words[own] for r, own in zip(read.readings, beginnings, strict=True)])
    texts = np.concatenate([r.texts[own] for r, own in zip(read.readings, beginnings, strict=True)])
    some = slice(None, None, len(texts) // _MOST_BEGINNINGS + 1)
    probabilities, words, texts = probabilities[some], words[some], texts[some]
    if not len(texts):
        return (0.0, 0.0)

    def cost(length: NDArray[np.float64]) -> float:
        trial = sharpen(probabilities, length_factors(words, length.tolist()), multilabel)
        return loss(trial, targets[texts], multilabel) + _PRIOR / len(texts) * float(length @ length)

    fitted = minimize(cost, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-6}).x
    return float(fitted[0]), float(fitted[1])


def choose_early(read: Beginnings, targets: Float, limits: Sequence[float]) -> list[dict[str, Any]]:
    """Return the threshold for each gap in `GAPS`, and the share of the words that is read with it.

    Args:
        read: The dev texts, with calibrated probabilities.
        targets: `(N, C)`, 1 where a label applies.
        limits: The thresholds of the labels, see `Calibration`.
    """
    rows = np.arange(read.texts)
    is_right = targets[rows, choose(read.whole, limits)] > 0
    words = int(read.words.sum())
    losses, shares = [], []
    for threshold in THRESHOLDS:
        found, read_words = read.stop(threshold, limits)
        losses.append(int((is_right & ~(targets[rows, choose(found, limits)] > 0)).sum()))
        shares.append(int(read_words.sum()) / max(1, words))
    chosen = []
    for gap in GAPS:
        row: dict[str, Any] = {"gap": gap, "threshold": None, "words_read": 1.0}
        for threshold, lost, share in zip(THRESHOLDS, losses, shares, strict=True):
            if binom.cdf(lost, read.texts, gap) > RISK:
                break
            row |= {"threshold": threshold, "words_read": share}
        chosen.append(row)
    return chosen
