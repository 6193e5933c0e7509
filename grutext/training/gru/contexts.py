"""Draw the tokens of a batch that pretraining predicts, with the tokens around each."""

from __future__ import annotations

import numpy as np

from grutext.engines.base import Batch
from grutext.engines.cbow import CONTEXT
from grutext.text import UNKNOWN

_SHARE = 0.35  # of the tokens that are predicted
# Largest number of predicted tokens in a batch, since each is compared with all of them.
_MOST_PREDICTED = 2_048
_OFFSETS = np.array([*range(-CONTEXT, 0), *range(1, CONTEXT + 1)])
_NONE = np.zeros(0, np.int32)
# The unknown word, predicted from no context: for a worker that has nothing to predict while others have.
IDLE: Batch = {
    "lengths": np.zeros(1, np.int32),
    "word_rows": np.array([UNKNOWN], np.int32),
    "type_words": np.zeros(1, np.int32),
    "bucket_rows": _NONE,
    "type_buckets": _NONE,
    "type_of_bucket": _NONE,
    "contexts": np.ones((1, 2 * CONTEXT), np.int32),  # padding
    "predicted_types": np.zeros(1, np.int32),
    "predicted": np.zeros(1, np.int32),
}


def draw_contexts(batch: Batch, rng: np.random.Generator) -> Batch | None:
    """Return what `grutext.engines.cbow.CBOW` reads of a batch; None if no token was drawn.

    Padding is never predicted, nor is a token that has neither a word row nor subwords, since it has no vector of its own.

    Args:
        batch: A batch as `grutext.training.gru.batches.VectorizedCorpus.batch` returns it.
        rng: Draws the predicted tokens.
    """
    ids, types = batch["ids"], len(batch["type_words"])
    has_vector = np.append(batch["word_rows"][batch["type_words"]] != UNKNOWN, False)  # the last is padding
    has_vector[batch["type_of_bucket"]] = True
    texts, places = np.nonzero(has_vector[ids] & (rng.random(ids.shape) < _SHARE))
    if len(texts) > _MOST_PREDICTED:
        drawn = np.sort(rng.choice(len(texts), _MOST_PREDICTED, replace=False))
        texts, places = texts[drawn], places[drawn]
    if not len(texts):
        return None
    predicted_types, predicted = np.unique(ids[texts, places], return_inverse=True)
    around = np.pad(ids, ((0, 0), (CONTEXT, CONTEXT)), constant_values=types)
    contexts = around[texts[:, None], places[:, None] + CONTEXT + _OFFSETS]  # (H, 2 * CONTEXT)
    names = ("lengths", "word_rows", "type_words", "bucket_rows", "type_buckets", "type_of_bucket")
    return {name: batch[name] for name in names} | {
        "contexts": contexts,
        "predicted_types": predicted_types.astype(np.int32),
        "predicted": predicted.astype(np.int32),
    }
