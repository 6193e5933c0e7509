"""What a model says about texts: how many of their words it knows, and how familiar they are to it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from grutext.data_quality.findings import Finding
from grutext.inference import Classifier
from grutext.inference.familiarity import known_tokens
from grutext.messages import count, quote
from grutext.text import Vectorizer, Vocabulary

_MOST_COUNTED = 100_000  # unknown words
_SHOWN_WORDS = 5
# Unfamiliar texts are a finding if they are twice as many as of the dev texts, and chance makes so many in one of a thousand cases.
_MOST_TIMES, _LEAST_DEVIATIONS = 2.0, 3.1


class ModelMeasures:
    """The measures of a model over texts that are read block after block.

    Args:
        model: The model.

    Attributes:
        unknown_words: How often the unknown words occur.
    """

    def __init__(self, model: Classifier) -> None:
        self.model = model
        self.unknown_words: Counter[str] = Counter()
        bundle = model.bundle
        self._vectorizer = Vectorizer(bundle.config.text, Vocabulary(bundle.vocabulary))
        self._has_familiarity = bool(bundle.calibration.familiarity)
        self._unknown: list[NDArray[np.float32]] = []
        self._familiarity: list[NDArray[np.float32]] = []

    def add(self, texts: Sequence[str]) -> None:
        """Measure texts."""
        tokens = self._vectorizer.vectorize(texts)
        self._unknown.append(1.0 - known_tokens(tokens))
        counts = np.bincount(tokens.ids, minlength=len(tokens.rows))
        for place in np.flatnonzero(tokens.rows == 0).tolist():
            self.unknown_words[tokens.types[place]] += int(counts[place])
        if len(self.unknown_words) > _MOST_COUNTED:
            self.unknown_words = Counter(dict(self.unknown_words.most_common(_MOST_COUNTED // 2)))
        if self._has_familiarity:
            self._familiarity.append(self.model.familiarity(texts))

    @property
    def unknown(self) -> NDArray[np.float32]:
        """`(N,)`, the share of each text's words that the model does not know; 0 to 1."""
        return np.concatenate([np.zeros(0, np.float32), *self._unknown])

    @property
    def familiarity(self) -> NDArray[np.float32] | None:
        """`(N,)`, the familiarity of each text, 0 for the average dev text; None for a model of an old version."""
        return (
            np.concatenate([np.zeros(0, np.float32), *self._familiarity]) if self._has_familiarity else None
        )


def find_unfamiliar(measures: ModelMeasures) -> Iterator[Finding]:
    """Yield a finding if far more texts than of the model's dev set are unfamiliar to it.

    The number is tested against the share that the model's threshold leaves of its dev texts, by the normal approximation of
    the binomial distribution.
    """
    familiarity, thresholds = measures.familiarity, measures.model.bundle.unfamiliar
    if familiarity is None or not len(familiarity) or not thresholds:
        return
    share, threshold = (float(thresholds[-1][name]) for name in ("refused", "threshold"))
    texts, found = len(familiarity), int((familiarity < threshold).sum())
    deviations = (found - share * texts) / math.sqrt(texts * share * (1.0 - share))
    if found <= _MOST_TIMES * share * texts or deviations < _LEAST_DEVIATIONS:
        return
    words = ", ".join(quote(word, 20) for word, _ in measures.unknown_words.most_common(_SHOWN_WORDS))
    message = (
        f"{found:,} of {count(texts, 'text')} ({found / texts:.0%}) are less familiar to the model than {1 - share:.0%} of "
        f"its dev texts; the most frequent words that it does not know: {words or 'none'}"
    )
    remedy = "train on such texts too, or leave them to a person: grutext predict --familiar-above"
    yield Finding("unfamiliar_text", message, found, remedy)
