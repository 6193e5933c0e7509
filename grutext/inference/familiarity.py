"""How much a text is like those that a model was trained on.

It is measured by the highest score before normalisation (a softmax would turn two weak scores into one confident
label) and by the share of the text that the model knows. The familiarity is the mean of the two, each in standard
deviations from its mean over the dev set.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grutext.inference.fusion import scale_scores
from grutext.model.spec import Calibration
from grutext.text import TokenBatch

Float = NDArray[np.float32]


def top_score(gru: Float | None, linear: Float | None, calibration: Calibration, multilabel: bool) -> Float:
    """Return the highest fused score of each text, shape (N,), float32: a logit, or the log-odds for several labels."""
    scores = scale_scores(gru, linear, calibration, multilabel)
    return np.asarray(np.sum([share * score for share, score in scores], axis=0).max(axis=1), np.float32)


def known_tokens(tokens: TokenBatch) -> Float:
    """Return the share of each text's tokens that are in the vocabulary, shape (N,), float32; 0 for an empty text."""
    texts = len(tokens.lengths)
    owners = np.repeat(np.arange(texts), tokens.lengths)
    known = np.bincount(owners, weights=tokens.rows[tokens.ids] > 0, minlength=texts)
    return np.asarray(known / np.maximum(tokens.lengths, 1), np.float32)


def familiarity(top_scores: Float, known: Float, calibration: Calibration) -> Float:
    """Return the familiarity of N texts, shape (N,), float32; 0 is that of the average dev text.

    Args:
        top_scores: `(N,)`, as `top_score` returns it.
        known: `(N,)`, the share of a text's n-grams (without a linear part, of its tokens) that the model knows.
        calibration: Has the three numbers `familiarity`: a bias, and the weights of the two measures.
    """
    bias, score_weight, known_weight = calibration.familiarity
    return np.asarray(bias + score_weight * top_scores + known_weight * known, np.float32)
