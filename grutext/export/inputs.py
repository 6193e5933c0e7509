"""The inputs of an exported network: texts as integers, and nothing that depends on the weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.inference import Classifier
from grutext.model.bundle import Bundle
from grutext.text import count_ngrams

Inputs = dict[str, NDArray[Any]]


def has_text_vectors(bundle: Bundle) -> bool:
    """Return whether the linear part of a model reads text vectors."""
    return "linear/vector_kernel" in bundle.weights


def reads_tokens(bundle: Bundle) -> bool:
    """Return whether a model reads tokens, and not only n-grams."""
    return bundle.config.gru.enabled or has_text_vectors(bundle)


def model_inputs(model: Classifier, texts: Iterable[str]) -> Inputs:
    """Return the inputs of a network that was exported to ONNX, by name.

    The guide to other runtimes explains each of them.

    Args:
        model: The model that was exported; a part that is off has no inputs.
        texts: N texts of at most T tokens, with M distinct tokens that have K character n-grams. They are one batch: memory
            grows with N times T.

    Returns:
        `lengths` (N,) int32. For the GRU part and text vectors `ids` (N, T) int32, padded with 0, and `rows` (M,) int32. For
        the GRU part, with character n-grams, `buckets` and `bucket_types` (K,) int32. For the linear part, for each of Z n-grams,
        `keys` (Z,) uint32, `counts` and `key_texts` (Z,) int32.

    Raises:
        TypeError: `texts` is not an iterable of `str`.
    """
    config, batch = model.bundle.config, model.tokenize(texts)
    inputs: Inputs = {"lengths": batch.lengths}
    if reads_tokens(model.bundle):
        inputs["ids"] = _pad(batch.ids, batch.lengths)  # (N, T)
        inputs["rows"] = batch.rows
    if config.gru.enabled and config.text.subword_max:
        inputs["buckets"] = batch.buckets
        inputs["bucket_types"] = np.repeat(np.arange(len(batch.rows), dtype=np.int32), batch.bucket_counts)
    if config.linear.enabled:
        ngrams = count_ngrams(batch, config.linear)
        inputs["keys"], inputs["counts"] = ngrams.keys, ngrams.counts
        inputs["key_texts"] = ngrams.texts.astype(np.int32)
    return inputs


def _pad(ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the ids of N texts, one after the other, as rows of the length of the longest, `(N, T) int32`."""
    longest = int(lengths.max(initial=0))
    padded = np.zeros((len(lengths), longest), np.int32)
    padded[np.arange(longest) < lengths[:, None]] = ids
    return padded
