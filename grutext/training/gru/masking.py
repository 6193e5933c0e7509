"""Mask tokens of a batch for masked-token prediction.

Devlin et al. 2019, arXiv 1810.04805; also known as the cloze test (Taylor 1953).
"""

from __future__ import annotations

import numpy as np

from grutext.engines.base import Batch
from grutext.text import UNKNOWN

_MASKED_SHARE = 0.35  # of the tokens
# Largest number of masked tokens in a batch, since each is compared with all of them; long texts have a smaller masked share.
_MOST_MASKED = 2_048


def mask_tokens(batch: Batch, rng: np.random.Generator) -> Batch | None:
    """Return a batch in which some tokens are replaced by an unknown one without subwords; None if no token was drawn.

    Padding is never masked, nor is a token that has neither a word row nor subwords, since it has no vector that
    could be predicted.

    Args:
        batch: A batch as `grutext.training.gru.batches.VectorizedCorpus.batch` returns it.
        rng: Draws the masked tokens.

    Returns:
        The batch without its targets, plus three arrays: `masked_positions` `(H,) int32`, the positions of the masked
        tokens in the flattened `(T, N)`; `masked_types` `(K,) int32`, their distinct types; `masked_targets` `(H,) int32`, the
        index in `masked_types` of each masked token's type.
    """
    ids, types = batch["ids"], len(batch["type_words"])
    has_vector = np.append(batch["word_rows"][batch["type_words"]] != UNKNOWN, False)  # the last is padding
    has_vector[batch["type_of_bucket"]] = True
    places = np.flatnonzero(has_vector[ids.T] & (rng.random(ids.shape[::-1]) < _MASKED_SHARE))
    if len(places) > _MOST_MASKED:
        places = np.sort(rng.choice(places, _MOST_MASKED, replace=False))
    if not len(places):
        return None
    steps = ids.T.copy()  # (T, N)
    masked_types, targets = np.unique(steps.ravel()[places], return_inverse=True)
    steps[steps == types] = types + 1  # padding moves up: `types` is now the type of every masked token
    steps.ravel()[places] = types
    words = np.union1d(batch["word_rows"], [UNKNOWN]).astype(np.int32)
    read = np.append(batch["word_rows"][batch["type_words"]], UNKNOWN)
    return {
        **{name: batch[name] for name in ("lengths", "bucket_rows", "type_buckets", "type_of_bucket")},
        "ids": np.ascontiguousarray(steps.T),
        "word_rows": words,
        "type_words": words.searchsorted(read).astype(np.int32),
        "masked_positions": places.astype(np.int32),
        "masked_types": masked_types.astype(np.int32),
        "masked_targets": targets.astype(np.int32),
    }
