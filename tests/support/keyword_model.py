"""A model so small that its probabilities can be computed by hand."""

from __future__ import annotations

import numpy as np

from grutext.config import Config
from grutext.model.bundle import Bundle
from grutext.model.spec import Calibration
from grutext.text import Vectorizer, Vocabulary, count_ngrams

LABELS = ("billing", "delivery", "login")
KEYWORDS = ("invoice", "parcel", "password")


def build_keyword_model(multilabel: bool) -> Bundle:
    """Build a model without a GRU that knows one word for each label.

    A text with one of the words has a margin of 3 for its label and of 0 for the others, so that the
    probability is e^3 / (e^3 + 2) = 0.909443; with several labels it is 1 / (1 + e^-2) = 0.880797, or
    1 / (1 + e^1) = 0.268941 without the word.
    """
    config = Config().override({"gru.enabled": False, "linear.char_max": 0, "linear.word_max": 1})
    vectorizer = Vectorizer(config.text, Vocabulary(KEYWORDS))
    keys = [count_ngrams(vectorizer.vectorize([word]), config.linear).keys[0] for word in KEYWORDS]
    order = np.argsort(keys)
    return Bundle(
        config=config,
        labels=LABELS,
        multilabel=multilabel,
        vocabulary=KEYWORDS,
        weights={
            "linear/keys": np.array(keys, np.uint32)[order],
            "linear/scale": np.ones(3, np.float16),
            "linear/kernel": (3 * np.eye(3))[order].astype(np.float16),
            "linear/bias": np.full(3, -1.0 if multilabel else 0.0, np.float32),
        },
        calibration=Calibration(thresholds=(0.5, 0.5, 0.5) if multilabel else ()),
        data={"source": "mails.csv", "text_column": "message", "label_column": "topic"},
        versions={"grutext": "0.1.0", "python": "3.11.7"},
        created="2024-05-01T12:00:00+00:00",
    )
