"""How much a text is like those that a model was trained on.

Two things tell: how strongly the best label is backed, by scores that are not normalised (a softmax would
turn two weak scores into one sure label), and how much of the text is known at all. Measured on a dev part,
each has a mean and a deviation; the familiarity is the mean of the two in deviations from the mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grutext.inference.fusion import scale_scores
from grutext.model.spec import Calibration
from grutext.text import TokenBatch

Float = NDArray[np.float32]


def top_score(gru: Float | None, linear: Float | None, calibration: Calibration, multilabel: bool) -> Float:
    """Gives the largest fused score of each text, `(N,)`: of several labels, the largest log-odds."""
    scores = scale_scores(gru, linear, calibration, multilabel)
    return np.asarray(np.sum([share * score for share, score in scores], axis=0).max(axis=1), np.float32)


def known_tokens(tokens: TokenBatch) -> Float:
    """Gives the share of each text's tokens that are in the vocabulary, `(N,)`; 0 for an empty text."""
    texts = len(tokens.lengths)
    owners = np.repeat(np.arange(texts), tokens.lengths)
    known = np.bincount(owners, weights=tokens.rows[tokens.ids] > 0, minlength=texts)
    return np.asarray(known / np.maximum(tokens.lengths, 1), np.float32)


def familiarity(backed: Float, known: Float, calibration: Calibration) -> Float:
    """Gives the familiarity of N texts, `(N,) float32`; 0 is that of the average dev text.

    Args:
        backed: `(N,)`, as `top_score` gives it.
        known: `(N,)`, the share of a text's n-grams (without a linear part, tokens) that the model knows.
        calibration: Has the numbers `familiarity`.
    """
    bias, on_backed, on_known = calibration.familiarity
    return np.asarray(bias + on_backed * backed + on_known * known, np.float32)
