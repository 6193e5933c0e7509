"""Hides tokens of a batch, for the GRU to tell from those around them: the cloze test (Taylor 1953) that
masked language models learn from (Devlin et al. 2019, arXiv 1810.04805).
"""

from __future__ import annotations

import numpy as np

from grutext.engines.base import Batch
from grutext.text import UNKNOWN

_HIDDEN = 0.35  # share of the tokens
# In a batch, for each is compared with all that are hidden: of long texts a smaller share.
_MOST_HIDDEN = 2_048


def mask_tokens(batch: Batch, rng: np.random.Generator) -> Batch | None:
    """Gives a batch some of whose tokens read as unknown, without subwords; None where chance hides none.

    Args:
        batch: As `grutext.training.gru.batches.VectorizedCorpus.batch` gives it.
        rng: Decides which.

    Returns:
        The batch, without its targets, and with `masked_positions` `(H,)`, where in `(T, N)` the hidden tokens are, counted
        step after step, `masked_types` `(K,)`, their distinct types, and `masked_targets` `(H,)`, which of these each of them is.
    """
    ids, types = batch["ids"], len(batch["type_words"])
    # Padding, the last, is not known.
    is_known = np.append(batch["word_rows"][batch["type_words"]] != UNKNOWN, False)
    is_known[batch["type_of_bucket"]] = True  # what has neither row nor subwords has no vector to be told by
    places = np.flatnonzero(is_known[ids.T] & (rng.random(ids.shape[::-1]) < _HIDDEN))
    if len(places) > _MOST_HIDDEN:
        places = np.sort(rng.choice(places, _MOST_HIDDEN, replace=False))
    if not len(places):
        return None
    steps = ids.T.copy()  # (T, N)
    hidden, answers = np.unique(steps.ravel()[places], return_inverse=True)
    steps[steps == types] = types + 1  # padding comes after the type that stands for all that is hidden
    steps.ravel()[places] = types
    words = np.union1d(batch["word_rows"], [UNKNOWN]).astype(np.int32)
    read = np.append(batch["word_rows"][batch["type_words"]], UNKNOWN)
    return {
        **{name: batch[name] for name in ("lengths", "bucket_rows", "type_buckets", "type_of_bucket")},
        "ids": np.ascontiguousarray(steps.T),
        "word_rows": words,
        "type_words": words.searchsorted(read).astype(np.int32),
        "masked_positions": places.astype(np.int32),
        "masked_types": hidden.astype(np.int32),
        "masked_targets": answers.astype(np.int32),
    }
